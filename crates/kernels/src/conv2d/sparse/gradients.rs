//! The gradients of a convolution of a compressed input: by the weights, by the entries, or by both at once.
//!
//! Entries are listed by input channel (`lists.rs`). For a channel `c` and a tap, a piece passes over the list with
//! what belongs to `c` in registers, a block of output channels at a time:
//!
//! - weight gradient: row `[ky][kx][c]` is the sum of `value * dy[row of the entry]`;
//! - input gradient: an entry's is the dot product of weight row `[ky][kx][c]` and the same row of `dy`.
//!
//! Both together load `dy` once. A value of `dw` is summed over its entries in order, and an entry's gradient over
//! blocks and taps in order, each by one piece: neither tiles nor pieces show in the bits.

use super::lists::{for_each_round, longest_list, List, Round};
use super::{blocks, check, keep_order, run_block, weighted_sum, Block, Lanes};
use crate::conv2d::Conv2dShape;
use crate::parallel::{for_each_piece, threads, Disjoint};
use crate::scratch;
use crate::simd::LANES;
use crate::sparse::Pattern;
use core::ops::Range;

/// `dw`, in the order of weights, from the entries `pattern`, `value` and `dy [n][out_h][out_w][c_out]`.
pub fn weight_gradient(shape: &Conv2dShape, pattern: &Pattern, value: &[f32], dy: &[f32], dw: &mut [f32]) {
    run(shape, pattern, dy, Some(ByWeights::new(shape, pattern, value, dw)), None);
}

/// `dvalue[entry] =` the gradient by the entry's value, from `dy [n][out_h][out_w][c_out]`.
pub fn input_gradient(shape: &Conv2dShape, pattern: &Pattern, dy: &[f32], weight: &[f32], dvalue: &mut [f32]) {
    run(shape, pattern, dy, None, Some(ByEntries::new(shape, pattern, weight, dvalue)));
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
    let by_weights = ByWeights::new(shape, pattern, value, dw);
    run(shape, pattern, dy, Some(by_weights), Some(ByEntries::new(shape, pattern, weight, dvalue)));
}

struct ByWeights<'a> {
    value: &'a [f32],
    dw: Disjoint<'a, f32>,
}

impl<'a> ByWeights<'a> {
    fn new(shape: &Conv2dShape, pattern: &Pattern, value: &'a [f32], dw: &'a mut [f32]) -> Self {
        assert_eq!(value.len(), pattern.shape.entries_len(), "value");
        assert_eq!(dw.len(), shape.weight_len(), "dw");
        dw.fill(0.0);
        Self { value, dw: Disjoint::new(dw) }
    }
}

struct ByEntries<'a> {
    weight: &'a [f32],
    dvalue: Disjoint<'a, f32>,
}

impl<'a> ByEntries<'a> {
    fn new(shape: &Conv2dShape, pattern: &Pattern, weight: &'a [f32], dvalue: &'a mut [f32]) -> Self {
        assert_eq!(weight.len(), shape.weight_len(), "weight");
        assert_eq!(dvalue.len(), pattern.shape.entries_len(), "dvalue");
        dvalue.fill(0.0);
        Self { weight, dvalue: Disjoint::new(dvalue) }
    }
}

fn run(
    shape: &Conv2dShape,
    pattern: &Pattern,
    dy: &[f32],
    by_weights: Option<ByWeights>,
    by_entries: Option<ByEntries>,
) {
    check(shape, pattern);
    assert_eq!(dy.len(), shape.y_len(), "dy");
    let (by_weights, by_entries) = (by_weights.as_ref(), by_entries.as_ref());
    for_each_round(shape, pattern, by_weights.map(|w| w.value), dy, |round| {
        // More pieces than threads: some channels have more winners than others.
        let piece_channels = shape.c_in.div_ceil(4 * threads()).max(1);
        for_each_piece(shape.c_in.div_ceil(piece_channels), |piece| {
            let channels = piece * piece_channels..((piece + 1) * piece_channels).min(shape.c_in);
            for block in 0..blocks(shape) {
                let dy = round.dy(block);
                match (by_weights, by_entries) {
                    (Some(by_weights), Some(by_entries)) => {
                        run_block(shape, block, &Channels { shape, round, dy, channels: channels.clone(), work: Both { by_weights, by_entries } });
                    }
                    (Some(work), None) => run_block(shape, block, &Channels { shape, round, dy, channels: channels.clone(), work }),
                    (None, Some(work)) => run_block(shape, block, &Channels { shape, round, dy, channels: channels.clone(), work }),
                    (None, None) => {}
                }
            }
        });
    });
}

struct Both<'a> {
    by_weights: &'a ByWeights<'a>,
    by_entries: &'a ByEntries<'a>,
}

/// What is done with a list of entries.
trait Work {
    /// See [`Block::WIDEST`].
    const WIDEST: usize;
    /// Whether sums by entry are needed.
    const BY_ENTRIES: bool;
    /// Treats the `V * L::WIDTH` output channels whose weights begin at `row`. `dy` is where they begin in the row
    /// of place 0; `sums` has `L::WIDTH` values for each entry of the list.
    ///
    /// # Safety
    /// These values must exist, in rows of `dy` at every place of the list, and no other piece may hold the channel.
    unsafe fn pass<L: Lanes, const V: usize>(&self, list: &List, row: usize, dy: *const f32, sums: &mut [f32]);
    /// Adds an entry's sum to its gradient.
    ///
    /// # Safety
    /// No other piece may hold the entry's channel.
    unsafe fn finish(&self, origin: u32, sum: f32);
}

impl Work for &ByWeights<'_> {
    const WIDEST: usize = 8;
    const BY_ENTRIES: bool = false;
    #[inline(always)]
    unsafe fn pass<L: Lanes, const V: usize>(&self, list: &List, row: usize, dy: *const f32, _: &mut [f32]) {
        // SAFETY: the caller's contract.
        unsafe {
            let dw = self.dw.slice(row..row + V * L::WIDTH).as_mut_ptr();
            let acc = core::array::from_fn(|i| L::load(dw.add(i * L::WIDTH)));
            let acc = weighted_sum::<L, V>(acc, list.value, list.place, dy);
            for (i, acc) in acc.iter().enumerate() {
                acc.store(dw.add(i * L::WIDTH));
            }
        }
    }
    unsafe fn finish(&self, _: u32, _: f32) {}
}

impl Work for &ByEntries<'_> {
    const WIDEST: usize = 8;
    const BY_ENTRIES: bool = true;
    #[inline(always)]
    unsafe fn pass<L: Lanes, const V: usize>(&self, list: &List, row: usize, dy: *const f32, sums: &mut [f32]) {
        let weight = self.weight[row..row + V * L::WIDTH].as_ptr();
        // SAFETY: the caller's contract; `sums` is as long as the list.
        unsafe {
            let weight: [L; V] = core::array::from_fn(|i| L::load(weight.add(i * L::WIDTH)));
            for (&place, sum) in list.place.iter().zip(sums.chunks_exact_mut(L::WIDTH)) {
                let row = dy.wrapping_add(place as usize);
                // Two chains of additions, half as long.
                let mut acc = [L::load(sum.as_ptr()), L::zero()];
                for (i, &weight) in weight.iter().enumerate() {
                    acc[i % 2] = weight.mul_add(L::load(row.add(i * L::WIDTH)), acc[i % 2]);
                }
                acc[0].add(acc[1]).store(sum.as_mut_ptr());
            }
        }
    }
    #[inline(always)]
    unsafe fn finish(&self, origin: u32, sum: f32) {
        // SAFETY: the caller's contract.
        unsafe { self.dvalue.slice(origin as usize..origin as usize + 1)[0] += sum };
    }
}

impl Work for Both<'_> {
    // Weights and sums both stay in registers.
    const WIDEST: usize = 4;
    const BY_ENTRIES: bool = true;
    #[inline(always)]
    unsafe fn pass<L: Lanes, const V: usize>(&self, list: &List, row: usize, dy: *const f32, sums: &mut [f32]) {
        let weight = self.by_entries.weight[row..row + V * L::WIDTH].as_ptr();
        // SAFETY: the caller's contract; `sums` is as long as the list.
        unsafe {
            let dw = self.by_weights.dw.slice(row..row + V * L::WIDTH).as_mut_ptr();
            let weight: [L; V] = core::array::from_fn(|i| L::load(weight.add(i * L::WIDTH)));
            let mut acc: [L; V] = core::array::from_fn(|i| L::load(dw.add(i * L::WIDTH)));
            for ((&place, value), sum) in list.place.iter().zip(list.value).zip(sums.chunks_exact_mut(L::WIDTH)) {
                let row = dy.wrapping_add(place as usize);
                let value = L::splat(value);
                let mut dots = L::load(sum.as_ptr());
                for i in 0..V {
                    let dy = L::load(row.add(i * L::WIDTH));
                    acc[i] = value.mul_add(dy, acc[i]);
                    dots = weight[i].mul_add(dy, dots);
                    if i % 2 == 1 {
                        keep_order();
                    }
                }
                dots.store(sum.as_mut_ptr());
            }
            for (i, acc) in acc.iter().enumerate() {
                acc.store(dw.add(i * L::WIDTH));
            }
        }
    }
    #[inline(always)]
    unsafe fn finish(&self, origin: u32, sum: f32) {
        // SAFETY: the caller's contract.
        unsafe { self.by_entries.finish(origin, sum) }
    }
}

struct Channels<'a, W> {
    shape: &'a Conv2dShape,
    round: &'a Round<'a>,
    /// The block of output channels.
    dy: &'a [f32],
    channels: Range<usize>,
    work: W,
}

impl<W: Work> Block for Channels<'_, W> {
    const WIDEST: usize = W::WIDEST;

    #[inline(never)]
    fn run<L: Lanes, const V: usize>(&self, first: usize) {
        let Conv2dShape { kh, kw, stride, .. } = *self.shape;
        let in_row = first % self.shape.block_width();
        scratch::with(if W::BY_ENTRIES { longest_list(self.shape) * LANES } else { 0 }, |sums| {
            for tile in 0..self.round.tiles() {
                for key in self.channels.start * stride * stride..self.channels.end * stride * stride {
                    let list = self.round.list(tile, key);
                    if list.place.is_empty() {
                        continue;
                    }
                    let (c, phase) = (key / (stride * stride), key % (stride * stride));
                    let sums = &mut sums[..if W::BY_ENTRIES { list.place.len() * L::WIDTH } else { 0 }];
                    sums.fill(0.0);
                    for ky in (phase / stride..kh).step_by(stride) {
                        for kx in (phase % stride..kw).step_by(stride) {
                            let row = self.shape.weight_index(ky * kw + kx, c, first);
                            let tap = self.round.grid.tap(self.shape, ky, kx);
                            let dy = self.dy.as_ptr().wrapping_sub(tap).wrapping_add(in_row);
                            // SAFETY: the piece alone has this channel. `place` is a row of the grid, and stays
                            // one when `tap` is taken off (see Grid); it holds the channels from `in_row` on.
                            unsafe { self.work.pass::<L, V>(&list, row, dy, sums) };
                        }
                    }
                    for (&origin, sum) in list.origin.iter().zip(sums.chunks_exact(L::WIDTH)) {
                        // SAFETY: as above; `sum` holds WIDTH values.
                        unsafe { self.work.finish(origin, L::load(sum.as_ptr()).sum()) };
                    }
                }
            }
        });
    }
}
