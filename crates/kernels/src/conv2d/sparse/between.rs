//! Input gradient at the entries of a compressed input, from an output gradient that is compressed too: the
//! backward pass of an attack between two k-WTA layers, where batch norm is affine. It costs the product of
//! both densities.
//!
//! Under the flipped kernel of an input pixel, the output entries of one output row stand in one run. An
//! entry's weights are `[c][ky][x + padding - ox * stride][o]` in the block of o, so their place is the sum of a
//! part of the entry alone, computed once, and one of the input pixel and channel.

use super::records::{as_records, Entry, Span};
use super::taps::Taps;
use super::{check, pair};
use crate::conv2d::Conv2dShape;
use crate::parallel::{for_each_piece, threads, Disjoint};
use crate::scratch;
use crate::sparse::Pattern;
use core::ops::Range;

/// Input pixels of a piece.
const PIECE_PIXELS: usize = 256;

/// `dvalue[entry of x] =` the gradient by the entry's value, from the gradient `dy_value` at the entries of
/// `dy [n][out_h * out_w][c_out]`; it is zero elsewhere.
pub fn input_gradient_between(
    shape: &Conv2dShape,
    x: &Pattern,
    dy: &Pattern,
    dy_value: &[f32],
    weight: &[f32],
    dvalue: &mut [f32],
) {
    check(shape, x);
    assert_eq!(dy.shape.n, shape.n, "dy: n");
    assert_eq!(dy.shape.pixels, shape.out_h() * shape.out_w(), "dy: pixels");
    assert_eq!(dy.shape.channels, shape.c_out, "dy: channels");
    assert_eq!(dy_value.len(), dy.shape.entries_len(), "dy_value");
    assert_eq!(weight.len(), shape.weight_len(), "weight");
    assert_eq!(dvalue.len(), x.shape.entries_len(), "dvalue");
    let piece_rows = (PIECE_PIXELS / shape.w.max(1)).min((shape.n * shape.h).div_ceil(4 * threads())).max(1);
    let pieces = shape.h.div_ceil(piece_rows);
    let step = shape.stride * shape.block_width();
    let bytes = |values: usize| (values * size_of::<f32>()) as u32;
    let farthest = (shape.weight_len() + shape.out_w() * step) * size_of::<f32>();
    assert!(i32::try_from(farthest).is_ok(), "shape: too many weights");
    scratch::with_u32(2 * dy.shape.entries_len() + 2 * shape.w, |buffer| {
        let (entries, spans) = buffer.split_at_mut(2 * dy.shape.entries_len());
        let (entries, spans) = (as_records(entries), as_records(spans));
        // The place of o's first weight - ox * stride * width.
        let place = |o: usize| bytes(shape.weight_index(0, 0, o));
        pair(dy, dy_value, shape.out_w(), |ox| bytes(ox * step).wrapping_neg(), place, entries);
        output_spans(shape, spans);
        let (entries, spans, dvalue) = (&*entries, &*spans, Disjoint::new(dvalue));
        for_each_piece(shape.n * pieces, |piece| {
            let (s, first_row) = (piece / pieces, piece % pieces * piece_rows);
            let rows = first_row..(first_row + piece_rows).min(shape.h);
            let (starts, channels) = (x.starts(s), x.channels(s));
            let (first, end) = (starts[rows.start * shape.w] as usize, starts[rows.end * shape.w] as usize);
            // SAFETY: the entries of these rows of the sample belong to this piece alone.
            let dvalue = unsafe { dvalue.slice(s * x.shape.capacity + first..s * x.shape.capacity + end) };
            let entries = &entries[s * dy.shape.capacity..][..dy.count(s)];
            let sample = Sample { shape, starts: dy.starts(s), entries, weight };
            dvalue.fill(0.0);
            // Row by row of the kernel, whose weights a near cache can hold.
            for ky in 0..shape.kh {
                for y in rows.clone() {
                    let taps = Taps::new(y, shape.kh, shape.out_h(), shape);
                    let Some(output) = taps.output_of(ky, shape.stride) else { continue };
                    for (x, &span) in spans.iter().enumerate() {
                        let pixel = y * shape.w + x;
                        let entries = starts[pixel] as usize..starts[pixel + 1] as usize;
                        let dvalue = &mut dvalue[entries.start - first..entries.end - first];
                        let run = sample.run(output * shape.out_w(), span);
                        let origin = (ky * shape.kw + x + shape.padding) * shape.block_width();
                        sample.pixel(origin, run, &channels[entries], dvalue);
                    }
                }
            }
        });
    });
}

/// `spans[x]` becomes the output columns that taps join to input column `x`: first, and past the last.
fn output_spans(shape: &Conv2dShape, spans: &mut [Span]) {
    for (x, span) in spans.iter_mut().enumerate() {
        let taps = Taps::new(x, shape.kw, shape.out_w(), shape);
        let count = (taps.end - taps.first).div_ceil(shape.stride);
        let end = if count == 0 { 0 } else { taps.output + 1 };
        *span = Span { first: (end - count) as u32, end: end as u32 };
    }
}

struct Sample<'a> {
    shape: &'a Conv2dShape,
    /// Of the output's pixels.
    starts: &'a [u32],
    entries: &'a [Entry],
    weight: &'a [f32],
}

impl Sample<'_> {
    /// Adds to the gradients of `channels` of an input pixel what the entries `run` under a row of the kernel send
    /// there. The weights of channel 0 begin at `origin`.
    fn pixel(&self, origin: usize, run: Range<usize>, channels: &[u32], dvalue: &mut [f32]) {
        let (mut dvalue, mut channels) = (dvalue, channels);
        while !channels.is_empty() {
            let group = channels.len().min(4);
            let (now, later) = dvalue.split_at_mut(group);
            match group {
                4 => self.dots::<4>(origin, run.clone(), channels, now),
                3 => self.dots::<3>(origin, run.clone(), channels, now),
                2 => self.dots::<2>(origin, run.clone(), channels, now),
                _ => self.dots::<1>(origin, run.clone(), channels, now),
            }
            (dvalue, channels) = (later, &channels[group..]);
        }
    }

    #[inline(always)]
    fn dots<const G: usize>(&self, origin: usize, run: Range<usize>, channels: &[u32], dvalue: &mut [f32]) {
        let Conv2dShape { c_in, kh, kw, .. } = *self.shape;
        let width = self.shape.block_width();
        let weight: [*const f32; G] = core::array::from_fn(|g| {
            assert!((channels[g] as usize) < c_in, "channel: {} of {c_in}", channels[g]);
            self.weight.as_ptr().wrapping_add(origin + channels[g] as usize * kh * kw * width)
        });
        let mut acc: [f32; G] = core::array::from_fn(|g| dvalue[g]);
        for &entry in &self.entries[run] {
            let Entry { place, value } = entry;
            for g in 0..G {
                // SAFETY: the entry lies under the kernel, so its place is [c][ky][kx][o] of a tap that
                // Taps allows, with c and o checked.
                let weight = unsafe { *weight[g].wrapping_byte_offset(place as i32 as isize) };
                acc[g] += value * weight;
            }
        }
        dvalue.copy_from_slice(&acc);
    }

    /// The entries of the output pixels of a span of the row that begins at pixel `row`.
    fn run(&self, row: usize, span: Span) -> Range<usize> {
        self.starts[row + span.first as usize] as usize..self.starts[row + span.end as usize] as usize
    }
}
