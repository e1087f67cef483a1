//! Gradients of batch normalisation when only some output gradients are non-zero: after k-WTA they are
//! `dvalue` at the entries of a pattern and zero elsewhere, `[n][capacity]`.
//!
//! In training the statistics carry every output gradient to every input, so `dx` is dense; in evaluation
//! it has the pattern of the output gradient.

use super::{finish_parameter_gradients, inverse_std, wide, with_input_terms};
use crate::parallel;
use crate::scratch;
use crate::sparse::Pattern;

/// [`train_backward`](super::train_backward) for an output gradient that is `dvalue` at the entries of `pattern` and
/// zero elsewhere.
pub fn train_backward_sparse(
    pattern: &Pattern,
    x: &[f32],
    dvalue: &[f32],
    mean: &[f32],
    variance: &[f32],
    weight: &[f32],
    eps: f32,
    dx: &mut [f32],
    dweight: &mut [f32],
    dbias: &mut [f32],
) {
    let shape = pattern.shape;
    let channels = shape.channels;
    assert_eq!(dx.len(), shape.n * shape.sample_len(), "dx");
    assert_eq!(weight.len(), channels, "weight");
    parameter_gradients_sparse(pattern, x, dvalue, mean, variance, eps, dweight, dbias);
    let width = wide(channels);
    let rows = shape.n * shape.pixels;
    with_input_terms(rows, mean, variance, weight, eps, dweight, dbias, |centre, slope, offset, scale| {
        parallel::for_each_chunk_mut(dx, shape.sample_len(), |s, dx| {
            let x = &x[s * shape.sample_len()..][..dx.len()];
            for (dx, x) in dx.chunks_mut(width).zip(x.chunks(width)) {
                let parameters = centre.iter().zip(slope).zip(offset);
                for ((dx, &x), ((&centre, &slope), &offset)) in dx.iter_mut().zip(x).zip(parameters) {
                    *dx = (x - centre) * slope + offset;
                }
            }
            let dvalue = &dvalue[s * shape.capacity..];
            pattern.for_each_entry(s, |entry, pixel, channel| {
                dx[pixel * channels + channel] += dvalue[entry] * scale[channel];
            });
        });
    });
}

/// [`eval_backward`](super::eval_backward) at the entries of `pattern`; `dx_value` keeps what it holds where no entry
/// is in use.
pub fn eval_backward_sparse(
    pattern: &Pattern,
    dvalue: &[f32],
    weight: &[f32],
    variance: &[f32],
    eps: f32,
    dx_value: &mut [f32],
) {
    let shape = pattern.shape;
    assert_eq!(dvalue.len(), shape.entries_len(), "dvalue");
    assert_eq!(dx_value.len(), shape.entries_len(), "dx_value");
    assert_eq!(weight.len(), shape.channels, "weight");
    assert_eq!(variance.len(), shape.channels, "variance");
    scratch::with(shape.channels, |scale| {
        for (c, scale) in scale.iter_mut().enumerate() {
            *scale = weight[c] * inverse_std(variance[c], eps);
        }
        parallel::for_each_chunk_mut(dx_value, shape.capacity, |s, dx_value| {
            let dvalue = &dvalue[s * shape.capacity..];
            for ((dx, &dy), &channel) in dx_value.iter_mut().zip(dvalue).zip(pattern.channels(s)) {
                *dx = dy * scale[channel as usize];
            }
        });
    });
}

/// [`parameter_gradients`](super::parameter_gradients) for an output gradient that is `dvalue` at the entries of
/// `pattern`, zero elsewhere.
pub fn parameter_gradients_sparse(
    pattern: &Pattern,
    x: &[f32],
    dvalue: &[f32],
    mean: &[f32],
    variance: &[f32],
    eps: f32,
    dweight: &mut [f32],
    dbias: &mut [f32],
) {
    let shape = pattern.shape;
    let channels = shape.channels;
    assert_eq!(x.len(), shape.n * shape.sample_len(), "x");
    assert_eq!(dvalue.len(), shape.entries_len(), "dvalue");
    assert_eq!(mean.len(), channels, "mean");
    scratch::with(shape.n * 2 * channels, |partial| {
        parallel::for_each_chunk_mut(partial, 2 * channels, |s, partial| {
            let (x, dvalue) = (&x[s * shape.sample_len()..], &dvalue[s * shape.capacity..]);
            // f64, since one channel may hold all the entries of a large image.
            scratch::with_f64(2 * channels, |sums| {
                sums.fill(0.0);
                let (of_dy, of_products) = sums.split_at_mut(channels);
                // One length for all, so that one look at a channel's number serves them.
                let (of_products, mean) = (&mut of_products[..channels], &mean[..channels]);
                pattern.for_each_entry(s, |entry, pixel, channel| {
                    let dy = f64::from(dvalue[entry]);
                    of_dy[channel] += dy;
                    of_products[channel] += dy * f64::from(x[pixel * channels + channel] - mean[channel]);
                });
                partial.iter_mut().zip(&*sums).for_each(|(partial, &sum)| *partial = sum as f32);
            });
        });
        finish_parameter_gradients(partial, variance, eps, dweight, dbias);
    });
}
