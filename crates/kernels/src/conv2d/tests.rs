//! A sample's result is its own: for every way a convolution may go, the same bits alone and with any neighbours.
//! And every way once on small sizes.

use super::*;
use crate::reference;
use crate::sparse::{compress_nonzero, gather, Pattern, SparseShape};
use crate::testing::{assert_close, assert_samples_alone, parts, values, SAMPLES};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn shape(side: usize, c_in: usize, c_out: usize, kernel: usize, stride: usize) -> Conv2dShape {
    Conv2dShape { n: SAMPLES, h: side, w: side, c_in, c_out, kh: kernel, kw: kernel, stride, padding: kernel / 2 }
}

/// One of each way: few inputs, Winograd's, patches of all kinds, matrices as they lie, strides.
fn shapes() -> Vec<Conv2dShape> {
    vec![
        shape(6, 3, 17, 3, 1),
        shape(5, 2, 36, 5, 2),
        shape(7, 16, 24, 3, 1),
        shape(4, 64, 40, 3, 1),
        shape(6, 17, 36, 3, 1),
        shape(6, 8, 20, 5, 1),
        shape(7, 16, 33, 3, 2),
        shape(5, 12, 16, 1, 1),
        shape(5, 20, 64, 1, 2),
        shape(1, 300, 10, 1, 1),
        Conv2dShape { padding: 0, ..shape(6, 8, 12, 6, 1) },
    ]
}

/// Sums, forward or backward, so long and outputs so few that parts of a sum may be added up side by side.
fn long_sums() -> Vec<Conv2dShape> {
    vec![
        shape(1, 2100, 800, 1, 1),
        shape(1, 800, 2100, 1, 1),
        Conv2dShape { padding: 0, ..shape(6, 60, 800, 6, 1) },
        shape(2, 240, 200, 3, 1),
        shape(2, 200, 240, 3, 1),
    ]
}

/// A ReLU's output of [`SAMPLES`] samples, whose density grows from sample to sample.
fn rectified(len: usize) -> Vec<f32> {
    let at = |(i, v): (usize, f32)| (v + 2.2 * (i / len) as f32 / SAMPLES as f32 - 1.1).max(0.0);
    values(1, SAMPLES * len).into_iter().enumerate().map(at).collect()
}

/// What [`compress_nonzero`] makes of a batch.
struct Compressed {
    shape: SparseShape,
    start: Vec<u32>,
    channel: Vec<u32>,
    value: Vec<f32>,
}

impl Compressed {
    fn new(pixels: usize, channels: usize, x: &[f32]) -> Self {
        let capacity = pixels * channels;
        let shape = SparseShape { n: x.len() / capacity, pixels, channels, capacity };
        let (mut start, mut channel) = (vec![0; shape.start_len()], vec![0; shape.entries_len()]);
        let mut value = vec![0.0; shape.entries_len()];
        compress_nonzero(&shape, x, &mut start, &mut channel, &mut value);
        Self { shape, start, channel, value }
    }

    fn pattern(&self) -> Pattern<'_> {
        Pattern::new(self.shape, &self.start, &self.channel)
    }
}

/// Runs a pass over some samples of `from` values each, which gives `to` values each.
fn check(
    what: &str,
    shape: &Conv2dShape,
    from: &[f32],
    to: usize,
    pass: impl Fn(&Conv2dShape, &[f32], &mut [f32]) + Sync,
) {
    assert_samples_alone(&format!("{what}, {shape:?}"), |samples| {
        let mut out = vec![0.0; samples.len() * to];
        pass(&Conv2dShape { n: samples.len(), ..*shape }, &parts(from, from.len() / SAMPLES, samples), &mut out);
        out
    });
}

#[test]
fn dense() {
    for shape in shapes().into_iter().chain(long_sums()) {
        let (x_len, y_len) = (shape.x_len() / SAMPLES, shape.y_len() / SAMPLES);
        let (x, dy) = (values(1, shape.x_len()), values(2, shape.y_len()));
        let (weight, bias) = (values(3, shape.weight_len()), values(4, shape.c_out));
        check("forward", &shape, &x, y_len, |s, x, y| dense::forward(s, x, &weight, Some(&bias), y));
        check("input gradient", &shape, &dy, x_len, |s, dy, dx| dense::input_gradient(s, dy, &weight, dx));
    }
}

#[test]
fn rectified_by_sample() {
    for shape in shapes() {
        let (x_len, y_len) = (shape.x_len() / SAMPLES, shape.y_len() / SAMPLES);
        let (x, dy) = (rectified(x_len), values(2, shape.y_len()));
        let (weight, bias) = (values(3, shape.weight_len()), values(4, shape.c_out));
        check("forward", &shape, &x, y_len, |s, x, y| rectified::forward_by_sample(s, x, &weight, Some(&bias), y));
        assert_samples_alone(&format!("input gradient, {shape:?}"), |samples| {
            let shape = Conv2dShape { n: samples.len(), ..shape };
            let (x, dy) = (parts(&x, x_len, samples), parts(&dy, y_len, samples));
            let mut dx = vec![0.0; x.len()];
            rectified::input_gradient_by_sample(&shape, &x, &dy, &weight, &mut dx);
            dx
        });
    }
}

#[test]
fn compressed() {
    for shape in shapes() {
        let (pixels, out_pixels) = (shape.h * shape.w, shape.out_h() * shape.out_w());
        let (x_len, y_len) = (pixels * shape.c_in, out_pixels * shape.c_out);
        let (x, dy, compressed_dy) = (rectified(x_len), values(2, shape.y_len()), rectified(y_len));
        let (weight, bias) = (values(3, shape.weight_len()), values(4, shape.c_out));
        check("forward", &shape, &x, y_len, |s, x, y| {
            let x = Compressed::new(pixels, s.c_in, x);
            sparse::forward(s, &x.pattern(), &x.value, &weight, Some(&bias), y);
        });
        assert_samples_alone(&format!("input gradients, {shape:?}"), |samples| {
            let shape = Conv2dShape { n: samples.len(), ..shape };
            let x = Compressed::new(pixels, shape.c_in, &parts(&x, x_len, samples));
            let dy = parts(&dy, y_len, samples);
            let compressed_dy = Compressed::new(out_pixels, shape.c_out, &parts(&compressed_dy, y_len, samples));
            // Three gradients side by side for each sample.
            let mut all = vec![0.0; 3 * samples.len() * x_len];
            let mut put = |at: usize, values: &[f32]| {
                for (target, values) in all.chunks_exact_mut(3 * x_len).zip(values.chunks_exact(x_len)) {
                    target[at * x_len..(at + 1) * x_len].copy_from_slice(values);
                }
            };
            let mut dx = vec![0.0; samples.len() * x_len];
            sparse::input_gradient(&shape, &x.pattern(), &dy, &weight, &mut dx);
            put(0, &dx);
            dx.fill(0.0);
            let (from, dy_value) = (compressed_dy.pattern(), &compressed_dy.value);
            sparse::input_gradient_between(&shape, &x.pattern(), &from, dy_value, &weight, &mut dx);
            put(1, &dx);
            dx.fill(0.0);
            if entries::apply(&shape) {
                entries::input_gradient(&shape, &from, dy_value, &weight, &mut dx);
                put(2, &dx);
            }
            all
        });
    }
}

/// Every pass of every way, on sizes so small that Miri gets through them (scripts/sanitize.mjs).
#[test]
fn small_sizes_of_every_way() {
    let shapes =
        [(3, 2, 5, 3, 1), (4, 16, 16, 3, 1), (3, 11, 6, 3, 1), (4, 11, 5, 3, 2), (2, 9, 4, 1, 1), (1, 40, 34, 1, 1)];
    for shape in shapes.map(|(side, c_in, c_out, kernel, stride)| shape(side, c_in, c_out, kernel, stride)) {
        let shape = Conv2dShape { n: 2, ..shape };
        let close = |actual: &[f32], expected: &[f32]| assert_close(actual, expected, 1e-4);
        let x: Vec<f32> = values(1, shape.x_len()).into_iter().map(|v| v.max(0.0)).collect();
        let dy: Vec<f32> = values(2, shape.y_len()).into_iter().map(|v| v.max(0.0)).collect();
        let (weight, bias) = (values(3, shape.weight_len()), values(4, shape.c_out));
        let y = reference::conv2d::forward(&shape, &x, &weight, Some(&bias));
        let dx = reference::conv2d::input_gradient(&shape, &dy, &weight);
        let dw = reference::conv2d::weight_gradient(&shape, &x, &dy);
        let [mut y_out, mut dx_out, mut dw_out] = [y.len(), dx.len(), dw.len()].map(|len| vec![f32::NAN; len]);

        dense::forward(&shape, &x, &weight, Some(&bias), &mut y_out);
        close(&y_out, &y);
        dense::input_gradient(&shape, &dy, &weight, &mut dx_out);
        close(&dx_out, &dx);
        dense::weight_gradient(&shape, &x, &dy, &mut dw_out);
        close(&dw_out, &dw);
        rectified::forward_by_sample(&shape, &x, &weight, Some(&bias), &mut y_out);
        close(&y_out, &y);

        let compressed_x = Compressed::new(shape.h * shape.w, shape.c_in, &x);
        let compressed_dy = Compressed::new(shape.out_h() * shape.out_w(), shape.c_out, &dy);
        let (from, to) = (compressed_dy.pattern(), compressed_x.pattern());
        let mut at_entries = vec![0.0; dx.len()];
        gather(&to, &dx, &mut at_entries);
        sparse::forward(&shape, &to, &compressed_x.value, &weight, Some(&bias), &mut y_out);
        close(&y_out, &y);
        let mut dvalue = vec![0.0; dx.len()];
        sparse::gradients(&shape, &to, &compressed_x.value, &dy, &weight, &mut dw_out, &mut dvalue);
        close(&dw_out, &dw);
        close(&dvalue, &at_entries);
        dvalue.fill(0.0);
        sparse::input_gradient_between(&shape, &to, &from, &compressed_dy.value, &weight, &mut dvalue);
        close(&dvalue, &at_entries);
        if entries::apply(&shape) {
            entries::input_gradient(&shape, &from, &compressed_dy.value, &weight, &mut dx_out);
            close(&dx_out, &dx);
        }
    }
}
