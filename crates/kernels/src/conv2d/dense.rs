//! Convolution of dense inputs: three matrix products whose operands are packed from the images.
//!
//! | pass            | rows of the product  | columns | summed over            |
//! |-----------------|----------------------|---------|------------------------|
//! | forward         | pixels of y          | c_out   | taps x c_in            |
//! | input gradient  | pixels of x          | c_in    | taps x c_out           |
//! | weight gradient | taps x c_in          | c_out   | pixels of y            |
//!
//! With stride s, an input pixel meets only the taps of its own phase (its padded row and column
//! modulo s), so the input gradient is s^2 products, each a convolution of dy with stride 1. Images of
//! few channels would leave most columns of that product empty: there, dy is multiplied by the weights
//! of all taps at once, and the results are added up where they belong. First layers, whose images have few channels,
//! do not pay for packing (`few.rs`); 3x3 kernels without strides between more take fewer products (`winograd.rs`).

mod few;
mod operands;
mod winograd;

pub use few::{input_gradient_of_entries, takes_entries};
pub(super) use winograd::tiles as winograd_tiles;

use super::Conv2dShape;
use crate::matmul::gemm::Product;
use crate::matmul::pack::{KMajor, LineMajor};
use crate::parallel::for_each_chunk_mut;
use crate::scratch;
use crate::simd::{F32x4, Vector, LANES};
use operands::{OutputWeights, Patches, PatchesTransposed, PhaseWeights, TapWeights};

/// `y [n][out_h][out_w][c_out]` from `x [n][h][w][c_in]`, `weight` and `bias [c_out]`.
pub fn forward(shape: &Conv2dShape, x: &[f32], weight: &[f32], bias: Option<&[f32]>, y: &mut [f32]) {
    check(shape, x, weight, y);
    if let Some(bias) = bias {
        assert_eq!(bias.len(), shape.c_out, "bias: c_out values");
    }
    if few::applies(shape) {
        few::forward(shape, x, weight, bias, y);
        return;
    }
    if winograd::tiles(shape).is_some() {
        winograd::forward(shape, x, weight, bias, y);
        return;
    }
    let n = shape.c_out;
    let b = &OutputWeights { weight, shape };
    let (row_start, column_start) = (&|i| i * n, &|j| j);
    if let Some((m, k)) = as_matmul(shape) {
        let a = &LineMajor { data: x, lines: m, k };
        Product { m, n, k, a, b, bias, row_start, column_start }.write(y);
        return;
    }
    with_zeros(shape.c_in, |zeros| {
        let a = &input_patches(shape, x, zeros);
        let (m, k) = (shape.n * shape.out_h() * shape.out_w(), shape.kh * shape.kw * shape.c_in);
        Product { m, n, k, a, b, bias, row_start, column_start }.write(y);
    });
}

/// `dx [n][h][w][c_in]` from `dy [n][out_h][out_w][c_out]` and `weight`.
pub fn input_gradient(shape: &Conv2dShape, dy: &[f32], weight: &[f32], dx: &mut [f32]) {
    check(shape, dx, weight, dy);
    if winograd::tiles(shape).is_some() {
        winograd::input_gradient(shape, dy, weight, dx);
        return;
    }
    if let Some((m, n)) = as_matmul(shape) {
        let k = shape.c_out;
        let (a, b) = (&LineMajor { data: dy, lines: m, k }, &TapWeights { shape, weight });
        Product { m, n, k, a, b, bias: None, row_start: &|i| i * n, column_start: &|j| j }.write(dx);
        return;
    }
    if shape.c_in < LANES {
        input_gradient_of_few_channels(shape, dy, weight, dx);
        return;
    }
    with_zeros(shape.c_out, |zeros| {
        for phase_y in 0..shape.stride {
            for phase_x in 0..shape.stride {
                input_gradient_of_phase(shape, phase_y, phase_x, dy, weight, zeros, dx);
            }
        }
    });
}

/// The input gradient by samples: every pixel of dy makes a patch of dx, and patches overlap.
fn input_gradient_of_few_channels(shape: &Conv2dShape, dy: &[f32], weight: &[f32], dx: &mut [f32]) {
    let &Conv2dShape { h, w, c_in, c_out, kh, kw, stride, padding, .. } = shape;
    let (out_h, out_w) = (shape.out_h(), shape.out_w());
    let (m, n, k) = (out_h * out_w, kh * kw * c_in, c_out);
    for_each_chunk_mut(dx, h * w * c_in, |sample, dx| {
        scratch::with(m * n, |patches| {
            let a = &LineMajor { data: &dy[sample * m * k..][..m * k], lines: m, k };
            let b = &TapWeights { shape, weight };
            Product { m, n, k, a, b, bias: None, row_start: &|i| i * n, column_start: &|j| j }.write_in_parts(patches);
            dx.fill(0.0);
            for (i, patch) in patches.chunks_exact(n).enumerate() {
                let (top, left) = (i / out_w * stride, i % out_w * stride);
                // Taps within the image.
                let rows = padding.saturating_sub(top)..kh.min((h + padding).saturating_sub(top));
                let columns = padding.saturating_sub(left)..kw.min((w + padding).saturating_sub(left));
                for ky in rows {
                    for kx in columns.clone() {
                        let pixel = (top + ky - padding) * w + left + kx - padding;
                        for c in 0..c_in {
                            dx[pixel * c_in + c] += patch[(ky * kw + kx) * c_in + c];
                        }
                    }
                }
            }
        });
    });
}

/// The input gradient at the pixels whose padded row and column are `phase_y` and `phase_x` modulo stride.
fn input_gradient_of_phase(
    shape: &Conv2dShape,
    phase_y: usize,
    phase_x: usize,
    dy: &[f32],
    weight: &[f32],
    zeros: &[f32],
    dx: &mut [f32],
) {
    let &Conv2dShape { n: samples, h, w, c_in, c_out, kh, kw, stride, padding } = shape;
    // Padded row q * stride + phase is input row q * stride + phase - padding, which exists for
    // q = first .. end; it meets tap j * stride + phase in output row q - j.
    let first = |phase: usize| padding.saturating_sub(phase).div_ceil(stride);
    let end = |phase: usize, size: usize| (size + padding).saturating_sub(phase).div_ceil(stride);
    let taps = |phase: usize, kernel: usize| kernel.saturating_sub(phase).div_ceil(stride);
    let (first_y, first_x) = (first(phase_y), first(phase_x));
    let grid_h = end(phase_y, h).saturating_sub(first_y);
    let grid_w = end(phase_x, w).saturating_sub(first_x);
    let (taps_y, taps_x) = (taps(phase_y, kh), taps(phase_x, kw));
    let (top, left) = (first_y * stride + phase_y, first_x * stride + phase_x);

    let a = &Patches {
        image: dy,
        n: samples,
        h: shape.out_h(),
        w: shape.out_w(),
        c: c_out,
        kh: taps_y,
        kw: taps_x,
        grid_h,
        grid_w,
        step: 1,
        origin_y: first_y as isize + 1 - taps_y as isize,
        origin_x: first_x as isize + 1 - taps_x as isize,
        zeros,
    };
    let b = &PhaseWeights { shape, weight, phase_y, phase_x, taps_y, taps_x };
    let row_start = &|i: usize| {
        let (row, gx) = (i / grid_w, i % grid_w);
        let (sample, gy) = (row / grid_h, row % grid_h);
        ((sample * h + gy * stride + top - padding) * w + gx * stride + left - padding) * c_in
    };
    let (m, k) = (samples * grid_h * grid_w, taps_y * taps_x * c_out);
    Product { m, n: c_in, k, a, b, bias: None, row_start, column_start: &|j| j }.write(dx);
}

/// `dw`, in the order of weights, from `x [n][h][w][c_in]` and `dy [n][out_h][out_w][c_out]`.
pub fn weight_gradient(shape: &Conv2dShape, x: &[f32], dy: &[f32], dw: &mut [f32]) {
    check(shape, x, dw, dy);
    if few::applies(shape) {
        few::weight_gradient(shape, x, dy, dw);
        return;
    }
    let n = shape.c_out;
    let b = &KMajor { data: dy, lines: n };
    if !n.is_multiple_of(shape.block_width()) {
        // Past c_out, the last block is zero.
        dw.fill(0.0);
    }
    if winograd::tiles(shape).is_some() {
        winograd::weight_gradient(shape, x, dy, dw);
        return;
    }
    let row_start = &|i| shape.weight_index(i / shape.c_in, i % shape.c_in, 0);
    let column_start = &|j| shape.weight_index(0, 0, j);
    if let Some((k, m)) = as_matmul(shape) {
        let a = &KMajor { data: x, lines: m };
        Product { m, n, k, a, b, bias: None, row_start, column_start }.write_in_parts(dw);
        return;
    }
    let a = &PatchesTransposed(input_patches(shape, x, &[]));
    let (m, k) = (shape.kh * shape.kw * shape.c_in, shape.n * shape.out_h() * shape.out_w());
    Product { m, n, k, a, b, bias: None, row_start, column_start }.write_in_parts(dw);
}

/// `db [channels]`, the column sums of `dy [rows][channels]`.
pub fn bias_gradient(rows: usize, channels: usize, dy: &[f32], db: &mut [f32]) {
    /// Rows summed by one piece.
    const ROWS: usize = 1024;
    assert_eq!(dy.len(), rows * channels, "dy: rows * channels values");
    assert_eq!(db.len(), channels, "db: channels values");
    db.fill(0.0);
    if channels == 0 {
        return;
    }
    scratch::with(rows.div_ceil(ROWS) * channels, |partial| {
        for_each_chunk_mut(partial, channels, |piece, sums| {
            sums.fill(0.0);
            let rows = piece * ROWS..rows.min((piece + 1) * ROWS);
            for row in dy[rows.start * channels..rows.end * channels].chunks_exact(channels) {
                add(row, sums);
            }
        });
        for sums in partial.chunks_exact(channels) {
            add(sums, db);
        }
    });
}

/// `sums += values`.
fn add(values: &[f32], sums: &mut [f32]) {
    let (mut targets, mut sources) = (sums.chunks_exact_mut(LANES), values.chunks_exact(LANES));
    for (target, source) in targets.by_ref().zip(sources.by_ref()) {
        (F32x4::load(target) + F32x4::load(source)).store(target);
    }
    for (target, source) in targets.into_remainder().iter_mut().zip(sources.remainder()) {
        *target += source;
    }
}

/// The patches of `x` that the output pixels see.
fn input_patches<'a>(shape: &Conv2dShape, x: &'a [f32], zeros: &'a [f32]) -> Patches<'a> {
    Patches {
        image: x,
        n: shape.n,
        h: shape.h,
        w: shape.w,
        c: shape.c_in,
        kh: shape.kh,
        kw: shape.kw,
        grid_h: shape.out_h(),
        grid_w: shape.out_w(),
        step: shape.stride,
        origin_y: -(shape.padding as isize),
        origin_x: -(shape.padding as isize),
        zeros,
    }
}

/// Rows and columns of `x` as a matrix whose product with the weights is the convolution: a 1x1 kernel
/// at every pixel, or one patch that is the whole image (a linear layer is both).
fn as_matmul(shape: &Conv2dShape) -> Option<(usize, usize)> {
    let &Conv2dShape { n, h, w, c_in, kh, kw, stride, padding, .. } = shape;
    if padding > 0 {
        None
    } else if (kh, kw) == (h, w) {
        Some((n, h * w * c_in))
    } else if (kh, kw, stride) == (1, 1, 1) {
        Some((n * h * w, c_in))
    } else {
        None
    }
}

/// Lends `work` a buffer of `len` zeros.
fn with_zeros(len: usize, work: impl FnOnce(&[f32])) {
    scratch::with(len, |zeros| {
        zeros.fill(0.0);
        work(zeros);
    });
}

fn check(shape: &Conv2dShape, x: &[f32], weight: &[f32], y: &[f32]) {
    shape.check();
    assert_eq!(x.len(), shape.x_len(), "x or its gradient: n * h * w * c_in values");
    assert_eq!(weight.len(), shape.weight_len(), "weight or its gradient: kh * kw * c_in * c_out values");
    assert_eq!(y.len(), shape.y_len(), "y or its gradient: n * out_h * out_w * c_out values");
}

#[cfg(test)]
mod tests;
