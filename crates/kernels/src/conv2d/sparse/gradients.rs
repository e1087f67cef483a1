//! The gradients of a convolution of a compressed input: by the weights, by the entries, or by both at once.
//!
//! Entries are listed by input channel (`lists.rs`). For a channel `c` and a tap, a piece passes over the list with
//! what belongs to `c` in registers, a block of output channels at a time:
//!
//! - weight gradient: row `[ky][kx][c]` is the sum of `value * dy[row of the entry]`;
//! - input gradient: an entry's is the dot product of weight row `[ky][kx][c]` and the same row of `dy`.
//!
//! Both together load `dy` once. A value of `dw` is summed over its entries in order, and an entry's gradient over the
//! taps of a block, then over blocks: neither tiles nor pieces show in the bits.

use super::lists::{for_each_round, longest_list, Round};
use super::records::Entry;
use super::{check, weighted_sum};
use crate::conv2d::block::{blocks, keep_order, run_block, Block, Lanes};
use crate::conv2d::Conv2dShape;
use crate::parallel::{for_each_chunk_mut, for_each_piece, threads, Disjoint};
use crate::scratch;
use crate::simd::LANES;
use crate::sparse::Pattern;
use core::ops::Range;

/// `dw`, in the order of weights, from the entries `pattern`, `value` and `dy [n][out_h][out_w][c_out]`.
pub fn weight_gradient(shape: &Conv2dShape, pattern: &Pattern, value: &[f32], dy: &[f32], dw: &mut [f32]) {
    run(shape, pattern, dy, Some((value, dw)), None);
}

/// `dvalue[entry] =` the gradient by the entry's value, from `dy [n][out_h][out_w][c_out]`.
pub fn input_gradient(shape: &Conv2dShape, pattern: &Pattern, dy: &[f32], weight: &[f32], dvalue: &mut [f32]) {
    run(shape, pattern, dy, None, Some((weight, dvalue)));
}

/// [`weight_gradient`] and [`input_gradient`].
pub fn gradients(
    shape: &Conv2dShape,
    pattern: &Pattern,
    value: &[f32],
    dy: &[f32],
    weight: &[f32],
    dw: &mut [f32],
    dvalue: &mut [f32],
) {
    run(shape, pattern, dy, Some((value, dw)), Some((weight, dvalue)));
}

/// The gradients by the weights, from `value`, and by the entries, from `weight`.
fn run(
    shape: &Conv2dShape,
    pattern: &Pattern,
    dy: &[f32],
    by_weights: Option<(&[f32], &mut [f32])>,
    by_entries: Option<(&[f32], &mut [f32])>,
) {
    check(shape, pattern);
    assert_eq!(dy.len(), shape.y_len(), "dy");
    let (value, dw) = by_weights.unzip();
    let (weight, mut dvalue) = by_entries.unzip();
    for (name, values) in [("value", value), ("dvalue", dvalue.as_deref())] {
        assert!(values.is_none_or(|values| values.len() == pattern.shape.entries_len()), "{name}");
    }
    for (name, weights) in [("weight", weight), ("dw", dw.as_deref())] {
        assert!(weights.is_none_or(|weights| weights.len() == shape.weight_len()), "{name}");
    }
    let dw = dw.map(|dw| {
        if shape.n == 0 {
            dw.fill(0.0); // which the first round does otherwise
        }
        Disjoint::new(dw)
    });
    for_each_round(shape, pattern, value, dy, |round| {
        let values = round.samples.start * pattern.shape.capacity..round.samples.end * pattern.shape.capacity;
        let pass = Pass { shape, round, first_value: values.start, dw: dw.as_ref(), weight };
        match dvalue.as_deref_mut() {
            Some(dvalue) => by_blocks(blocks(shape), &mut dvalue[values], |sums| pass.run(sums)),
            None => pass.run(&Disjoint::new(&mut [])),
        }
    });
}

/// Calls `work` with zeros, `[blocks][sums.len()]`, and adds up what it leaves there, block by block.
fn by_blocks(blocks: usize, sums: &mut [f32], work: impl FnOnce(&Disjoint<f32>)) {
    /// Values that a thread takes at a time.
    const CHUNK: usize = 4096;
    if blocks == 1 {
        for_each_chunk_mut(sums, CHUNK, |_, sums| sums.fill(0.0));
        work(&Disjoint::new(sums));
        return;
    }
    let len = sums.len();
    scratch::with(blocks * len, |parts| {
        for_each_chunk_mut(parts, CHUNK, |_, parts| parts.fill(0.0));
        work(&Disjoint::new(parts));
        for_each_chunk_mut(sums, CHUNK, |i, sums| {
            sums.copy_from_slice(&parts[i * CHUNK..][..sums.len()]);
            for part in parts.chunks_exact(len).skip(1) {
                sums.iter_mut().zip(&part[i * CHUNK..]).for_each(|(sum, part)| *sum += part);
            }
        });
    });
}

/// The passes over a round.
struct Pass<'a> {
    shape: &'a Conv2dShape,
    round: &'a Round<'a>,
    /// The round's first place in the pattern's values.
    first_value: usize,
    dw: Option<&'a Disjoint<'a, f32>>,
    weight: Option<&'a [f32]>,
}

impl Pass<'_> {
    /// `sums` are those of the entries, by blocks.
    fn run(&self, sums: &Disjoint<f32>) {
        let (shape, round, blocks) = (self.shape, self.round, blocks(self.shape));
        // Threads first share the blocks, each of which has its own part of `dy`, and then the input channels.
        let ranges = (2 * threads()).div_ceil(blocks).min(shape.c_in);
        scratch::with_u32(ranges + 1, |bounds| {
            cut_channels(shape, round, bounds);
            for_each_piece(blocks * ranges, |piece| {
                let (block, range) = (piece % blocks, piece / blocks);
                let channels = bounds[range] as usize..bounds[range + 1] as usize;
                if let (Some(dw), 0) = (self.dw, round.samples.start) {
                    let row_len = shape.kh * shape.kw * shape.block_width();
                    let first = block * shape.block_len();
                    // SAFETY: the piece alone has these channels of the block.
                    unsafe { dw.slice(first + channels.start * row_len..first + channels.end * row_len) }.fill(0.0);
                }
                let of_block = (block * (sums.len() / blocks)).wrapping_sub(self.first_value);
                let by_weights = self.dw.map(|dw| ByWeights { dw });
                let by_entries = self.weight.map(|weight| ByEntries { weight, sums, of_block });
                for tile in 0..round.tiles() {
                    round.fetch(shape, tile, block);
                    let at = Place { shape, round, tile, dy: round.dy(block), channels: channels.clone() };
                    match (&by_weights, &by_entries) {
                        (Some(by_weights), Some(by_entries)) => {
                            run_block(shape, block, &Channels { at, work: Both { by_weights, by_entries } });
                        }
                        (Some(work), None) => run_block(shape, block, &Channels { at, work }),
                        (None, Some(work)) => run_block(shape, block, &Channels { at, work }),
                        (None, None) => {}
                    }
                }
            });
        });
    }
}

/// Bounds of ranges of input channels that have about as many entries: some channels win more often than others.
fn cut_channels(shape: &Conv2dShape, round: &Round, bounds: &mut [u32]) {
    let (last, all) = (bounds.len() - 1, round.entries_below(shape, shape.c_in));
    bounds[0] = 0;
    let mut channel = 0;
    for (piece, bound) in bounds.iter_mut().enumerate().take(last).skip(1) {
        while round.entries_below(shape, channel) * last < all * piece {
            channel += 1;
        }
        *bound = channel as u32;
    }
    bounds[last] = shape.c_in as u32;
}

struct ByWeights<'a> {
    dw: &'a Disjoint<'a, f32>,
}

struct ByEntries<'a> {
    weight: &'a [f32],
    sums: &'a Disjoint<'a, f32>,
    /// What leads from an entry's place in the pattern's values to its sum.
    of_block: usize,
}

struct Both<'a> {
    by_weights: &'a ByWeights<'a>,
    by_entries: &'a ByEntries<'a>,
}

/// What is done with the entries of a channel.
trait Work {
    /// Whether sums by entry are needed.
    const BY_ENTRIES: bool;
    /// Treats the `V * L::WIDTH` output channels whose weights begin at `row`. `dy` is where they begin in the row
    /// of place 0; `sums` has `L::WIDTH` values for each entry.
    ///
    /// # Safety
    /// These values must exist, in rows of `dy` at every place, and no other piece may hold the channel.
    unsafe fn pass<L: Lanes, const V: usize>(&self, entries: &[Entry], row: usize, dy: *const f32, sums: &mut [f32]);
    /// Adds to an entry's sum.
    ///
    /// # Safety
    /// No other piece may hold the entry's channel.
    unsafe fn finish(&self, origin: u32, sum: f32);
}

impl Work for &ByWeights<'_> {
    const BY_ENTRIES: bool = false;
    #[inline(always)]
    unsafe fn pass<L: Lanes, const V: usize>(&self, entries: &[Entry], row: usize, dy: *const f32, _: &mut [f32]) {
        // SAFETY: the caller's contract.
        unsafe {
            let dw = self.dw.slice(row..row + V * L::WIDTH).as_mut_ptr();
            let acc = core::array::from_fn(|i| L::load(dw.add(i * L::WIDTH)));
            let acc = weighted_sum::<L, V>(acc, entries, dy);
            for (i, acc) in acc.iter().enumerate() {
                acc.store(dw.add(i * L::WIDTH));
            }
        }
    }
    unsafe fn finish(&self, _: u32, _: f32) {}
}

impl Work for &ByEntries<'_> {
    const BY_ENTRIES: bool = true;
    #[inline(always)]
    unsafe fn pass<L: Lanes, const V: usize>(&self, entries: &[Entry], row: usize, dy: *const f32, sums: &mut [f32]) {
        let weight = self.weight[row..row + V * L::WIDTH].as_ptr();
        // SAFETY: the caller's contract; `sums` is as long as the entries.
        unsafe {
            let weight: [L; V] = core::array::from_fn(|i| L::load(weight.add(i * L::WIDTH)));
            let mut sum = sums.as_mut_ptr();
            for entry in entries {
                let row = dy.wrapping_byte_add(entry.place as usize);
                // Two chains of additions, half as long.
                let mut acc = [L::load(sum), L::zero()];
                for (i, &weight) in weight.iter().enumerate() {
                    let dy = L::load(row.add(i * L::WIDTH));
                    acc[i % 2] = if i == 1 { weight.mul(dy) } else { weight.mul_add(dy, acc[i % 2]) };
                }
                acc[0].add(acc[1]).store(sum);
                sum = sum.add(L::WIDTH);
            }
        }
    }
    #[inline(always)]
    unsafe fn finish(&self, origin: u32, sum: f32) {
        let i = self.of_block.wrapping_add(origin as usize);
        // SAFETY: the caller's contract.
        unsafe { self.sums.slice(i..i + 1)[0] += sum };
    }
}

impl Both<'_> {
    /// [`Work::pass`] for as many output channels as weights and sums stay in registers for.
    #[inline(never)] // so that the engine does not spill for the loops around it
    unsafe fn narrow_pass<L: Lanes, const V: usize>(
        &self,
        entries: &[Entry],
        row: usize,
        dy: *const f32,
        sums: &mut [f32],
    ) {
        let weight = self.by_entries.weight[row..row + V * L::WIDTH].as_ptr();
        // SAFETY: the caller's contract; `sums` is as long as the entries.
        unsafe {
            let dw = self.by_weights.dw.slice(row..row + V * L::WIDTH).as_mut_ptr();
            let weight: [L; V] = core::array::from_fn(|i| L::load(weight.add(i * L::WIDTH)));
            let mut acc: [L; V] = core::array::from_fn(|i| L::load(dw.add(i * L::WIDTH)));
            let mut sum = sums.as_mut_ptr();
            for entry in entries {
                let row = dy.wrapping_byte_add(entry.place as usize);
                let value = L::splat(&raw const entry.value);
                // Two chains of additions, half as long.
                let mut dots = [L::load(sum), L::zero()];
                for i in 0..V {
                    let dy = L::load(row.add(i * L::WIDTH));
                    acc[i] = value.mul_add(dy, acc[i]);
                    dots[i % 2] = if i == 1 { weight[i].mul(dy) } else { weight[i].mul_add(dy, dots[i % 2]) };
                    if i % 2 == 1 {
                        keep_order();
                    }
                }
                dots[0].add(dots[1]).store(sum);
                sum = sum.add(L::WIDTH);
            }
            for (i, acc) in acc.iter().enumerate() {
                acc.store(dw.add(i * L::WIDTH));
            }
        }
    }
}

impl Work for Both<'_> {
    const BY_ENTRIES: bool = true;
    #[inline(always)]
    unsafe fn pass<L: Lanes, const V: usize>(&self, entries: &[Entry], row: usize, dy: *const f32, sums: &mut [f32]) {
        // SAFETY: the caller's contract.
        unsafe {
            if V == 8 {
                self.narrow_pass::<L, 4>(entries, row, dy, sums);
                self.narrow_pass::<L, 4>(entries, row + 4 * L::WIDTH, dy.wrapping_add(4 * L::WIDTH), sums);
            } else {
                self.narrow_pass::<L, V>(entries, row, dy, sums);
            }
        }
    }
    #[inline(always)]
    unsafe fn finish(&self, origin: u32, sum: f32) {
        // SAFETY: the caller's contract.
        unsafe { self.by_entries.finish(origin, sum) }
    }
}

/// A tile, a block of output channels, and the input channels of a piece.
struct Place<'a> {
    shape: &'a Conv2dShape,
    round: &'a Round<'a>,
    tile: usize,
    /// The block's.
    dy: &'a [f32],
    channels: Range<usize>,
}

struct Channels<'a, W> {
    at: Place<'a>,
    work: W,
}

impl<W: Work> Block for Channels<'_, W> {
    #[inline(never)]
    fn run<L: Lanes, const V: usize>(&self, first: usize) {
        let Place { shape, round, tile, dy, ref channels } = self.at;
        let phases = shape.stride * shape.stride;
        let dy = dy.as_ptr().wrapping_add(first % shape.block_width());
        round.with_taps(shape, |taps| {
            scratch::with(if W::BY_ENTRIES { longest_list(shape) * LANES } else { 0 }, |sums| {
                for c in channels.clone() {
                    let row = shape.weight_index(0, c, first);
                    for taps in taps.chunk_by(|a, b| a.phase == b.phase) {
                        let list = round.list(tile, c * phases + taps[0].phase as usize);
                        if list.origin.is_empty() {
                            continue;
                        }
                        let sums = &mut sums[..if W::BY_ENTRIES { list.origin.len() * L::WIDTH } else { 0 }];
                        sums.fill(0.0);
                        for tap in taps {
                            let (range, entries) = list.parts(tap.first_part, tap.end_part);
                            let range = range.start * L::WIDTH..range.end * L::WIDTH;
                            let sums = if W::BY_ENTRIES { &mut sums[range] } else { &mut [] };
                            let dy = dy.wrapping_sub(tap.in_grid as usize);
                            // SAFETY: the piece alone has this channel. A place is a row of the grid, and stays one
                            // when the tap is taken off (see Grid); it holds the channels from `first` on.
                            unsafe { self.work.pass::<L, V>(entries, row + tap.in_weights as usize, dy, sums) };
                        }
                        for (&origin, sum) in list.origin.iter().zip(sums.chunks_exact(L::WIDTH)) {
                            // SAFETY: as above; `sum` holds WIDTH values.
                            unsafe { self.work.finish(origin, L::load(sum.as_ptr()).sum()) };
                        }
                    }
                }
            });
        });
    }
}
