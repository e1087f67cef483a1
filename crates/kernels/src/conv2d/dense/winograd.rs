//! 3x3 convolutions with stride 1 by Winograd's minimal filtering F(2x2, 3x3): 16 multiply-adds for four outputs of a
//! channel instead of 36, with errors like those of the direct sum (larger tiles save more, and lose digits).
//! S. Winograd, Arithmetic Complexity of Computations (1980); A. Lavin and S. Gray, Fast Algorithms for Convolutional
//! Neural Networks (2016).
//!
//! The output is cut into tiles of 2x2, each of which sees a patch of 4x4 of the input. Patches, kernels and tiles are
//! transformed into 16 points each (`transforms.rs`), which multiply one by one, so that all sums over channels are 16
//! matrix products:
//!
//! | pass            | rows of a product | columns | summed over |
//! |-----------------|-------------------|---------|-------------|
//! | forward         | tiles of y        | c_out   | c_in        |
//! | input gradient  | tiles of x        | c_in    | c_out       |
//! | weight gradient | c_in              | c_out   | tiles of y  |
//!
//! The input gradient is a forward pass over `dy` with the kernel turned round (`weights.rs`); `gradient.rs` has the
//! weight gradient. A value that is not finite reaches all outputs of the tiles that see it, where an infinite one may
//! become NaN.

mod gradient;
mod transforms;
mod weights;

pub(super) use gradient::weight_gradient;

use super::Conv2dShape;
use crate::matmul::kernel::{new_tile, MR, NR};
use crate::matmul::pack::interleave;
use crate::parallel::{for_each_piece, threads, Disjoint};
use crate::scratch;
use crate::simd::{F32x4, Vector, LANES};
use core::ops::Range;
use transforms::{patch_to_points, points_to_tile, Image, Walk, CHANNELS, POINTS};

/// Tiles that a piece transforms and multiplies: their points stay in L2 for every output channel.
const PIECE_TILES: usize = 64;
/// Values between the points of a buffer, without which all would fall into few sets of a cache.
const GAP: usize = 16;
/// Output channels whose points are turned back together.
const GROUP: usize = 4 * NR;
/// Values from the points of one tile of the output to those of the next.
const ROW: usize = POINTS * GROUP + GAP;
/// With fewer tiles in a sample the transforms of the weights do not pay in batches of 8. Smaller ones are no
/// exception: a sample's results shall not depend on the others.
const FEWEST_TILES: usize = 2;

/// Tiles of a sample, for a convolution that is computed here; `None` where the transforms do not pay.
pub(in crate::conv2d) fn tiles(shape: &Conv2dShape) -> Option<usize> {
    let &Conv2dShape { c_in, c_out, kh, kw, stride, padding, .. } = shape;
    let enough = |channels: usize| channels >= 16 && channels.is_multiple_of(NR);
    let fits = (kh, kw, stride) == (3, 3, 1) && padding <= 2 && enough(c_in) && enough(c_out);
    let tiles = Tiles::new(shape);
    fits.then_some(tiles.rows * tiles.columns).filter(|&count| count >= FEWEST_TILES)
}

/// See `dense::forward`.
pub(super) fn forward(shape: &Conv2dShape, x: &[f32], weight: &[f32], bias: Option<&[f32]>, y: &mut [f32]) {
    scratch::with(POINTS * shape.c_in * shape.c_out, |points| {
        weights::to_points(shape, weight, points);
        correlate(shape, x, points, bias, y);
    });
}

/// See `dense::input_gradient`.
pub(super) fn input_gradient(shape: &Conv2dShape, dy: &[f32], weight: &[f32], dx: &mut [f32]) {
    scratch::with(POINTS * shape.c_in * shape.c_out, |points| {
        weights::turned_to_points(shape, weight, points);
        correlate(&shape.turned(), dy, points, None, dx);
    });
}

/// `y` from `x` and the points of the weights, `[panel of outputs][point][c_in][NR]`.
fn correlate(shape: &Conv2dShape, x: &[f32], weight: &[f32], bias: Option<&[f32]>, y: &mut [f32]) {
    let (tiles, c_in) = (Tiles::new(shape), shape.c_in);
    let share = tiles.count().div_ceil(2 * threads()).next_multiple_of(MR);
    let piece_tiles = PIECE_TILES.min(share).max(MR);
    let y = Disjoint::new(y);
    for_each_piece(tiles.count().div_ceil(piece_tiles), |piece| {
        let range = piece * piece_tiles..tiles.count().min((piece + 1) * piece_tiles);
        let rows = range.len().next_multiple_of(MR);
        scratch::with(POINTS * (rows * c_in + GAP), |patches| {
            to_points(&tiles, x, range.clone(), patches);
            scratch::with(rows * ROW, |products| {
                for (group, weight) in weight.chunks(POINTS * c_in * GROUP).enumerate() {
                    multiply(c_in, patches, weight, products);
                    let channels = group * GROUP..shape.c_out.min((group + 1) * GROUP);
                    tiles.write(range.clone(), channels, products, bias, &y);
                }
            });
        });
    });
}

/// `patches [point][quad of tiles][c][MR]` becomes the points of the patches of `range`; what a quad has past the last
/// tile may hold anything.
fn to_points(tiles: &Tiles, x: &[f32], range: Range<usize>, patches: &mut [f32]) {
    let c = tiles.shape.c_in;
    let image = Image { data: x, h: tiles.shape.h, w: tiles.shape.w, c };
    let point_len = patches.len() / POINTS;
    scratch::with((MR + 1) * POINTS * CHANNELS, |buffer| {
        let (window, quad) = buffer.split_at_mut(POINTS * CHANNELS);
        for (q, first) in range.clone().step_by(MR).enumerate() {
            for channel in (0..c).step_by(CHANNELS) {
                let channels = channel..c.min(channel + CHANNELS);
                let len = channels.len();
                for (i, tile) in (first..range.end.min(first + MR)).enumerate() {
                    let (sample, top, left) = tiles.patch(tile);
                    let patch = image.window::<4>(sample, top, left, channels.clone(), window);
                    let walk = Walk { count: len / LANES, from: LANES, to: LANES, point: MR * len };
                    // SAFETY: this thread alone has the buffer.
                    unsafe { patch_to_points(&patch, &walk, &Disjoint::new(quad), i * len) };
                }
                for (point, lines) in quad.chunks_exact(MR * len).take(POINTS).enumerate() {
                    let lines = core::array::from_fn(|i| &lines[i * len..(i + 1) * len]);
                    interleave(lines, MR, &mut patches[point * point_len + (q * c + channel) * MR..]);
                }
            }
        }
    });
}

/// `products [row][point][GROUP]`, rows `ROW` values apart, = the points of patches times those of the weights of up to
/// `GROUP` outputs.
fn multiply(c_in: usize, patches: &[f32], weight: &[f32], products: &mut [f32]) {
    for (point, patches) in patches.chunks_exact(patches.len() / POINTS).enumerate() {
        for (panel, weight) in weight.chunks_exact(POINTS * c_in * NR).enumerate() {
            let weight = &weight[point * c_in * NR..(point + 1) * c_in * NR];
            let quads = patches.chunks_exact(c_in * MR).zip(products.chunks_exact_mut(MR * ROW));
            for (patches, products) in quads {
                let to = products[point * GROUP + panel * NR..].as_mut_ptr();
                // SAFETY: both operands hold c_in steps; `products` has MR rows.
                unsafe { new_tile::<2>(c_in, patches.as_ptr(), weight.as_ptr(), to, ROW) };
            }
        }
    }
}

/// The 2x2 tiles of the outputs of a batch, in order; the last of a row or column may reach past the image.
struct Tiles<'a> {
    shape: &'a Conv2dShape,
    rows: usize,
    columns: usize,
}

impl<'a> Tiles<'a> {
    fn new(shape: &'a Conv2dShape) -> Self {
        Self { shape, rows: shape.out_h().div_ceil(2), columns: shape.out_w().div_ceil(2) }
    }

    fn count(&self) -> usize {
        self.shape.n * self.rows * self.columns
    }

    /// Sample, output row and output column of a tile's first output.
    fn place(&self, tile: usize) -> (usize, usize, usize) {
        let row = tile / self.columns;
        (row / self.rows, row % self.rows * 2, tile % self.columns * 2)
    }

    /// Sample, input row and input column of the first pixel that a tile sees.
    fn patch(&self, tile: usize) -> (usize, isize, isize) {
        let (sample, y, x) = self.place(tile);
        let padding = self.shape.padding as isize;
        (sample, y as isize - padding, x as isize - padding)
    }

    /// Writes `channels` of the tiles `range` from their `points [row][point][GROUP]`, rows `ROW` values apart.
    fn write(
        &self,
        range: Range<usize>,
        channels: Range<usize>,
        points: &[f32],
        bias: Option<&[f32]>,
        y: &Disjoint<f32>,
    ) {
        let Conv2dShape { c_out, .. } = *self.shape;
        let (out_h, out_w) = (self.shape.out_h(), self.shape.out_w());
        let bias = bias.map(|bias| &bias[channels.clone()]);
        for (points, tile) in points.chunks_exact(ROW).zip(range) {
            let (sample, top, left) = self.place(tile);
            let (rows, columns) = (2.min(out_h - top), 2.min(out_w - left));
            let first = ((sample * out_h + top) * out_w + left) * c_out + channels.start;
            let pixel = |i: usize| first + (i / 2).min(rows - 1) * out_w * c_out + (i % 2).min(columns - 1) * c_out;
            // SAFETY: the piece alone has these pixels, and the slice ends before the next one is made.
            let pixels = [0, 1, 2, 3].map(|i| unsafe { y.slice(pixel(i)..pixel(i) + channels.len()) }.as_mut_ptr());
            for channel in (0..channels.len()).step_by(LANES) {
                let bias = bias.map_or(F32x4::zero(), |bias| F32x4::load(&bias[channel..]));
                // SAFETY: GROUP channels of each point; LANES channels of a pixel are left from `channel` on.
                unsafe {
                    let points = points.as_ptr().add(channel);
                    let values = points_to_tile(|point| F32x4::load_ptr(points.add(point * GROUP)));
                    // What lies past the image goes to the pixel before it, which is written after it.
                    for (value, pixel) in values.into_iter().zip(pixels).rev() {
                        (value + bias).store_ptr(pixel.add(channel));
                    }
                }
            }
        }
    }
}
