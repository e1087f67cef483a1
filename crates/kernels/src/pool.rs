//! Pooling over windows (`max_pool2d`, `avg_pool2d`) and over the whole image (`global_average`).
//!
//! `x` is `[n][h][w][c]`, `y` is `[n][out_h][out_w][c]`; of `global_average`, `y` is `[n][c]`.
//! Loops run over the channels of a pixel. Forward passes are cut into rows of the output, backward passes,
//! whose windows may overlap, into samples.

use crate::parallel::{self, Disjoint};
use crate::sizes::product;

/// Sizes of one pooling over a batch, with square windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool2dShape {
    /// Samples.
    pub n: usize,
    /// Input rows.
    pub h: usize,
    /// Input columns.
    pub w: usize,
    /// Channels.
    pub c: usize,
    /// Rows and columns of a window.
    pub kernel: usize,
    /// Step in rows and columns.
    pub stride: usize,
    /// Border around every side: never the maximum, zero for the average.
    pub padding: usize,
}

impl Pool2dShape {
    /// Output rows.
    pub fn out_h(&self) -> usize {
        (self.h + 2 * self.padding - self.kernel) / self.stride + 1
    }

    /// Output columns.
    pub fn out_w(&self) -> usize {
        (self.w + 2 * self.padding - self.kernel) / self.stride + 1
    }

    /// Length of `x`.
    pub fn x_len(&self) -> usize {
        self.n * self.h * self.w * self.c
    }

    /// Length of `y`.
    pub fn y_len(&self) -> usize {
        self.n * self.out_h() * self.out_w() * self.c
    }

    /// Panics unless every window holds at least one pixel of the image and memory can hold each tensor.
    pub fn check(&self) {
        let Self { n, h, w, c, kernel, stride, padding } = *self;
        assert!(kernel > 0 && stride > 0, "kernel and stride must be positive, got {kernel} and {stride}");
        assert!(padding <= kernel / 2, "padding must be at most half of kernel {kernel}, got {padding}");
        assert!(
            h + 2 * padding >= kernel && w + 2 * padding >= kernel,
            "kernel {kernel} does not fit in {h} x {w} with padding {padding}"
        );
        product([n, h, w, c]);
        product([n, self.out_h(), self.out_w(), c]);
    }

    /// Pixels of the image, numbered in its rows, in the window of output (oy, ox), in order.
    fn window(&self, oy: usize, ox: usize) -> impl Iterator<Item = usize> {
        let Self { h, w, kernel, stride, padding, .. } = *self;
        let inside = move |o: usize, size: usize| {
            let first = o * stride;
            first.saturating_sub(padding)..(first + kernel - padding).min(size)
        };
        let columns = inside(ox, w);
        inside(oy, h).flat_map(move |y| columns.clone().map(move |x| y * w + x))
    }
}

/// Maximum of each window, and in `argmax` the pixel it came from, y * w + x: the first of equal ones.
/// A window with NaN gives NaN.
pub fn max_pool2d(shape: &Pool2dShape, x: &[f32], y: &mut [f32], argmax: &mut [u32]) {
    shape.check();
    assert_eq!(x.len(), shape.x_len(), "x");
    assert_eq!(y.len(), shape.y_len(), "y");
    assert_eq!(argmax.len(), shape.y_len(), "argmax");
    let c = shape.c;
    let row = shape.out_w() * c;
    let argmax = Disjoint::new(argmax);
    parallel::for_each_chunk_mut(y, row, |piece, y| {
        // SAFETY: rows of different pieces do not overlap.
        let argmax = unsafe { argmax.slice(piece * row..(piece + 1) * row) };
        let x = sample(x, piece / shape.out_h(), shape);
        for (ox, (y, argmax)) in y.chunks_mut(c).zip(argmax.chunks_mut(c)).enumerate() {
            let mut window = shape.window(piece % shape.out_h(), ox);
            let first = window.next().expect("checked: no window is empty");
            y.copy_from_slice(&x[first * c..][..c]);
            argmax.fill(first as u32);
            for pixel in window {
                take_larger(&x[pixel * c..][..c], pixel as u32, y, argmax);
            }
        }
    });
}

/// Gradient of `max_pool2d`: what arrives at an output goes to the pixel it came from.
pub fn max_pool2d_backward(shape: &Pool2dShape, dy: &[f32], argmax: &[u32], dx: &mut [f32]) {
    shape.check();
    assert_eq!(dy.len(), shape.y_len(), "dy");
    assert_eq!(argmax.len(), shape.y_len(), "argmax");
    assert_eq!(dx.len(), shape.x_len(), "dx");
    let c = shape.c;
    let out_len = shape.out_h() * shape.out_w() * c;
    parallel::for_each_chunk_mut(dx, shape.h * shape.w * c, |s, dx| {
        dx.fill(0.0);
        let outputs = s * out_len..(s + 1) * out_len;
        for (dy, argmax) in dy[outputs.clone()].chunks(c).zip(argmax[outputs].chunks(c)) {
            for (channel, (&dy, &pixel)) in dy.iter().zip(argmax).enumerate() {
                dx[pixel as usize * c + channel] += dy;
            }
        }
    });
}

/// Sum of each window divided by kernel * kernel: padding counts as zeros.
pub fn avg_pool2d(shape: &Pool2dShape, x: &[f32], y: &mut [f32]) {
    shape.check();
    assert_eq!(x.len(), shape.x_len(), "x");
    assert_eq!(y.len(), shape.y_len(), "y");
    let c = shape.c;
    let scale = 1.0 / (shape.kernel * shape.kernel) as f32;
    parallel::for_each_chunk_mut(y, shape.out_w() * c, |piece, y| {
        let x = sample(x, piece / shape.out_h(), shape);
        for (ox, y) in y.chunks_mut(c).enumerate() {
            let window = shape.window(piece % shape.out_h(), ox);
            average(x, window, scale, y);
        }
    });
}

/// Gradient of `avg_pool2d`.
pub fn avg_pool2d_backward(shape: &Pool2dShape, dy: &[f32], dx: &mut [f32]) {
    shape.check();
    assert_eq!(dy.len(), shape.y_len(), "dy");
    assert_eq!(dx.len(), shape.x_len(), "dx");
    let c = shape.c;
    let scale = 1.0 / (shape.kernel * shape.kernel) as f32;
    parallel::for_each_chunk_mut(dx, shape.h * shape.w * c, |s, dx| {
        dx.fill(0.0);
        for oy in 0..shape.out_h() {
            for ox in 0..shape.out_w() {
                let dy = &dy[((s * shape.out_h() + oy) * shape.out_w() + ox) * c..][..c];
                for pixel in shape.window(oy, ox) {
                    for (dx, &dy) in dx[pixel * c..][..c].iter_mut().zip(dy) {
                        *dx += dy * scale;
                    }
                }
            }
        }
    });
}

/// Mean over the pixels of each sample and channel.
pub fn global_average(n: usize, pixels: usize, channels: usize, x: &[f32], y: &mut [f32]) {
    assert!(pixels > 0, "global average needs at least one pixel");
    assert_eq!(x.len(), n * pixels * channels, "x");
    assert_eq!(y.len(), n * channels, "y");
    let len = pixels * channels;
    parallel::for_each_chunk_mut(y, channels, |s, y| {
        average(&x[s * len..(s + 1) * len], 0..pixels, 1.0 / pixels as f32, y);
    });
}

/// Gradient of `global_average`.
pub fn global_average_backward(n: usize, pixels: usize, channels: usize, dy: &[f32], dx: &mut [f32]) {
    assert_eq!(dy.len(), n * channels, "dy");
    assert_eq!(dx.len(), n * pixels * channels, "dx");
    let scale = 1.0 / pixels as f32;
    parallel::for_each_chunk_mut(dx, pixels * channels, |s, dx| {
        let (first, rest) = dx.split_at_mut(channels);
        for (dx, &dy) in first.iter_mut().zip(&dy[s * channels..]) {
            *dx = dy * scale;
        }
        for dx in rest.chunks_mut(channels) {
            dx.copy_from_slice(first);
        }
    });
}

/// Where x is larger than y or NaN, it becomes y, and `pixel` its `argmax`.
fn take_larger(x: &[f32], pixel: u32, y: &mut [f32], argmax: &mut [u32]) {
    for ((y, argmax), &x) in y.iter_mut().zip(argmax).zip(x) {
        // Bit masks: a choice between values would become a branch around the two stores.
        let keep = u32::from((x > *y) | x.is_nan()).wrapping_sub(1);
        *y = f32::from_bits((y.to_bits() & keep) | (x.to_bits() & !keep));
        *argmax = (*argmax & keep) | (pixel & !keep);
    }
}

/// Writes `scale` times the sum of the given pixels of one sample to `y`, one pixel.
fn average(x: &[f32], pixels: impl Iterator<Item = usize>, scale: f32, y: &mut [f32]) {
    let c = y.len();
    y.fill(0.0);
    for pixel in pixels {
        for (y, &x) in y.iter_mut().zip(&x[pixel * c..][..c]) {
            *y += x;
        }
    }
    for y in y {
        *y *= scale;
    }
}

/// Sample `s` of `x`.
fn sample<'a>(x: &'a [f32], s: usize, shape: &Pool2dShape) -> &'a [f32] {
    let len = shape.h * shape.w * shape.c;
    &x[s * len..(s + 1) * len]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference::pool as reference;
    use crate::testing::{assert_close, assert_gradient, assert_same_bits, values};
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn shapes() -> Vec<Pool2dShape> {
        let mut shapes = Vec::new();
        for (kernel, stride, padding) in [(1, 1, 0), (2, 2, 0), (2, 1, 1), (3, 2, 1), (3, 1, 1), (3, 3, 0), (5, 2, 2)] {
            for (n, h, w, c) in [(0, 5, 5, 2), (1, 5, 5, 1), (2, 7, 6, 3), (2, 8, 9, 17), (1, 5, 7, 4)] {
                shapes.push(Pool2dShape { n, h, w, c, kernel, stride, padding });
            }
        }
        shapes
    }

    fn dot(a: &[f32], b: &[f32]) -> f64 {
        a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
    }

    #[test]
    fn forward_agrees_with_reference() {
        for shape in shapes() {
            let x = values(1, shape.x_len());
            let (mut y, mut argmax) = (vec![0.0; shape.y_len()], vec![0; shape.y_len()]);
            max_pool2d(&shape, &x, &mut y, &mut argmax);
            assert_eq!((y.clone(), argmax), reference::max_pool2d(&shape, &x), "{shape:?}");
            avg_pool2d(&shape, &x, &mut y);
            assert_close(&y, &reference::avg_pool2d(&shape, &x), 1e-6);
        }
    }

    #[test]
    fn ties_go_to_the_first_and_nan_propagates() {
        let shape = Pool2dShape { n: 1, h: 2, w: 4, c: 1, kernel: 2, stride: 2, padding: 0 };
        let (mut y, mut argmax) = ([0.0; 2], [9; 2]);
        max_pool2d(&shape, &[-0.0, 0.0, 1.0, f32::NAN, 0.0, -0.0, f32::INFINITY, 2.0], &mut y, &mut argmax);
        assert_eq!((y[0], argmax[0]), (0.0, 0));
        assert!(y[1].is_nan());
        assert_eq!(argmax[1], 3);
        max_pool2d(&shape, &[f32::NEG_INFINITY; 8], &mut y, &mut argmax);
        assert_eq!((y, argmax), ([f32::NEG_INFINITY; 2], [0, 2]));
    }

    #[test]
    fn gradients_match_finite_differences() {
        for shape in shapes().into_iter().filter(|shape| shape.x_len() < 300) {
            // Steps of 1/16 between the values: no move of 1/64 changes a maximum.
            let order = values(2, shape.x_len());
            let x: Vec<f32> = order.iter().map(|v| order.iter().filter(|&o| o < v).count() as f32 / 16.0).collect();
            let direction = values(3, shape.y_len());
            let (mut y, mut argmax) = (vec![0.0; shape.y_len()], vec![0; shape.y_len()]);
            let mut dx = vec![f32::NAN; shape.x_len()];
            max_pool2d(&shape, &x, &mut y, &mut argmax);
            max_pool2d_backward(&shape, &direction, &argmax, &mut dx);
            let f = |x: &[f32]| dot(&reference::max_pool2d(&shape, x).0, &direction);
            assert_gradient(&x, &dx, 1.0 / 64.0, 1e-4, f);
            avg_pool2d_backward(&shape, &direction, &mut dx);
            let f = |x: &[f32]| dot(&reference::avg_pool2d(&shape, x), &direction);
            assert_gradient(&x, &dx, 0.5, 1e-4, f);
        }
    }

    #[test]
    fn global_average_and_its_gradient() {
        for (n, pixels, channels) in [(0, 3, 2), (1, 1, 1), (2, 9, 3), (3, 50, 18)] {
            let x = values(4, n * pixels * channels);
            let direction = values(5, n * channels);
            let mut y = vec![0.0; n * channels];
            global_average(n, pixels, channels, &x, &mut y);
            assert_close(&y, &reference::global_average(pixels, channels, &x), 1e-6);
            let mut dx = vec![f32::NAN; x.len()];
            global_average_backward(n, pixels, channels, &direction, &mut dx);
            let f = |x: &[f32]| dot(&reference::global_average(pixels, channels, x), &direction);
            assert_gradient(&x, &dx, 0.5, 1e-4, f);
        }
    }

    #[test]
    fn same_bits_for_any_threads() {
        let shape = Pool2dShape { n: 5, h: 9, w: 9, c: 6, kernel: 3, stride: 2, padding: 1 };
        let x = values(6, shape.x_len());
        assert_same_bits(|| {
            let (mut y, mut argmax) = (vec![0.0; shape.y_len()], vec![0; shape.y_len()]);
            let mut dx = vec![0.0; shape.x_len()];
            max_pool2d(&shape, &x, &mut y, &mut argmax);
            max_pool2d_backward(&shape, &y, &argmax, &mut dx);
            [y, dx].concat()
        });
    }
}
