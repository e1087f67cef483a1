//! Input gradient, at the entries only: dot products over output channels of `dy` under the flipped kernel
//! and the entry's weight rows. Up to four entries of a pixel go together and share the loads of `dy`.

use super::check;
use super::taps::Taps;
use crate::conv2d::Conv2dShape;
use crate::parallel::{for_each_piece, threads, Disjoint};
use crate::simd::{F32x4, LANES};
use crate::sparse::Pattern;

/// Input pixels of a piece.
const PIECE_PIXELS: usize = 256;

/// `dvalue[entry] (+)=` the gradient by the entry's value, from `dy [n][out_h][out_w][c_out]`.
pub fn input_gradient(
    shape: &Conv2dShape,
    pattern: &Pattern,
    dy: &[f32],
    weight: &[f32],
    dvalue: &mut [f32],
    accumulate: bool,
) {
    check(shape, pattern);
    assert_eq!(dy.len(), shape.y_len(), "dy");
    assert_eq!(weight.len(), shape.weight_len(), "weight");
    assert_eq!(dvalue.len(), pattern.shape.entries_len(), "dvalue");
    let capacity = pattern.shape.capacity;
    // Rows of one sample: pieces do not cross samples.
    let piece_rows = (PIECE_PIXELS / shape.w.max(1)).min((shape.n * shape.h).div_ceil(4 * threads())).max(1);
    let pieces = shape.h.div_ceil(piece_rows);
    let row_taps: Vec<Taps> = (0..shape.h).map(|y| Taps::new(y, shape.kh, shape.out_h(), shape)).collect();
    let column_taps: Vec<Taps> = (0..shape.w).map(|x| Taps::new(x, shape.kw, shape.out_w(), shape)).collect();
    let dvalue = Disjoint::new(dvalue);
    let sample_len = shape.out_h() * shape.out_w() * shape.c_out;
    for_each_piece(shape.n * pieces, |piece| {
        let (s, first_row) = (piece / pieces, piece % pieces * piece_rows);
        let rows = first_row..(first_row + piece_rows).min(shape.h);
        let (starts, channels) = (pattern.starts(s), pattern.channels(s));
        let sample = Sample { shape, dy: &dy[s * sample_len..][..sample_len], weight };
        let first = starts[rows.start * shape.w] as usize;
        let end = starts[rows.end * shape.w] as usize;
        // SAFETY: the entries of these rows of the sample belong to this piece alone.
        let dvalue = unsafe { dvalue.slice(s * capacity + first..s * capacity + end) };
        for y in rows {
            for (x, columns) in column_taps.iter().enumerate() {
                let pixel = y * shape.w + x;
                let entries = starts[pixel] as usize..starts[pixel + 1] as usize;
                let mut dvalue = &mut dvalue[entries.start - first..entries.end - first];
                let mut channels = &channels[entries];
                while !channels.is_empty() {
                    // Five are three and two: groups of one are the least efficient.
                    let group = match channels.len() {
                        5 => 3,
                        len => len.min(4),
                    };
                    let (now, later) = dvalue.split_at_mut(group);
                    match group {
                        4 => sample.dots::<4>(&row_taps[y], columns, channels, now, accumulate),
                        3 => sample.dots::<3>(&row_taps[y], columns, channels, now, accumulate),
                        2 => sample.dots::<2>(&row_taps[y], columns, channels, now, accumulate),
                        _ => sample.dots::<1>(&row_taps[y], columns, channels, now, accumulate),
                    }
                    (dvalue, channels) = (later, &channels[group..]);
                }
            }
        }
    });
}

struct Sample<'a> {
    shape: &'a Conv2dShape,
    /// `[out_h][out_w][c_out]`
    dy: &'a [f32],
    weight: &'a [f32],
}

impl Sample<'_> {
    /// The gradients of the first `G` of `channels` at the pixel that `rows` and `columns` describe.
    #[inline(always)]
    fn dots<const G: usize>(
        &self,
        rows: &Taps,
        columns: &Taps,
        channels: &[u32],
        dvalue: &mut [f32],
        accumulate: bool,
    ) {
        let Conv2dShape { c_in, c_out, kw, stride, .. } = *self.shape;
        let out_w = self.shape.out_w();
        let weight: [*const f32; G] = core::array::from_fn(|g| {
            let channel = channels[g] as usize;
            assert!(channel < c_in, "channel: {channel} of {c_in}");
            self.weight.as_ptr().wrapping_add(channel * c_out)
        });
        let mut acc = [[F32x4::zero(); 2]; G];
        let mut rest = [0.0; G];
        let mut oy = rows.output;
        for ky in (rows.first..rows.end).step_by(stride) {
            let mut ox = columns.output;
            for kx in (columns.first..columns.end).step_by(stride) {
                // SAFETY: (oy, ox) and (ky, kx) lie in the output and the kernel, as Taps computed them, and
                // channels are below c_in, so that c_out values can be read of `dy` and of each weight row.
                unsafe {
                    let dy = self.dy.as_ptr().add((oy * out_w + ox) * c_out);
                    let tap = (ky * kw + kx) * c_in * c_out;
                    let weight = weight.map(|row| row.wrapping_add(tap));
                    let mut o = 0;
                    while o + 2 * LANES <= c_out {
                        let (d0, d1) = (F32x4::load_ptr(dy.add(o)), F32x4::load_ptr(dy.add(o + LANES)));
                        for g in 0..G {
                            acc[g][0] = d0.mul_add(F32x4::load_ptr(weight[g].add(o)), acc[g][0]);
                            acc[g][1] = d1.mul_add(F32x4::load_ptr(weight[g].add(o + LANES)), acc[g][1]);
                        }
                        o += 2 * LANES;
                    }
                    if o + LANES <= c_out {
                        let d = F32x4::load_ptr(dy.add(o));
                        for g in 0..G {
                            acc[g][0] = d.mul_add(F32x4::load_ptr(weight[g].add(o)), acc[g][0]);
                        }
                        o += LANES;
                    }
                    while o < c_out {
                        for g in 0..G {
                            rest[g] += *dy.add(o) * *weight[g].add(o);
                        }
                        o += 1;
                    }
                }
                ox = ox.wrapping_sub(1);
            }
            oy = oy.wrapping_sub(1);
        }
        for g in 0..G {
            let sum = (acc[g][0] + acc[g][1]).sum() + rest[g];
            dvalue[g] = if accumulate { dvalue[g] + sum } else { sum };
        }
    }
}
