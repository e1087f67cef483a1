//! Exports of `kwta_kernels::elementwise`.

use crate::export::export;
use kwta_kernels::elementwise;
use kwta_kernels::sizes::product;

export! {
    /// `y = max(x, 0)`.
    fn relu_forward(len: usize, x: &[f32; len], y: &mut [f32; len]) {
        elementwise::relu(x, y);
    }

    /// `dx = dy` where the output `y` is positive.
    fn relu_backward(len: usize, y: &[f32; len], dy: &[f32; len], dx: &mut [f32; len]) {
        elementwise::relu_backward(y, dy, dx);
    }

    /// `y += x`.
    fn add_in_place(len: usize, x: &[f32; len], y: &mut [f32; len]) {
        elementwise::add_in_place(y, x);
    }

    /// `y = x`.
    fn copy(len: usize, x: &[f32; len], y: &mut [f32; len]) {
        y.copy_from_slice(x);
    }

    /// Whether no value is infinite or NaN.
    fn all_finite(len: usize, x: &[f32; len]) -> bool {
        kwta_kernels::finite::all_finite(x)
    }

    /// `y = value`.
    fn fill(len: usize, value: f32, y: &mut [f32; len]) {
        elementwise::fill(y, value);
    }

    /// Makes zeros of the denormal ones of `x`.
    fn flush_denormals(len: usize, x: &mut [f32; len]) {
        kwta_kernels::denormal::flush(x);
    }

    /// `(x - mean) / std` by channel.
    fn normalize_forward(
        rows: usize,
        channels: usize,
        x: &[f32; product([rows, channels])],
        mean: &[f32; channels],
        std: &[f32; channels],
        y: &mut [f32; x.len()]
    ) {
        elementwise::normalize(channels, x, mean, std, y);
    }

    /// Gradient of [`normalize_forward`].
    fn normalize_backward(
        rows: usize,
        channels: usize,
        dy: &[f32; product([rows, channels])],
        std: &[f32; channels],
        dx: &mut [f32; dy.len()]
    ) {
        elementwise::normalize_backward(channels, dy, std, dx);
    }

    /// Drops values at random; the same call turns a gradient back. `layer` and `step` choose the stream.
    fn dropout(len: usize, x: &[f32; len], p: f32, seed: f64, layer: u32, step: u32, y: &mut [f32; len]) {
        elementwise::dropout(seed as u64, crate::rng::dropout_stream(layer, step), p, x, y);
    }

    /// `[n][c][h][w]` to `[n][h][w][c]`.
    fn nchw_to_nhwc(
        n: usize,
        c: usize,
        h: usize,
        w: usize,
        x: &[f32; product([n, c, h, w])],
        y: &mut [f32; x.len()]
    ) {
        elementwise::nchw_to_nhwc(n, c, h * w, x, y);
    }

    /// `[n][h][w][c]` to `[n][c][h][w]`.
    fn nhwc_to_nchw(
        n: usize,
        c: usize,
        h: usize,
        w: usize,
        x: &[f32; product([n, c, h, w])],
        y: &mut [f32; x.len()]
    ) {
        elementwise::nhwc_to_nchw(n, c, h * w, x, y);
    }
}
