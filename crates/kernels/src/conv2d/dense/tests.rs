use super::*;
use crate::reference;
use crate::testing::{assert_same_bits, values};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// A square convolution of 2 samples of 9 x 9.
fn square(c_in: usize, c_out: usize, kernel: usize, stride: usize, padding: usize) -> Conv2dShape {
    Conv2dShape { n: 2, h: 9, w: 9, c_in, c_out, kh: kernel, kw: kernel, stride, padding }
}

fn filled(len: usize, write: impl FnOnce(&mut [f32])) -> Vec<f32> {
    let mut out = vec![f32::NAN; len];
    write(&mut out);
    out
}

/// `scale` is the sum of the absolute products of each value.
fn assert_near(actual: &[f32], expected: &[f32], scale: &[f32], what: &str, shape: &Conv2dShape) {
    for i in 0..expected.len() {
        let error = (actual[i] - expected[i]).abs();
        assert!(error <= 1e-6 * scale[i], "{what} [{i}]: {} instead of {}, {shape:?}", actual[i], expected[i]);
    }
}

/// Checks all passes against the oracle.
fn check_passes(shape: &Conv2dShape) {
    check_passes_to_scale(shape, |scale| scale);
}

/// The same, where transforms mix the values around an output: errors follow the largest sums.
fn check_transformed_passes(shape: &Conv2dShape) {
    assert!(winograd::tiles(shape).is_some(), "{shape:?}");
    check_passes_to_scale(shape, |scale| {
        let largest = scale.iter().fold(0.0, |a: f32, &b| a.max(b));
        vec![largest; scale.len()]
    });
}

fn check_passes_to_scale(shape: &Conv2dShape, to_scale: impl Fn(Vec<f32>) -> Vec<f32>) {
    let x = values(1, shape.x_len());
    let weight = values(2, shape.weight_len());
    let bias = values(3, shape.c_out);
    let dy = values(4, shape.y_len());
    let absolute = |v: &[f32]| v.iter().map(|v| v.abs()).collect::<Vec<_>>();
    let (x_abs, weight_abs, bias_abs, dy_abs) = (absolute(&x), absolute(&weight), absolute(&bias), absolute(&dy));

    let y = filled(shape.y_len(), |y| forward(shape, &x, &weight, None, y));
    let scale = to_scale(reference::conv2d::forward(shape, &x_abs, &weight_abs, Some(&bias_abs)));
    assert_near(&y, &reference::conv2d::forward(shape, &x, &weight, None), &scale, "y", shape);

    let y = filled(shape.y_len(), |y| forward(shape, &x, &weight, Some(&bias), y));
    let expected = reference::conv2d::forward(shape, &x, &weight, Some(&bias));
    assert_near(&y, &expected, &scale, "y with bias", shape);

    let dx = filled(shape.x_len(), |dx| input_gradient(shape, &dy, &weight, dx));
    let scale = to_scale(reference::conv2d::input_gradient(shape, &dy_abs, &weight_abs));
    assert_near(&dx, &reference::conv2d::input_gradient(shape, &dy, &weight), &scale, "dx", shape);

    let dw = filled(shape.weight_len(), |dw| weight_gradient(shape, &x, &dy, dw));
    let scale = to_scale(reference::conv2d::weight_gradient(shape, &x_abs, &dy_abs));
    assert_near(&dw, &reference::conv2d::weight_gradient(shape, &x, &dy), &scale, "dw", shape);
}

#[test]
fn kernels_strides_and_paddings() {
    for kernel in [1, 3, 5, 7] {
        for stride in 1..=3 {
            for padding in 0..=3 {
                check_passes(&square(3, 5, kernel, stride, padding));
            }
        }
    }
}

#[test]
fn channels_around_the_vector_and_the_tile() {
    for c_in in [1, 3, 4, 5, 8, 10, 12] {
        for c_out in [1, 3, 4, 7, 8, 10, 16] {
            check_passes(&square(c_in, c_out, 3, 1, 1));
        }
    }
    check_passes(&square(16, 24, 3, 2, 1));
}

/// Channels around the blocks of Winograd's filtering, images that no tile fills, and several rounds of tiles.
#[test]
fn winograd() {
    for (c_in, c_out) in [(16, 16), (24, 40), (64, 16), (72, 32), (136, 64)] {
        check_transformed_passes(&square(c_in, c_out, 3, 1, 1));
    }
    let narrow = square(16, 24, 3, 1, 1);
    for (n, h, w, padding) in [(1, 3, 5, 0), (3, 8, 5, 0), (2, 1, 3, 1), (7, 1, 6, 1), (3, 7, 8, 2), (2, 1, 1, 2)] {
        check_transformed_passes(&Conv2dShape { n, h, w, padding, ..narrow });
    }
    check_transformed_passes(&Conv2dShape { n: 1, h: 91, w: 93, ..narrow });
}

#[test]
fn sides_that_differ() {
    for (h, w, kh, kw) in [(5, 11, 3, 1), (12, 4, 1, 4), (7, 8, 5, 3), (1, 13, 1, 7), (6, 3, 2, 2)] {
        for (stride, padding) in [(1, 0), (1, 2), (2, 1), (3, 0)] {
            check_passes(&Conv2dShape { n: 3, h, w, c_in: 4, c_out: 6, kh, kw, stride, padding });
        }
    }
}

#[test]
fn k_cut_inside_of_a_tap() {
    check_passes(&square(50, 9, 5, 1, 2));
    check_passes(&Conv2dShape { n: 1, h: 5, w: 4, c_in: 500, c_out: 401, kh: 3, kw: 3, stride: 2, padding: 1 });
}

#[test]
fn many_pixels() {
    check_passes(&Conv2dShape { n: 3, h: 40, w: 33, c_in: 2, c_out: 3, kh: 3, kw: 3, stride: 1, padding: 1 });
}

#[test]
fn linear_layers() {
    check_passes(&Conv2dShape { n: 7, h: 1, w: 1, c_in: 37, c_out: 10, kh: 1, kw: 1, stride: 1, padding: 0 });
    check_passes(&Conv2dShape { n: 5, h: 4, w: 3, c_in: 6, c_out: 10, kh: 4, kw: 3, stride: 1, padding: 0 });
}

#[test]
fn no_samples() {
    for shape in [square(3, 4, 3, 2, 1), square(16, 16, 3, 1, 1)].map(|shape| Conv2dShape { n: 0, ..shape }) {
        check_passes(&shape);
        let dw = filled(shape.weight_len(), |dw| weight_gradient(&shape, &[], &[], dw));
        assert!(dw.iter().all(|&v| v == 0.0));
    }
}

#[test]
fn bias_gradient_sums_the_rows() {
    for (rows, channels) in [(0, 3), (1, 1), (5, 7), (1023, 4), (1024, 10), (3000, 6)] {
        let dy = values(5, rows * channels);
        let db = filled(channels, |db| bias_gradient(rows, channels, &dy, db));
        let scale: f32 = rows as f32;
        for (actual, expected) in db.iter().zip(reference::conv2d::bias_gradient(rows, channels, &dy)) {
            assert!((actual - expected).abs() <= 1e-6 * scale, "{rows}x{channels}: {actual} instead of {expected}");
        }
    }
}

/// A value that is not finite reaches the outputs whose sums hold it, and no other.
#[test]
fn not_finite_values_propagate() {
    for bad in [f32::NAN, f32::INFINITY] {
        check_with_bad_value(&square(5, 6, 3, 2, 1), bad, assert_same_finiteness);
    }
}

/// Transformed, it reaches all outputs of the tiles that see it.
#[test]
fn not_finite_values_propagate_by_tiles() {
    for bad in [f32::NAN, f32::INFINITY] {
        check_with_bad_value(&square(16, 24, 3, 1, 1), bad, |actual, expected| {
            assert!(expected.iter().any(|v| !v.is_finite()) && actual.iter().any(|v| v.is_finite()));
            assert!(actual.iter().zip(expected).all(|(a, e)| e.is_finite() || !a.is_finite()));
        });
    }
}

fn check_with_bad_value(shape: &Conv2dShape, bad: f32, check: impl Fn(&[f32], &[f32])) {
    let (mut x, weight) = (values(1, shape.x_len()), values(2, shape.weight_len()));
    x[(4 * shape.w + 4) * shape.c_in + 2] = bad;
    let y = filled(shape.y_len(), |y| forward(shape, &x, &weight, None, y));
    let dw = filled(shape.weight_len(), |dw| weight_gradient(shape, &x, &values(4, shape.y_len()), dw));
    check(&y, &reference::conv2d::forward(shape, &x, &weight, None));
    check(&dw, &reference::conv2d::weight_gradient(shape, &x, &values(4, shape.y_len())));

    let mut dy = values(4, shape.y_len());
    dy[(2 * shape.out_w() + 2) * shape.c_out + 3] = bad;
    let dx = filled(shape.x_len(), |dx| input_gradient(shape, &dy, &weight, dx));
    check(&dx, &reference::conv2d::input_gradient(shape, &dy, &weight));
}

fn assert_same_finiteness(actual: &[f32], expected: &[f32]) {
    assert!(expected.iter().any(|v| !v.is_finite()) && expected.iter().any(|v| v.is_finite()));
    for (i, (a, e)) in actual.iter().zip(expected).enumerate() {
        assert_eq!((a.is_nan(), a.is_finite()), (e.is_nan(), e.is_finite()), "[{i}] {a} instead of {e}");
    }
}

#[test]
fn same_bits_for_any_number_of_threads() {
    let large = Conv2dShape { n: 3, h: 20, w: 17, c_in: 24, c_out: 40, kh: 3, kw: 3, stride: 1, padding: 1 };
    let stem = Conv2dShape { n: 8, h: 28, w: 28, c_in: 1, c_out: 16, kh: 3, kw: 3, stride: 1, padding: 1 };
    for shape in [large, Conv2dShape { stride: 2, ..large }, stem] {
        let (x, weight) = (values(1, shape.x_len()), values(2, shape.weight_len()));
        let dy = values(3, shape.y_len());
        assert_same_bits(|| filled(shape.y_len(), |y| forward(&shape, &x, &weight, None, y)));
        assert_same_bits(|| filled(shape.x_len(), |dx| input_gradient(&shape, &dy, &weight, dx)));
        assert_same_bits(|| filled(shape.weight_len(), |dw| weight_gradient(&shape, &x, &dy, dw)));
        let rows = shape.y_len() / shape.c_out;
        assert_same_bits(|| filled(shape.c_out, |db| bias_gradient(rows, shape.c_out, &dy, db)));
    }
}

#[test]
#[should_panic(expected = "kernel: no larger than the padded input")]
fn kernel_larger_than_the_input() {
    forward(&Conv2dShape { h: 2, w: 2, ..square(1, 1, 5, 1, 1) }, &[], &[], None, &mut []);
}

#[test]
#[should_panic(expected = "weight or its gradient: kh * kw * c_in * c_out values")]
fn wrong_length_is_named() {
    forward(&Conv2dShape { n: 0, ..square(1, 1, 3, 1, 1) }, &[], &[0.0; 8], None, &mut []);
}
