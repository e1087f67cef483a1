//! Forward: for each output pixel, a weighted sum of weight rows, one per entry under the kernel.
//!
//! Per output pixel and kernel row the entries under the kernel stand in one run of the input row, whatever
//! the kernel's width. An entry's weight row in a block is `[channel][ky][x - x0]` for the kernel's left edge
//! `x0`, so its place is the sum of a part of the entry alone, `(channel * kh * kw + x) * width`, computed once, and
//! one of the output pixel.

use super::{blocks, check, run_block, weighted_sum, Block, Lanes};
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
    scratch::with_u32(pattern.shape.entries_len(), |offset| {
        entry_offsets(shape, pattern, offset);
        let (offset, y) = (&*offset, Disjoint::new(y));
        // Block by block, so that all threads read the same weights from their caches.
        for_each_piece(blocks(shape) * pieces, |piece| {
            let (block, first_row) = (piece / pieces, piece % pieces * piece_rows);
            let rows = first_row..(first_row + piece_rows).min(rows);
            run_block(shape, block, &Rows { shape, pattern, offset, value, weight, bias, y: &y, rows });
        });
    });
}

/// `offset[entry] = (channel * kh * kw + x) * width`. Every range of `start` and every channel in use is checked.
fn entry_offsets(shape: &Conv2dShape, pattern: &Pattern, offset: &mut [u32]) {
    let (w, c_in, taps, width) = (shape.w, shape.c_in, shape.kh * shape.kw, shape.block_width());
    assert!(u32::try_from((c_in * taps + w) * width).is_ok(), "shape: too many weights");
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

struct Rows<'a> {
    shape: &'a Conv2dShape,
    pattern: &'a Pattern<'a>,
    offset: &'a [u32],
    value: &'a [f32],
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
        let (out_h, out_w, capacity) = (self.shape.out_h(), self.shape.out_w(), self.pattern.shape.capacity);
        let width = self.shape.block_width();
        let block = self.weight[self.shape.weight_index(0, 0, first)..].as_ptr();
        for row in self.rows.clone() {
            let (s, oy) = (row / out_h, row % out_h);
            let starts = self.pattern.starts(s);
            let offset = &self.offset[s * capacity..];
            let value = &self.value[s * capacity..];
            let ky_range = taps(oy, kh, h, self.shape);
            for ox in 0..out_w {
                let mut acc = [L::zero(); V];
                if let Some(bias) = self.bias {
                    let bias = &bias[first..first + V * L::WIDTH];
                    for (v, acc) in acc.iter_mut().enumerate() {
                        // SAFETY: the slice holds V * WIDTH values.
                        *acc = unsafe { L::load(bias.as_ptr().add(v * L::WIDTH)) };
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
                    // SAFETY: `entry_offsets` checked the channels, and x lies under the kernel: an entry's row is
                    // [channel][ky][x + padding - ox * stride]; the V * WIDTH values from `first` on are in it.
                    acc = unsafe { weighted_sum(acc, &value[begin..end], &offset[begin..end], weight) };
                }
                let target = (row * out_w + ox) * c_out + first;
                // SAFETY: the piece alone has these rows and channels.
                let y = unsafe { self.y.slice(target..target + V * L::WIDTH) };
                for (v, acc) in acc.iter().enumerate() {
                    // SAFETY: the slice holds V * WIDTH values.
                    unsafe { acc.store(y.as_mut_ptr().add(v * L::WIDTH)) };
                }
            }
        }
    }
}
