//! Forward: for each output pixel, a weighted sum of weight rows, one per entry under the kernel.
//!
//! An entry's weight row in a block is `[channel][ky][x - x0]` for the kernel's left edge `x0`, so its place is the
//! sum of a part of the entry alone, computed once, and one of the output pixel.
//! All pixels of a piece pass one row of the kernel before the next: its weights are a third of a 3x3 kernel's, and
//! stay in a nearer cache. Under a row, the entries stand in one run of the input row, whatever the kernel's width.

use super::lists::copy_values;
use super::records::{as_records, Entry, Span};
use super::{check, pair, weighted_sum};
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
    // A few pieces for every thread, of all blocks together.
    let cuts = (4 * threads()).div_ceil(blocks(shape).max(1));
    let piece_rows = (PIECE_PIXELS / row_pixels.max(1)).min(rows.div_ceil(cuts)).max(1);
    let pieces = rows.div_ceil(piece_rows);
    let packed = packing_pays(shape, pattern, piece_rows);
    let taps = if packed { shape.kw } else { shape.kh * shape.kw };
    // An entry's place is that of its weights, `(channel * taps + x) * width`.
    let row_bytes = shape.block_width() * size_of::<f32>();
    let farthest = (shape.c_in * taps + shape.w + shape.padding) * row_bytes;
    assert!(i32::try_from(farthest).is_ok(), "shape: too many weights");
    scratch::with_u32(2 * pattern.shape.entries_len() + 2 * row_pixels, |buffer| {
        let (entries, spans) = buffer.split_at_mut(2 * pattern.shape.entries_len());
        let (entries, spans) = (as_records(entries), as_records(spans));
        pair(pattern, value, shape.w, |x| (x * row_bytes) as u32, |c| (c * taps * row_bytes) as u32, entries);
        column_spans(shape, spans);
        let (entries, spans, y) = (&*entries, &*spans, &Disjoint::new(y));
        // Block by block, so that all threads read the same weights from their caches.
        for_each_piece(blocks(shape) * pieces, |piece| {
            let (block, first_row) = (piece / pieces, piece % pieces * piece_rows);
            let rows = first_row..(first_row + piece_rows).min(rows);
            let of_block = &weight[block * shape.block_len()..][..shape.block_len()];
            let row_len = shape.kw * shape.block_width();
            scratch::with(if packed { shape.c_in * row_len } else { 0 }, |of_row| {
                for ky in 0..shape.kh {
                    let weight = if packed {
                        pack_row(of_block, ky * row_len, shape.kh * row_len, row_len, of_row);
                        &*of_row
                    } else {
                        &of_block[ky * row_len..]
                    };
                    let rows = rows.clone();
                    run_block(shape, block, &Rows { shape, pattern, spans, entries, weight, bias, y, rows, ky });
                }
            });
        });
    });
}

/// Whether a piece meets most weights of a row of the kernel several times. Then they are first brought together,
/// which also fetches them from memory in order.
fn packing_pays(shape: &Conv2dShape, pattern: &Pattern, piece_rows: usize) -> bool {
    let entries: usize = (0..shape.n).map(|s| pattern.count(s)).sum();
    let of_piece = entries as f64 / (shape.n * shape.out_h()).max(1) as f64 * piece_rows as f64;
    shape.kh > 1 && of_piece > 2.0 * shape.c_in as f64
}

/// `packed` becomes the `len` values from `first` on and from every `step` after it.
fn pack_row(weight: &[f32], first: usize, step: usize, len: usize, packed: &mut [f32]) {
    for (target, source) in packed.chunks_exact_mut(len).zip(weight[first..].chunks(step)) {
        copy_values(&source[..len], target);
    }
}

/// `spans[ox]` becomes the columns of the input under the kernel of output column `ox`: first, and past the last.
fn column_spans(shape: &Conv2dShape, spans: &mut [Span]) {
    for (ox, span) in spans.iter_mut().enumerate() {
        let columns = shape.taps_inside(ox, shape.kw, shape.w);
        // A kernel that lies beside the input altogether has none.
        let first = (ox * shape.stride + columns.start).saturating_sub(shape.padding).min(shape.w - columns.len());
        *span = Span { first: first as u32, end: (first + columns.len()) as u32 };
    }
}

/// One row of the kernel over rows of output pixels.
struct Rows<'a> {
    shape: &'a Conv2dShape,
    pattern: &'a Pattern<'a>,
    /// `[out_w]`
    spans: &'a [Span],
    /// `[n][capacity]`
    entries: &'a [Entry],
    /// The block's, from this row of the kernel on.
    weight: &'a [f32],
    bias: Option<&'a [f32]>,
    y: &'a Disjoint<'a, f32>,
    /// Counted through the batch.
    rows: Range<usize>,
    /// Row 0 begins with the bias, the others add to `y`.
    ky: usize,
}

impl Block for Rows<'_> {
    #[inline(never)]
    fn run<L: Lanes, const V: usize>(&self, first: usize) {
        const ZEROS: [f32; 32] = [0.0; 32];
        let Conv2dShape { h, w, c_out, kh, stride, padding, .. } = *self.shape;
        let (out_h, out_w, ky) = (self.shape.out_h(), self.shape.out_w(), self.ky);
        let step = (stride * self.shape.block_width()) as isize;
        // The weight row of an entry at x = 0 for the first output column; it may lie before the weights.
        let width = self.shape.block_width();
        let weight = self.weight[first % width..].as_ptr().wrapping_add(padding * width);
        let begin = self.bias.map_or(&ZEROS[..V * L::WIDTH], |bias| &bias[first..first + V * L::WIDTH]).as_ptr();
        for row in self.rows.clone() {
            let (s, oy) = (row / out_h, row % out_h);
            const NONE: [u32; 1] = [0];
            // One span of nothing for all columns, where this row of the kernel lies outside.
            let (starts, mask) = if self.shape.taps_inside(oy, kh, h).contains(&ky) {
                (&self.pattern.starts(s)[(oy * stride + ky - padding) * w..][..w + 1], u32::MAX)
            } else if ky == 0 {
                (&NONE[..], 0)
            } else {
                continue;
            };
            let sample = s * self.pattern.shape.capacity;
            let entries = &self.entries[sample..];
            let (mut weight, mut y) = (weight, self.y.at(row * out_w * c_out + first));
            for span in self.spans {
                // SAFETY: spans lie in 0..=w.
                let [from, to] = [span.first, span.end]
                    .map(|place| unsafe { *starts.get_unchecked((place & mask) as usize) as usize });
                let before = if ky == 0 { begin } else { y.cast_const() };
                // SAFETY: the piece alone has these rows and channels; `before` and `y` hold V * WIDTH values. Ranges
                // of `starts` and channels were checked with the pairs, and x lies under the kernel: an entry's row is
                // [channel][ky][x + padding - ox * stride], or without [ky] when packed, and the V * WIDTH values from
                // `first` on are in it.
                unsafe {
                    let acc: [L; V] = core::array::from_fn(|v| L::load(before.add(v * L::WIDTH)));
                    let acc = weighted_sum(acc, entries.get_unchecked(from..to), weight);
                    for (v, acc) in acc.iter().enumerate() {
                        acc.store(y.add(v * L::WIDTH));
                    }
                }
                weight = weight.wrapping_offset(-step);
                y = y.wrapping_add(c_out);
            }
        }
    }
}
