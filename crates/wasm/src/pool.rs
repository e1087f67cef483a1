//! Exports of `kwta_kernels::pool`.

use crate::export::export;
use kwta_kernels::pool;
use kwta_kernels::sizes::product;

export! {
    /// Maximum over windows; saves where it stood.
    fn max_pool2d_forward(
        s: Pool2d,
        x: &[f32; s.x_len()],
        y: &mut [f32; s.y_len()],
        argmax: &mut [u32; s.y_len()]
    ) {
        pool::max_pool2d(&s, x, y, argmax);
    }

    /// Gradient of [`max_pool2d_forward`].
    fn max_pool2d_backward(
        s: Pool2d,
        dy: &[f32; s.y_len()],
        argmax: &[u32; s.y_len()],
        dx: &mut [f32; s.x_len()]
    ) {
        pool::max_pool2d_backward(&s, dy, argmax, dx);
    }

    /// Mean over windows, padding counted.
    fn avg_pool2d_forward(s: Pool2d, x: &[f32; s.x_len()], y: &mut [f32; s.y_len()]) {
        pool::avg_pool2d(&s, x, y);
    }

    /// Gradient of [`avg_pool2d_forward`].
    fn avg_pool2d_backward(s: Pool2d, dy: &[f32; s.y_len()], dx: &mut [f32; s.x_len()]) {
        pool::avg_pool2d_backward(&s, dy, dx);
    }

    /// Mean over all pixels.
    fn global_average_forward(
        n: usize,
        pixels: usize,
        channels: usize,
        x: &[f32; product([n, pixels, channels])],
        y: &mut [f32; product([n, channels])]
    ) {
        pool::global_average(n, pixels, channels, x, y);
    }

    /// Gradient of [`global_average_forward`].
    fn global_average_backward(
        n: usize,
        pixels: usize,
        channels: usize,
        dy: &[f32; product([n, channels])],
        dx: &mut [f32; product([n, pixels, channels])]
    ) {
        pool::global_average_backward(n, pixels, channels, dy, dx);
    }
}
