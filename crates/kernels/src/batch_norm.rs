//! Batch normalisation over channels: y = (x - mean) / sqrt(variance + eps) * weight + bias.
//!
//! `x`, `y` and their gradients are `[rows][channels]` with rows = n * h * w; everything else is `[channels]`.
//! As in PyTorch, a batch is normalised with its biased variance, and the running estimate takes the
//! unbiased one. Statistics and the sums of the gradients are taken over fixed chunks of rows and the chunks
//! added up in `f64`, in order.
//!
//! Loops run over rows of at least `MIN_WIDTH` values: with few channels several rows count as one, and
//! the parameters are repeated to match. So any number of channels vectorises, and the last row may be short.

use crate::denormal::flushed;
use crate::parallel;
use crate::scratch;

pub mod sparse;
#[cfg(test)]
mod tests;

/// Values of a loop's row, at least.
const MIN_WIDTH: usize = 64;
/// Values of a chunk: it stays in cache between the two passes over it.
const CHUNK: usize = 16384;
/// Rows of a chunk, at least: what bounds the cost of adding up the chunks.
const MIN_CHUNK_ROWS: usize = 32;

/// Normalises a batch with its own statistics, which it leaves in `mean` and (biased) `variance`.
pub fn train_forward(
    rows: usize,
    channels: usize,
    x: &[f32],
    weight: &[f32],
    bias: &[f32],
    eps: f32,
    mean: &mut [f32],
    variance: &mut [f32],
    y: &mut [f32],
) {
    statistics(rows, channels, x, mean, variance);
    eval_forward(rows, channels, x, weight, bias, mean, variance, eps, y);
}

/// Mean and biased variance of each channel; zero when there are no rows.
pub fn statistics(rows: usize, channels: usize, x: &[f32], mean: &mut [f32], variance: &mut [f32]) {
    assert_eq!(x.len(), rows * channels, "x");
    assert_eq!(mean.len(), channels, "mean");
    assert_eq!(variance.len(), channels, "variance");
    mean.fill(0.0);
    variance.fill(0.0);
    if x.is_empty() {
        return;
    }
    // Of each chunk: its mean rounded to f32, the sum of what it leaves, and the sum of their squares.
    let chunk = chunk_len(channels);
    let chunks = x.len().div_ceil(chunk);
    scratch::with(chunks * 3 * channels, |partial| {
        parallel::for_each_chunk_mut(partial, 3 * channels, |i, partial| {
            let x = &x[i * chunk..((i + 1) * chunk).min(x.len())];
            let (centre, rest) = partial.split_at_mut(channels);
            let (left, squares) = rest.split_at_mut(channels);
            chunk_statistics(x, centre, left, squares);
        });
        let chunk_rows = |i: usize| (chunk.min(x.len() - i * chunk) / channels) as f64;
        for c in 0..channels {
            let of = |i: usize| {
                let at = |k: usize| f64::from(partial[(3 * i + k) * channels + c]);
                (at(0), at(1), at(2))
            };
            let sum: f64 = (0..chunks).map(|i| chunk_rows(i) * of(i).0 + of(i).1).sum();
            let total_mean = sum / rows as f64;
            // sum (x - m)^2 = sum (x - centre)^2 + 2 (centre - m) sum (x - centre) + rows (centre - m)^2
            let squares: f64 = (0..chunks)
                .map(|i| {
                    let (centre, left, squares) = of(i);
                    let d = centre - total_mean;
                    squares + d * (2.0 * left + d * chunk_rows(i))
                })
                .sum();
            mean[c] = total_mean as f32;
            // Rounding may leave a constant channel a hair below zero; NaN stays.
            let biased = squares / rows as f64;
            variance[c] = if biased < 0.0 { 0.0 } else { biased as f32 };
        }
    });
}

/// One chunk for `statistics`, in two passes over cached rows.
fn chunk_statistics(x: &[f32], centre: &mut [f32], left: &mut [f32], squares: &mut [f32]) {
    let channels = centre.len();
    let rows = (x.len() / channels) as f64;
    let width = wide(channels);
    scratch::with(3 * width, |sums| {
        sums.fill(0.0);
        let (wide_centre, sums) = sums.split_at_mut(width);
        let (first, second) = sums.split_at_mut(width);
        let (fours, rest) = in_fours(x, width);
        for [a, b, c, d] in fours.clone() {
            for ((((sum, &a), &b), &c), &d) in first.iter_mut().zip(a).zip(b).zip(c).zip(d) {
                *sum += (a + b) + (c + d);
            }
        }
        for row in rest.chunks(width) {
            for (sum, &x) in first.iter_mut().zip(row) {
                *sum += x;
            }
        }
        for (c, centre) in centre.iter_mut().enumerate() {
            *centre = (folded(first, channels, c) / rows) as f32;
        }
        repeat(centre, wide_centre);
        first.fill(0.0);
        for [a, b, c, d] in fours {
            let sums = first.iter_mut().zip(&mut *second).zip(&*wide_centre);
            for ((((((sum, square), &centre), &a), &b), &c), &d) in sums.zip(a).zip(b).zip(c).zip(d) {
                let (a, b, c, d) = (a - centre, b - centre, c - centre, d - centre);
                *sum += (a + b) + (c + d);
                *square += (a * a + b * b) + (c * c + d * d);
            }
        }
        for row in rest.chunks(width) {
            for (((sum, square), &x), &centre) in first.iter_mut().zip(&mut *second).zip(row).zip(&*wide_centre) {
                let d = x - centre;
                *sum += d;
                *square += d * d;
            }
        }
        for c in 0..channels {
            left[c] = folded(first, channels, c) as f32;
            squares[c] = folded(second, channels, c) as f32;
        }
    });
}

/// Rows four at a time, which share a load and a store of the sums, and the rows that are left.
fn in_fours(x: &[f32], width: usize) -> (impl Iterator<Item = [&[f32]; 4]> + Clone, &[f32]) {
    let (fours, rest) = x.split_at(x.len() / (4 * width) * (4 * width));
    let rows = fours.chunks_exact(4 * width).map(move |four| {
        let ((a, b), (c, d)) = (four[..2 * width].split_at(width), four[2 * width..].split_at(width));
        [a, b, c, d]
    });
    (rows, rest)
}

/// Moves the running estimates towards the statistics of a batch: running += momentum * (batch - running).
/// Panics for fewer than two rows, which have no unbiased variance. Denormal ones become zero (`denormal.rs`).
pub fn update_running(
    rows: usize,
    mean: &[f32],
    variance: &[f32],
    momentum: f32,
    running_mean: &mut [f32],
    running_var: &mut [f32],
) {
    assert!(rows > 1, "batch norm needs at least two values per channel to train, got {rows}");
    let channels = mean.len();
    assert_eq!(variance.len(), channels, "variance");
    assert_eq!(running_mean.len(), channels, "running_mean");
    assert_eq!(running_var.len(), channels, "running_var");
    let unbiased = (rows as f64 / (rows - 1) as f64) as f32;
    for c in 0..channels {
        running_mean[c] = flushed((1.0 - momentum) * running_mean[c] + momentum * mean[c]);
        running_var[c] = flushed((1.0 - momentum) * running_var[c] + momentum * (variance[c] * unbiased));
    }
}

/// Normalises with the given statistics.
pub fn eval_forward(
    rows: usize,
    channels: usize,
    x: &[f32],
    weight: &[f32],
    bias: &[f32],
    mean: &[f32],
    variance: &[f32],
    eps: f32,
    y: &mut [f32],
) {
    assert_eq!(x.len(), rows * channels, "x");
    assert_eq!(y.len(), x.len(), "y");
    assert_eq!(weight.len(), channels, "weight");
    assert_eq!(bias.len(), channels, "bias");
    assert_eq!(mean.len(), channels, "mean");
    assert_eq!(variance.len(), channels, "variance");
    let width = wide(channels);
    scratch::with(3 * width, |wide| {
        let (centre, rest) = wide.split_at_mut(width);
        let (scale, shift) = rest.split_at_mut(width);
        repeat(mean, centre);
        repeat(bias, shift);
        for (c, scale) in scale.iter_mut().enumerate() {
            *scale = weight[c % channels] * inverse_std(variance[c % channels], eps);
        }
        parallel::for_each_chunk_mut(y, chunk_len(channels), |i, y| {
            let x = &x[i * chunk_len(channels)..][..y.len()];
            for (y, x) in y.chunks_mut(width).zip(x.chunks(width)) {
                let parameters = centre.iter().zip(&*scale).zip(&*shift);
                for ((y, &x), ((&centre, &scale), &shift)) in y.iter_mut().zip(x).zip(parameters) {
                    *y = (x - centre) * scale + shift;
                }
            }
        });
    });
}

/// Gradients of `train_forward`; `mean` and `variance` are those of the batch.
pub fn train_backward(
    rows: usize,
    channels: usize,
    x: &[f32],
    dy: &[f32],
    mean: &[f32],
    variance: &[f32],
    weight: &[f32],
    eps: f32,
    dx: &mut [f32],
    dweight: &mut [f32],
    dbias: &mut [f32],
) {
    assert_eq!(dx.len(), rows * channels, "dx");
    assert_eq!(weight.len(), channels, "weight");
    parameter_gradients(rows, channels, x, dy, mean, variance, eps, dweight, dbias);
    let width = wide(channels);
    let chunk = chunk_len(channels);
    with_input_terms(rows, mean, variance, weight, eps, dweight, dbias, |centre, slope, offset, scale| {
        parallel::for_each_chunk_mut(dx, chunk, |i, dx| {
            let x = &x[i * chunk..][..dx.len()];
            let dy = &dy[i * chunk..][..dx.len()];
            for ((dx, x), dy) in dx.chunks_mut(width).zip(x.chunks(width)).zip(dy.chunks(width)) {
                let parameters = centre.iter().zip(slope).zip(offset).zip(scale);
                for (((dx, &x), &dy), (((&centre, &slope), &offset), &scale)) in
                    dx.iter_mut().zip(x).zip(dy).zip(parameters)
                {
                    *dx = (x - centre) * slope + (dy * scale + offset);
                }
            }
        });
    });
}

/// Gradient of `eval_forward` for `x`; `variance` is the running one.
pub fn eval_backward(
    rows: usize,
    channels: usize,
    dy: &[f32],
    weight: &[f32],
    variance: &[f32],
    eps: f32,
    dx: &mut [f32],
) {
    assert_eq!(dy.len(), rows * channels, "dy");
    assert_eq!(dx.len(), dy.len(), "dx");
    assert_eq!(weight.len(), channels, "weight");
    assert_eq!(variance.len(), channels, "variance");
    let width = wide(channels);
    scratch::with(width, |scale| {
        for (c, scale) in scale.iter_mut().enumerate() {
            *scale = weight[c % channels] * inverse_std(variance[c % channels], eps);
        }
        parallel::for_each_chunk_mut(dx, chunk_len(channels), |i, dx| {
            let dy = &dy[i * chunk_len(channels)..][..dx.len()];
            for (dx, dy) in dx.chunks_mut(width).zip(dy.chunks(width)) {
                for ((dx, &dy), &scale) in dx.iter_mut().zip(dy).zip(&*scale) {
                    *dx = dy * scale;
                }
            }
        });
    });
}

/// Gradients for weight and bias, in training (statistics of the batch) and evaluation (running ones) alike.
pub fn parameter_gradients(
    rows: usize,
    channels: usize,
    x: &[f32],
    dy: &[f32],
    mean: &[f32],
    variance: &[f32],
    eps: f32,
    dweight: &mut [f32],
    dbias: &mut [f32],
) {
    assert_eq!(x.len(), rows * channels, "x");
    assert_eq!(dy.len(), x.len(), "dy");
    assert_eq!(mean.len(), channels, "mean");
    let width = wide(channels);
    let chunk = chunk_len(channels);
    scratch::with(x.len().div_ceil(chunk) * 2 * channels, |partial| {
        parallel::for_each_chunk_mut(partial, 2 * channels, |i, partial| {
            let range = i * chunk..((i + 1) * chunk).min(x.len());
            scratch::with(3 * width, |sums| {
                sums.fill(0.0);
                let (centre, sums) = sums.split_at_mut(width);
                let (sum, product) = sums.split_at_mut(width);
                repeat(mean, centre);
                for (x, dy) in x[range.clone()].chunks(width).zip(dy[range].chunks(width)) {
                    let sums = sum.iter_mut().zip(&mut *product);
                    for (((sum, product), &centre), (&x, &dy)) in sums.zip(&*centre).zip(x.iter().zip(dy)) {
                        *sum += dy;
                        *product += dy * (x - centre);
                    }
                }
                let (first, second) = partial.split_at_mut(channels);
                for c in 0..channels {
                    first[c] = folded(sum, channels, c) as f32;
                    second[c] = folded(product, channels, c) as f32;
                }
            });
        });
        finish_parameter_gradients(partial, variance, eps, dweight, dbias);
    });
}

/// Adds up the chunks' sums of dy and dy * (x - mean), `[chunks][2][channels]`.
fn finish_parameter_gradients(partial: &[f32], variance: &[f32], eps: f32, dweight: &mut [f32], dbias: &mut [f32]) {
    let channels = variance.len();
    assert_eq!(dweight.len(), channels, "dweight");
    assert_eq!(dbias.len(), channels, "dbias");
    for c in 0..channels {
        let sum = |first: usize| partial.iter().skip(first).step_by(2 * channels).map(|&v| f64::from(v)).sum::<f64>();
        dbias[c] = sum(c) as f32;
        dweight[c] = (sum(channels + c) * f64::from(inverse_std(variance[c], eps))) as f32;
    }
}

/// Lends the coefficients of dx = (x - centre) * slope + (dy * scale + offset), repeated to the loops' width.
fn with_input_terms(
    rows: usize,
    mean: &[f32],
    variance: &[f32],
    weight: &[f32],
    eps: f32,
    dweight: &[f32],
    dbias: &[f32],
    work: impl FnOnce(&[f32], &[f32], &[f32], &[f32]),
) {
    let channels = mean.len();
    let width = wide(channels);
    scratch::with(4 * width, |terms| {
        let (centre, terms) = terms.split_at_mut(width);
        let (slope, terms) = terms.split_at_mut(width);
        let (offset, scale) = terms.split_at_mut(width);
        repeat(mean, centre);
        for i in 0..width {
            let c = i % channels;
            let inverse = inverse_std(variance[c], eps);
            scale[i] = weight[c] * inverse;
            slope[i] = -scale[i] * inverse * (dweight[c] / rows as f32);
            offset[i] = -scale[i] * (dbias[c] / rows as f32);
        }
        work(centre, slope, offset, scale);
    });
}

fn inverse_std(variance: f32, eps: f32) -> f32 {
    1.0 / (variance + eps).sqrt()
}

/// Width of a loop's row: the smallest multiple of `channels` from MIN_WIDTH up.
fn wide(channels: usize) -> usize {
    channels * MIN_WIDTH.div_ceil(channels.max(1))
}

/// Values of a chunk, whole rows of the loops.
fn chunk_len(channels: usize) -> usize {
    let width = wide(channels);
    (CHUNK / width.max(1)).max(MIN_CHUNK_ROWS) * width
}

/// Repeats `[channels]` over a row of the loops.
fn repeat(source: &[f32], target: &mut [f32]) {
    for (i, value) in target.iter_mut().enumerate() {
        *value = source[i % source.len()];
    }
}

/// Sum of the values of channel `c` in a row of the loops.
fn folded(row: &[f32], channels: usize, c: usize) -> f64 {
    row.iter().skip(c).step_by(channels).map(|&v| f64::from(v)).sum()
}
