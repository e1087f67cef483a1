use super::sparse::*;
use super::*;
use crate::reference::batch_norm as reference;
use crate::sparse::{Pattern, SparseShape};
use crate::testing::{assert_close, assert_gradient, assert_same_bits, values};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const EPS: f32 = 1e-5;
/// Below, at and above a vector, a loop's row and a chunk.
const SIZES: [(usize, usize); 12] =
    [(0, 3), (1, 3), (2, 1), (5, 3), (7, 10), (9, 4), (33, 64), (31, 65), (256, 64), (257, 64), (70, 600), (20000, 1)];

fn f32s(values: Vec<f64>) -> Vec<f32> {
    values.into_iter().map(|v| v as f32).collect()
}

/// Weight and bias.
fn parameters(channels: usize) -> (Vec<f32>, Vec<f32>) {
    (values(7, channels).iter().map(|v| v + 1.5).collect(), values(8, channels))
}

struct Gradients {
    dx: Vec<f32>,
    dweight: Vec<f32>,
    dbias: Vec<f32>,
}

fn train_backward_of(rows: usize, channels: usize, x: &[f32], dy: &[f32]) -> Gradients {
    let (weight, _) = parameters(channels);
    let (mut mean, mut variance) = (vec![0.0; channels], vec![0.0; channels]);
    statistics(rows, channels, x, &mut mean, &mut variance);
    let (mut dx, mut dweight, mut dbias) = (vec![f32::NAN; x.len()], mean.clone(), mean.clone());
    train_backward(rows, channels, x, dy, &mean, &variance, &weight, EPS, &mut dx, &mut dweight, &mut dbias);
    Gradients { dx, dweight, dbias }
}

#[test]
fn training_agrees_with_reference() {
    for (rows, channels) in SIZES {
        let x = values(1, rows * channels);
        let (weight, bias) = parameters(channels);
        let (mut mean, mut variance) = (vec![f32::NAN; channels], vec![f32::NAN; channels]);
        let mut y = vec![f32::NAN; x.len()];
        train_forward(rows, channels, &x, &weight, &bias, EPS, &mut mean, &mut variance, &mut y);
        assert_close(&y, &f32s(reference::train_forward(rows, channels, &x, &weight, &bias, EPS)), 2e-6);
        if rows > 0 {
            let (exact_mean, exact_variance) = reference::statistics(rows, channels, &x);
            assert_close(&mean, &f32s(exact_mean), 1e-7);
            assert_close(&variance, &f32s(exact_variance), 1e-6);
        }
    }
}

#[test]
fn statistics_survive_a_large_mean() {
    let (rows, channels) = (3000, 6);
    let x: Vec<f32> = values(1, rows * channels).iter().map(|v| v + 1000.0).collect();
    let (mut mean, mut variance) = (vec![0.0; channels], vec![0.0; channels]);
    statistics(rows, channels, &x, &mut mean, &mut variance);
    let (exact_mean, exact_variance) = reference::statistics(rows, channels, &x);
    for c in 0..channels {
        assert!((f64::from(mean[c]) - exact_mean[c]).abs() < 4e-5);
        assert!((f64::from(variance[c]) / exact_variance[c] - 1.0).abs() < 1e-5);
    }
    statistics(rows, channels, &vec![1234.567; rows * channels], &mut mean, &mut variance);
    assert_eq!((mean, variance), (vec![1234.567; channels], vec![0.0; channels]));
}

#[test]
fn nan_stays_in_its_channel() {
    let (rows, channels) = (50, 5);
    let mut x = values(1, rows * channels);
    x[7] = f32::NAN;
    let (mut mean, mut variance) = (vec![0.0; channels], vec![0.0; channels]);
    statistics(rows, channels, &x, &mut mean, &mut variance);
    for c in 0..channels {
        assert_eq!((mean[c].is_nan(), variance[c].is_nan()), (c == 2, c == 2));
    }
}

#[test]
fn running_estimates_take_the_unbiased_variance() {
    let (mut mean, mut variance) = ([1.0, 2.0], [1.0, 2.0]);
    update_running(4, &[3.0, 4.0], &[3.0, 6.0], 0.5, &mut mean, &mut variance);
    assert_eq!((mean, variance), ([2.0, 3.0], [2.5, 5.0]));
}

#[test]
fn training_gradients_match_finite_differences() {
    for (rows, channels) in [(0, 2), (2, 1), (5, 3), (9, 4), (3, 10), (40, 6)] {
        let (x, direction) = (values(1, rows * channels), values(2, rows * channels));
        let (weight, bias) = parameters(channels);
        let g = train_backward_of(rows, channels, &x, &direction);
        let f = |x: &[f32], weight: &[f32], bias: &[f32]| -> f64 {
            let y = reference::train_forward(rows, channels, x, weight, bias, EPS);
            y.iter().zip(&direction).map(|(y, &d)| y * f64::from(d)).sum()
        };
        assert_gradient(&x, &g.dx, 1e-3, 1e-3, |x| f(x, &weight, &bias));
        assert_gradient(&weight, &g.dweight, 0.1, 1e-4, |weight| f(&x, weight, &bias));
        assert_gradient(&bias, &g.dbias, 0.1, 1e-4, |bias| f(&x, &weight, bias));
    }
}

#[test]
fn evaluation_gradients_match_finite_differences() {
    for (rows, channels) in [(0, 2), (1, 1), (5, 3), (30, 10)] {
        let (x, direction) = (values(1, rows * channels), values(2, rows * channels));
        let (weight, bias) = parameters(channels);
        let mean = values(3, channels);
        let variance: Vec<f32> = values(4, channels).iter().map(|v| v + 1.2).collect();
        let f = |x: &[f32], weight: &[f32], bias: &[f32]| -> f64 {
            let mut y = vec![f32::NAN; x.len()];
            eval_forward(rows, channels, x, weight, bias, &mean, &variance, EPS, &mut y);
            y.iter().zip(&direction).map(|(&y, &d)| f64::from(y) * f64::from(d)).sum()
        };
        let (mut dx, mut dweight, mut dbias) =
            (vec![f32::NAN; x.len()], vec![f32::NAN; channels], vec![f32::NAN; channels]);
        eval_backward(rows, channels, &direction, &weight, &variance, EPS, &mut dx);
        parameter_gradients(rows, channels, &x, &direction, &mean, &variance, EPS, &mut dweight, &mut dbias);
        assert_gradient(&x, &dx, 0.25, 1e-4, |x| f(x, &weight, &bias));
        assert_gradient(&weight, &dweight, 0.25, 1e-4, |weight| f(&x, weight, &bias));
        assert_gradient(&bias, &dbias, 0.25, 1e-4, |bias| f(&x, &weight, bias));
    }
}

/// About a third of the places, each sample with another count, and room to spare.
fn sparse_problem(n: usize, pixels: usize, channels: usize) -> (SparseShape, Vec<u32>, Vec<u32>, Vec<f32>) {
    let shape = SparseShape { n, pixels, channels, capacity: pixels * channels / 2 + 1 };
    let draws = values(5, n * shape.sample_len());
    let (mut start, mut channel) = (Vec::new(), Vec::new());
    for s in 0..n {
        let first = channel.len();
        start.push(0);
        for pixel in 0..pixels {
            for c in 0..channels {
                let full = channel.len() - first == shape.capacity;
                if draws[s * shape.sample_len() + pixel * channels + c] > 0.3 && !full {
                    channel.push(c as u32);
                }
            }
            start.push((channel.len() - first) as u32);
        }
        channel.resize(first + shape.capacity, u32::MAX);
    }
    let dvalue = values(6, shape.entries_len());
    (shape, start, channel, dvalue)
}

#[test]
fn sparse_gradients_agree_with_dense() {
    for (n, pixels, channels) in [(0, 4, 3), (1, 1, 5), (2, 9, 3), (3, 20, 70), (2, 4, 1)] {
        let (shape, start, channel, dvalue) = sparse_problem(n, pixels, channels);
        let pattern = Pattern::new(shape, &start, &channel);
        let rows = n * pixels;
        let x = values(1, rows * channels);
        let mut dy = vec![0.0; x.len()];
        for s in 0..n {
            pattern.for_each_entry(s, |entry, pixel, c| {
                dy[(s * pixels + pixel) * channels + c] = dvalue[s * shape.capacity + entry];
            });
        }
        let (weight, _) = parameters(channels);
        let (mut mean, mut variance) = (vec![0.0; channels], vec![0.0; channels]);
        statistics(rows, channels, &x, &mut mean, &mut variance);
        let (mut dx, mut dweight, mut dbias) =
            (vec![f32::NAN; x.len()], vec![f32::NAN; channels], vec![f32::NAN; channels]);
        train_backward_sparse(&pattern, &x, &dvalue, &mean, &variance, &weight, EPS, &mut dx, &mut dweight, &mut dbias);
        let dense = train_backward_of(rows, channels, &x, &dy);
        assert_close(&dx, &dense.dx, 2e-6);
        assert_close(&dweight, &dense.dweight, 2e-6);
        assert_close(&dbias, &dense.dbias, 2e-6);

        let mut dx_value = vec![f32::NAN; shape.entries_len()];
        eval_backward(rows, channels, &dy, &weight, &variance, EPS, &mut dx);
        eval_backward_sparse(&pattern, &dvalue, &weight, &variance, EPS, &mut dx_value);
        for s in 0..n {
            pattern.for_each_entry(s, |entry, pixel, c| {
                assert_eq!(dx_value[s * shape.capacity + entry], dx[(s * pixels + pixel) * channels + c]);
            });
        }
    }
}

#[test]
fn same_bits_for_any_threads() {
    let (rows, channels) = (2000, 30);
    let (x, dy) = (values(1, rows * channels), values(2, rows * channels));
    assert_same_bits(|| {
        let g = train_backward_of(rows, channels, &x, &dy);
        [g.dx, g.dweight, g.dbias].concat()
    });
}

#[test]
fn running_statistics_of_a_dead_channel_end_at_zero() {
    let (mut mean, mut variance) = ([1e-37, -1e-37], [1e-37, 0.0]);
    for _ in 0..100 {
        update_running(9, &[0.0; 2], &[0.0; 2], 0.1, &mut mean, &mut variance);
    }
    assert_eq!((mean, variance), ([0.0; 2], [0.0; 2]));
}
