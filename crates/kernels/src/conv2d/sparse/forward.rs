//! Forward: for each output pixel, a weighted sum of weight rows, one per entry under the kernel.
//!
//! Per output pixel and kernel row the entries under the kernel stand in one run of the input row, whatever
//! the kernel's width. An entry's weight row in a block is `[channel][ky][x - x0]` for the kernel's left edge
//! `x0`, so its place is the sum of a part of the entry alone, `(channel * kh * kw + x) * width`, computed once, and
//! one of the output pixel.

use super::{check, weighted_sum};
use crate::conv2d::block::{blocks, run_block, Block, Lanes};
use crate::conv2d::Conv2dShape;
use crate::parallel::{for_each_piece, threads, Disjoint};
use crate::scratch;
use crate::sparse::Pattern;
use core::ops::Range;

/// Output pixels of a piece: enough to reuse a block of weights from the cache.
const PIECE_PIXELS: usize = 512;

/// `y [n][out_h][out_w][c_out]` of the entries `pattern`, `value`, plus `bias [c_out]`.
pub fn forward(
    shape: &Conv2dShape,
    pattern: &Pattern,
    value: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
    y: &mut [f32],
) {
    check(shape, pattern);
    assert_eq!(value.len(), pattern.shape.entries_len(), "value");
    assert_eq!(weight.len(), shape.weight_len(), "weight");
    assert!(bias.is_none_or(|bias| bias.len() == shape.c_out), "bias");
    assert_eq!(y.len(), shape.y_len(), "y");
    let (rows, row_pixels) = (shape.n * shape.out_h(), shape.out_w());
    let piece_rows = (PIECE_PIXELS / row_pixels.max(1)).min(rows.div_ceil(4 * threads())).max(1);
    let pieces = rows.div_ceil(piece_rows);
    with_entries(shape, pattern, value, |entries| {
        let y = &Disjoint::new(y);
        // Block by block, so that all threads read the same weights from their caches.
        for_each_piece(blocks(shape) * pieces, |piece| {
            let (block, first_row) = (piece / pieces, piece % pieces * piece_rows);
            let rows = first_row..(first_row + piece_rows).min(rows);
            for chunk in 0..entries.chunks {
                run_block(shape, block, &Rows { shape, entries, chunk, weight, bias, y, rows: rows.clone() });
            }
        });
    });
}

/// Weights of a chunk of input channels, in one block: more pages of memory than these, and the processor looks most
/// of them up at every entry.
const CHUNK_WEIGHTS: usize = 1 << 16;

/// Entries as the inner loop reads them, by chunks of input channels, if there is more than one.
struct Entries<'a> {
    capacity: usize,
    chunks: usize,
    /// `[n][chunks][pixels + 1]`
    start: &'a [u32],
    /// `[n][capacity]`: `(channel * kh * kw + x) * width`.
    offset: &'a [u32],
    /// `[n][capacity]`
    value: &'a [f32],
}

fn with_entries(shape: &Conv2dShape, pattern: &Pattern, value: &[f32], work: impl FnOnce(&Entries)) {
    let (c_in, taps, width) = (shape.c_in, shape.kh * shape.kw, shape.block_width());
    assert!(u32::try_from((c_in * taps + shape.w) * width).is_ok(), "shape: too many weights");
    let capacity = pattern.shape.capacity;
    let chunks = (c_in * taps * width).div_ceil(CHUNK_WEIGHTS).clamp(1, c_in.max(1));
    scratch::with_u32(pattern.shape.entries_len(), |offset| {
        if chunks == 1 {
            offsets(shape, pattern, offset);
            work(&Entries { capacity, chunks, start: pattern.start, offset, value });
            return;
        }
        scratch::with_u32(chunks * pattern.start.len(), |start| {
            scratch::with(value.len(), |by_chunk| {
                cut_into_chunks(shape, pattern, value, chunks, start, offset, by_chunk);
                work(&Entries { capacity, chunks, start, offset, value: by_chunk });
            });
        });
    });
}

/// Writes the offsets. Every range of `start` and every channel in use is checked.
fn offsets(shape: &Conv2dShape, pattern: &Pattern, offset: &mut [u32]) {
    let (w, c_in, taps, width) = (shape.w, shape.c_in, shape.kh * shape.kw, shape.block_width());
    let offset = Disjoint::new(offset);
    for_each_piece(shape.n, |s| {
        let (starts, channels, first) = (pattern.starts(s), pattern.channels(s), s * pattern.shape.capacity);
        // SAFETY: each sample is one piece.
        let offset = unsafe { offset.slice(first..first + channels.len()) };
        let mut x = 0;
        for range in starts.windows(2) {
            let range = range[0] as usize..range[1] as usize;
            for (offset, &channel) in offset[range.clone()].iter_mut().zip(&channels[range]) {
                assert!((channel as usize) < c_in, "channel: {channel} of {c_in}");
                *offset = ((channel as usize * taps + x) * width) as u32;
            }
            x = if x + 1 == w { 0 } else { x + 1 };
        }
    });
}

/// Writes starts, offsets and values chunk by chunk, with the same checks.
fn cut_into_chunks(
    shape: &Conv2dShape,
    pattern: &Pattern,
    value: &[f32],
    chunks: usize,
    start: &mut [u32],
    offset: &mut [u32],
    by_chunk: &mut [f32],
) {
    let (w, c_in, taps, width) = (shape.w, shape.c_in, shape.kh * shape.kw, shape.block_width());
    let (pixels, capacity) = (pattern.shape.pixels, pattern.shape.capacity);
    let chunk_channels = c_in.div_ceil(chunks) as u32;
    let (start, offset, by_chunk) = (Disjoint::new(start), Disjoint::new(offset), Disjoint::new(by_chunk));
    for_each_piece(shape.n, |s| {
        let (starts, channels, first) = (pattern.starts(s), pattern.channels(s), s * capacity);
        let values = &value[first..first + channels.len()];
        assert!(channels.iter().all(|&channel| (channel as usize) < c_in), "channel: not below {c_in}");
        // SAFETY: each sample is one piece.
        let (start, offset, by_chunk) = unsafe {
            (
                start.slice(s * chunks * (pixels + 1)..(s + 1) * chunks * (pixels + 1)),
                offset.slice(first..first + channels.len()),
                by_chunk.slice(first..first + channels.len()),
            )
        };
        scratch::with_u32(pixels, |next| {
            next.copy_from_slice(&starts[..pixels]);
            let mut count = 0;
            for (chunk, start) in start.chunks_exact_mut(pixels + 1).enumerate() {
                let end = (chunk as u32 + 1) * chunk_channels;
                start[0] = count as u32;
                let mut x = 0;
                for (pixel, next) in next.iter_mut().enumerate() {
                    while *next < starts[pixel + 1] && channels[*next as usize] < end {
                        let entry = *next as usize;
                        offset[count] = ((channels[entry] as usize * taps + x) * width) as u32;
                        by_chunk[count] = values[entry];
                        (count, *next) = (count + 1, *next + 1);
                    }
                    start[pixel + 1] = count as u32;
                    x = if x + 1 == w { 0 } else { x + 1 };
                }
            }
        });
    });
}

struct Rows<'a> {
    shape: &'a Conv2dShape,
    entries: &'a Entries<'a>,
    /// The first one begins with the bias, the others add to `y`.
    chunk: usize,
    weight: &'a [f32],
    bias: Option<&'a [f32]>,
    y: &'a Disjoint<'a, f32>,
    /// Rows of output pixels, counted through the batch.
    rows: Range<usize>,
}

/// The taps of `k` for which output place `o` reads inside `0..len`.
fn taps(o: usize, k: usize, len: usize, shape: &Conv2dShape) -> Range<usize> {
    let origin = o * shape.stride;
    let first = shape.padding.saturating_sub(origin).min(k);
    first..(len + shape.padding).saturating_sub(origin).clamp(first, k)
}

impl Block for Rows<'_> {
    #[inline(never)]
    fn run<L: Lanes, const V: usize>(&self, first: usize) {
        let Conv2dShape { h, w, c_out, kh, kw, stride, padding, .. } = *self.shape;
        let (out_h, out_w) = (self.shape.out_h(), self.shape.out_w());
        let Entries { capacity, chunks, start, offset, value } = *self.entries;
        let width = self.shape.block_width();
        let block = self.weight[self.shape.weight_index(0, 0, first)..].as_ptr();
        for row in self.rows.clone() {
            let (s, oy) = (row / out_h, row % out_h);
            let starts = &start[(s * chunks + self.chunk) * (h * w + 1)..][..h * w + 1];
            let (offset, value) = (&offset[s * capacity..], &value[s * capacity..]);
            let ky_range = taps(oy, kh, h, self.shape);
            for ox in 0..out_w {
                let target = (row * out_w + ox) * c_out + first;
                // SAFETY: the piece alone has these rows and channels.
                let y = unsafe { self.y.slice(target..target + V * L::WIDTH) };
                let before =
                    if self.chunk > 0 { Some(&*y) } else { self.bias.map(|bias| &bias[first..first + V * L::WIDTH]) };
                let mut acc = [L::zero(); V];
                if let Some(before) = before {
                    for (v, acc) in acc.iter_mut().enumerate() {
                        // SAFETY: the slice holds V * WIDTH values.
                        *acc = unsafe { L::load(before.as_ptr().add(v * L::WIDTH)) };
                    }
                }
                let kx_range = taps(ox, kw, w, self.shape);
                // A kernel that lies beside the input altogether has no place in it.
                let ky_range = if kx_range.is_empty() { 0..0 } else { ky_range.clone() };
                for ky in ky_range {
                    let pixel = (oy * stride + ky - padding) * w + ox * stride + kx_range.start - padding;
                    let (begin, end) = (starts[pixel] as usize, starts[pixel + kx_range.len()] as usize);
                    // The weight row of an entry at x = 0, which may lie before the weights.
                    let origin = (ky * kw + padding) as isize - (ox * stride) as isize;
                    let weight = block.wrapping_offset(origin * width as isize);
                    // SAFETY: the channels were checked with the offsets, and x lies under the kernel: an entry's row is
                    // [channel][ky][x + padding - ox * stride]; the V * WIDTH values from `first` on are in it.
                    acc = unsafe { weighted_sum(acc, &value[begin..end], &offset[begin..end], weight) };
                }
                for (v, acc) in acc.iter().enumerate() {
                    // SAFETY: the slice holds V * WIDTH values.
                    unsafe { acc.store(y.as_mut_ptr().add(v * L::WIDTH)) };
                }
            }
        }
    }
}
