//! Weight gradient: by points, `dw = sum over tiles of patch * tile`, then back to taps.
//!
//! Tiles come in rounds, whose points are transformed first, by all threads, and then multiplied, point by point; the
//! products add up over rounds. Rounds follow from the shape alone, so they do not depend on the number of threads.

use super::transforms::{patch_to_points, points_to_kernel, tile_to_points, Image, Walk, CHANNELS, POINTS};
use super::{Tiles, GAP};
use crate::conv2d::Conv2dShape;
use crate::matmul::kernel::{tile, MR, NR, ZEROS};
use crate::parallel::{for_each_piece, threads, Disjoint};
use crate::scratch;
use crate::simd::{F32x4, Vector, LANES};
use core::ops::Range;

/// Values of a round's points: 4 MB, which the threads' caches hold together.
const ROUND: usize = 1 << 20;
/// Tiles that a thread transforms at a time.
const PIECE_TILES: usize = 16;

/// See `dense::weight_gradient`.
pub(in crate::conv2d::dense) fn weight_gradient(shape: &Conv2dShape, x: &[f32], dy: &[f32], dw: &mut [f32]) {
    let &Conv2dShape { c_in, c_out, .. } = shape;
    let tiles = Tiles::new(shape);
    if tiles.count() == 0 {
        dw.fill(0.0);
        return;
    }
    let round_tiles = (ROUND / (POINTS * (c_in + c_out))).max(PIECE_TILES).min(tiles.count());
    let lens = |tiles: usize| [POINTS * c_in / MR * (tiles * MR + GAP), POINTS * c_out / NR * (tiles * NR + GAP)];
    scratch::with(POINTS * c_in * c_out, |sums| {
        scratch::with(lens(round_tiles).iter().sum(), |points| {
            for first in (0..tiles.count()).step_by(round_tiles) {
                let range = first..tiles.count().min(first + round_tiles);
                let [patches_len, gradients_len] = lens(range.len());
                let (patches, gradients) = points[..patches_len + gradients_len].split_at_mut(patches_len);
                to_points(&tiles, x, dy, range.clone(), patches, gradients);
                multiply(shape, range.len(), first == 0, patches, gradients, sums);
            }
        });
        to_weights(shape, sums, dw);
    });
}

/// `patches [point][quad of c_in][tile][MR]` from `x` and `gradients [point][panel of c_out][tile][NR]` from `dy`.
fn to_points(tiles: &Tiles, x: &[f32], dy: &[f32], range: Range<usize>, patches: &mut [f32], gradients: &mut [f32]) {
    let &Conv2dShape { h, w, c_in, c_out, .. } = tiles.shape;
    let (input, output) = (
        Image { data: x, h, w, c: c_in },
        Image { data: dy, h: tiles.shape.out_h(), w: tiles.shape.out_w(), c: c_out },
    );
    let count = range.len();
    let (quad, panel) = (count * MR + GAP, count * NR + GAP);
    let (patches, gradients) = (Disjoint::new(patches), Disjoint::new(gradients));
    for_each_piece(count.div_ceil(PIECE_TILES), |piece| {
        let places = piece * PIECE_TILES..count.min((piece + 1) * PIECE_TILES);
        scratch::with(POINTS * CHANNELS, |window| {
            for channel in (0..c_in).step_by(CHANNELS) {
                let channels = channel..c_in.min(channel + CHANNELS);
                let walk = Walk { count: channels.len() / LANES, from: LANES, to: quad, point: c_in / MR * quad };
                for place in places.clone() {
                    let (sample, top, left) = tiles.patch(range.start + place);
                    let patch = input.window::<4>(sample, top, left, channels.clone(), window);
                    // SAFETY: the piece alone has this tile.
                    unsafe { patch_to_points(&patch, &walk, &patches, channel / MR * quad + place * MR) };
                }
            }
            for channel in (0..c_out).step_by(CHANNELS) {
                let channels = channel..c_out.min(channel + CHANNELS);
                let walk = Walk { count: channels.len() / NR, from: NR, to: panel, point: c_out / NR * panel };
                for place in places.clone() {
                    let (sample, top, left) = tiles.place(range.start + place);
                    let tile = output.window::<2>(sample, top as isize, left as isize, channels.clone(), window);
                    for half in (0..NR).step_by(LANES) {
                        let first = channel / NR * panel + place * NR + half;
                        // SAFETY: as above.
                        unsafe { tile_to_points(&tile.skip(half), &walk, &gradients, first) };
                    }
                }
            }
        });
    });
}

/// Adds the products of a round's points to `sums [point][c_in][c_out]`, which the first round sets.
fn multiply(shape: &Conv2dShape, count: usize, first: bool, patches: &[f32], gradients: &[f32], sums: &mut [f32]) {
    let &Conv2dShape { c_in, c_out, .. } = shape;
    let sums = Disjoint::new(sums);
    // Threads first share the points, and then the input channels.
    let quads = c_in / MR;
    let ranges = (2 * threads()).div_ceil(POINTS).min(quads);
    for_each_piece(POINTS * ranges, |piece| {
        let (point, range) = (piece % POINTS, piece / POINTS);
        let quads = range * quads / ranges..(range + 1) * quads / ranges;
        let start = (point * c_in + quads.start * MR) * c_out;
        // SAFETY: the piece alone has these channels of the point.
        let sums = unsafe { sums.slice(start..start + quads.len() * MR * c_out) };
        let quad_len = count * MR + GAP;
        let patches = &of_point(patches, point)[quads.start * quad_len..quads.end * quad_len];
        for (panel, gradients) in of_point(gradients, point).chunks_exact(count * NR + GAP).enumerate() {
            for (quad, patches) in patches.chunks_exact(quad_len).enumerate() {
                let to = &mut sums[quad * MR * c_out..(quad + 1) * MR * c_out];
                let to: [*mut f32; MR] = core::array::from_fn(|r| to[r * c_out + panel * NR..][..NR].as_mut_ptr());
                let from = if first { [ZEROS.as_ptr(); MR] } else { to.map(<*mut f32>::cast_const) };
                // SAFETY: both operands hold `count` steps; each of `to` points to NR sums.
                unsafe { tile::<2>(count, patches.as_ptr(), gradients.as_ptr(), from, to) };
            }
        }
    });
}

fn of_point(values: &[f32], point: usize) -> &[f32] {
    let len = values.len() / POINTS;
    &values[point * len..(point + 1) * len]
}

/// `dw`, in the order of weights, from `sums [point][c_in][c_out]`.
fn to_weights(shape: &Conv2dShape, sums: &[f32], dw: &mut [f32]) {
    let &Conv2dShape { c_in, c_out, .. } = shape;
    let width = shape.block_width();
    let dw = Disjoint::new(dw);
    for_each_piece(c_in, |c| {
        for o in (0..c_out).step_by(LANES) {
            let at = |point: usize| (point * c_in + c) * c_out + o;
            let taps = points_to_kernel(core::array::from_fn(|point| F32x4::load(&sums[at(point)..])));
            let first = shape.weight_index(0, c, o);
            for (tap, value) in taps.into_iter().enumerate() {
                // SAFETY: each input channel is one piece, and this slice is the only one that lives.
                value.store(unsafe { dw.slice(first + tap * width..first + tap * width + LANES) });
            }
        }
    });
}
