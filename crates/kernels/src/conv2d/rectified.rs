//! Convolution of a ReLU's output, or of the largest of windows of it or of k-WTA's winners: much of it is +0, and where
//! it is, no input gradient is needed. A winner of zero is -0 (see `sparse::densify_winners`).
//!
//! Each call counts what is not +0 and goes the cheaper way: compress and run the passes of `sparse.rs`, or those
//! of `dense.rs`. The choice follows from the values alone, so the same batch gives the same bits with any number of
//! threads. Both ways round differently, so whoever needs a sample's result not to depend on the others in its batch
//! (inference, attacks) lets every sample choose for itself: `*_by_sample`. In training the batch chooses.

use super::{dense, sparse, Conv2dShape};
use crate::parallel::for_each_chunk_mut;
use crate::scratch;
use crate::simd::{F32x4, Vector, LANES};
use crate::sparse::{compress_nonzero, densify, Pattern, SparseShape};

/// Densities up to which the compressed passes are faster, as measured in WebAssembly with and without fused
/// multiply-add, on convolutions of 16 to 512 channels and images from 4x4 to 32x32, on a Zen 3.
struct Limits {
    forward: f64,
    weight_gradient: f64,
    input_gradient: f64,
    /// Of both gradients at once.
    gradients: f64,
}

impl Limits {
    fn of(shape: &Conv2dShape) -> Self {
        let &Conv2dShape { h, w, c_in, c_out, kh, kw, stride, .. } = shape;
        // What a compressed pass multiplies for one value; beside that, it spends time on bringing values in order.
        let products = (kh * kw * c_out) as f64 / (stride * stride) as f64;
        if products < 48.0 {
            return Self { forward: 0.0, weight_gradient: 0.0, input_gradient: 0.0, gradients: 0.0 };
        }
        let fused = cfg!(target_feature = "relaxed-simd");
        // Dense passes multiply the margins, too.
        let rows = inside(h, kh, shape.out_h(), shape);
        let all = rows * inside(w, kw, shape.out_w(), shape);
        // Weights of a row of the kernel that share L1 with little else.
        let near = kw * c_in * shape.block_width() * size_of::<f32>() <= 24 << 10;
        if let Some(tiles) = dense::winograd_tiles(shape) {
            // Its transforms cost the more per product the fewer channels and tiles there are; batches of 16 assumed.
            let cost = |product: f64, per_in: f64, per_out: f64| {
                product + per_in / c_in as f64 + per_out / c_out as f64 + 0.3 / tiles as f64
            };
            let forward = match (fused, near) {
                (true, true) => cost(0.36, 1.25, -1.7),
                (true, false) => cost(0.29, 1.25, -1.7),
                (false, _) => cost(0.32, 1.0, 0.55),
            };
            let input_gradient = if fused { cost(0.205, 0.85, -0.7) } else { cost(0.265, 0.15, -0.8) };
            return Self {
                forward: forward / all,
                weight_gradient: cost(0.27, 0.0, -0.9) / rows,
                input_gradient: input_gradient / rows,
                gradients: cost(0.335, if fused { 1.8 } else { 0.9 }, -0.8) / rows,
            };
        }
        let by_product = match (fused, near) {
            (false, _) => 1.5,
            (true, false) => 1.65,
            (true, true) => 1.45,
        };
        let (input_gradient, gradients) = match (kh * kw, stride) {
            (1, 1) => (0.0, 0.42),
            (1, _) => (0.0, 0.32),
            (_, 1) => (if fused { 0.5 } else { 0.555 } / all, if fused { 0.86 } else { 0.75 } / rows),
            _ => (if fused { 0.305 } else { 0.345 }, 0.525),
        };
        Self {
            forward: 1.0 / (all * (by_product + 38.0 / products)),
            weight_gradient: 1.0 / (rows * (1.8 + 90.0 / products)),
            input_gradient,
            gradients,
        }
    }
}

/// Share of the taps along one side, from all outputs together, that lie inside of the input.
fn inside(len: usize, taps: usize, outputs: usize, shape: &Conv2dShape) -> f64 {
    let reading = (0..outputs).map(|o| shape.taps_inside(o, taps, len).len()).sum::<usize>();
    reading.max(1) as f64 / (outputs * taps).max(1) as f64
}

/// `y`, as [`dense::forward`].
pub fn forward(shape: &Conv2dShape, x: &[f32], weight: &[f32], bias: Option<&[f32]>, y: &mut [f32]) {
    let compressed = with_compressed(shape, x, Limits::of(shape).forward, |pattern, value| {
        sparse::forward(shape, pattern, value, weight, bias, y);
    });
    if !compressed {
        dense::forward(shape, x, weight, bias, y);
    }
}

/// [`forward`] whose every sample goes its own way.
pub fn forward_by_sample(shape: &Conv2dShape, x: &[f32], weight: &[f32], bias: Option<&[f32]>, y: &mut [f32]) {
    assert_eq!(y.len(), shape.y_len(), "y");
    by_sample(shape, Limits::of(shape).forward, [x, &[]], y, |shape, most, [x, _], y| match most {
        Some(most) => compress(shape, x, most, |pattern, value| {
            sparse::forward(shape, pattern, value, weight, bias, y);
        }),
        None => dense::forward(shape, x, weight, bias, y),
    });
}

/// `dw`, as [`dense::weight_gradient`].
pub fn weight_gradient(shape: &Conv2dShape, x: &[f32], dy: &[f32], dw: &mut [f32]) {
    let compressed = with_compressed(shape, x, Limits::of(shape).weight_gradient, |pattern, value| {
        sparse::weight_gradient(shape, pattern, value, dy, dw);
    });
    if !compressed {
        dense::weight_gradient(shape, x, dy, dw);
    }
}

/// `dx` where `x` is not +0; elsewhere it may be anything finite, which goes to no value before `x`.
pub fn input_gradient(shape: &Conv2dShape, x: &[f32], dy: &[f32], weight: &[f32], dx: &mut [f32]) {
    let compressed = with_compressed(shape, x, Limits::of(shape).input_gradient, |pattern, _| {
        input_gradient_of_compressed(shape, pattern, dy, weight, dx);
    });
    if !compressed {
        dense::input_gradient(shape, dy, weight, dx);
    }
}

/// [`input_gradient`] whose every sample goes its own way.
pub fn input_gradient_by_sample(shape: &Conv2dShape, x: &[f32], dy: &[f32], weight: &[f32], dx: &mut [f32]) {
    assert_eq!(dy.len(), shape.y_len(), "dy");
    assert_eq!(dx.len(), shape.x_len(), "dx");
    by_sample(shape, Limits::of(shape).input_gradient, [x, dy], dx, |shape, most, [x, dy], dx| match most {
        Some(most) => compress(shape, x, most, |pattern, _| {
            input_gradient_of_compressed(shape, pattern, dy, weight, dx);
        }),
        None => dense::input_gradient(shape, dy, weight, dx),
    });
}

fn input_gradient_of_compressed(shape: &Conv2dShape, pattern: &Pattern, dy: &[f32], weight: &[f32], dx: &mut [f32]) {
    scratch::with(pattern.shape.entries_len(), |dvalue| {
        sparse::input_gradient(shape, pattern, dy, weight, dvalue);
        densify(pattern, dvalue, dx);
    });
}

/// [`weight_gradient`] and [`input_gradient`].
pub fn gradients(shape: &Conv2dShape, x: &[f32], dy: &[f32], weight: &[f32], dw: &mut [f32], dx: &mut [f32]) {
    let compressed = with_compressed(shape, x, Limits::of(shape).gradients, |pattern, value| {
        scratch::with(value.len(), |dvalue| {
            sparse::gradients(shape, pattern, value, dy, weight, dw, dvalue);
            densify(pattern, dvalue, dx);
        });
    });
    if !compressed {
        dense::weight_gradient(shape, x, dy, dw);
        dense::input_gradient(shape, dy, weight, dx);
    }
}

/// Calls `visit` with `x` compressed, unless more than `density` of it is not +0; tells whether it did. Without any
/// density to be below, nothing is counted.
fn with_compressed(shape: &Conv2dShape, x: &[f32], density: f64, visit: impl FnOnce(&Pattern, &[f32])) -> bool {
    assert_eq!(x.len(), shape.x_len(), "x");
    if density <= 0.0 {
        return false;
    }
    scratch::with_u32(shape.n, |counts| {
        count_samples(shape, x, counts);
        let all: f64 = counts.iter().map(|&count| f64::from(count)).sum();
        if all > density * x.len() as f64 {
            return false;
        }
        compress(shape, x, counts.iter().max().map_or(0, |&count| count as usize), visit);
        true
    })
}

/// Calls `visit` with `x` compressed, of which each sample holds at most `most` values that are not +0.
fn compress(shape: &Conv2dShape, x: &[f32], most: usize, visit: impl FnOnce(&Pattern, &[f32])) {
    let pixels = shape.h * shape.w;
    // In eighths of a sample, so that buffers stay as they are while densities change a little.
    let capacity = most.next_multiple_of((pixels * shape.c_in).div_ceil(8).max(1));
    let sparse = SparseShape { n: shape.n, pixels, channels: shape.c_in, capacity };
    scratch::with_u32(sparse.start_len() + sparse.entries_len(), |indices| {
        let (start, channel) = indices.split_at_mut(sparse.start_len());
        scratch::with(sparse.entries_len(), |value| {
            compress_nonzero(&sparse, x, start, channel, value);
            visit(&Pattern::new(sparse, start, channel), value);
        });
    });
}

/// Calls `run(shape, most, inputs, out)` with the samples of which no more than `density` is not +0, `most` being the
/// most values that one of them holds, and with the others, and no `most`. `inputs`, of which `x` is the first, and
/// `out` have a part for each sample; when both kinds are there, they are brought together by kind.
fn by_sample(
    shape: &Conv2dShape,
    density: f64,
    inputs: [&[f32]; 2],
    out: &mut [f32],
    run: impl Fn(&Conv2dShape, Option<usize>, [&[f32]; 2], &mut [f32]),
) {
    let (n, x) = (shape.n, inputs[0]);
    assert_eq!(x.len(), shape.x_len(), "x");
    if density <= 0.0 || n == 0 {
        return run(shape, None, inputs, out);
    }
    scratch::with_u32(3 * n, |numbers| {
        let (counts, rest) = numbers.split_at_mut(n);
        let (samples, places) = rest.split_at_mut(n);
        count_samples(shape, x, counts);
        let limit = density * (x.len() / n) as f64;
        let thin = |s: &usize| f64::from(counts[*s]) <= limit;
        let most = (0..n).filter(thin).map(|s| counts[s] as usize).max();
        let Some(most) = most else { return run(shape, None, inputs, out) };
        for (place, s) in (0..n).filter(thin).chain((0..n).filter(|s| !thin(s))).enumerate() {
            (samples[place], places[s]) = (s as u32, place as u32);
        }
        let thins = (0..n).filter(thin).count();
        if thins == n {
            return run(shape, Some(most), inputs, out);
        }
        let [first_len, second_len] = inputs.map(|input| input.len() / n);
        let out_len = out.len() / n;
        scratch::with(n * (first_len + second_len + out_len), |buffer| {
            let (first, rest) = buffer.split_at_mut(n * first_len);
            let (second, sorted_out) = rest.split_at_mut(n * second_len);
            take_parts(inputs[0], samples, first);
            take_parts(inputs[1], samples, second);
            let (thin_first, other_first) = first.split_at(thins * first_len);
            let (thin_second, other_second) = second.split_at(thins * second_len);
            let (thin_out, other_out) = sorted_out.split_at_mut(thins * out_len);
            run(&Conv2dShape { n: thins, ..*shape }, Some(most), [thin_first, thin_second], thin_out);
            run(&Conv2dShape { n: n - thins, ..*shape }, None, [other_first, other_second], other_out);
            take_parts(sorted_out, places, out);
        });
    });
}

/// `target`, in as many parts as there are numbers, becomes the parts of `source` with these numbers.
fn take_parts(source: &[f32], numbers: &[u32], target: &mut [f32]) {
    let len = target.len() / numbers.len();
    for_each_chunk_mut(target, len, |i, target| target.copy_from_slice(&source[numbers[i] as usize * len..][..len]));
}

/// `counts[s] =` values of sample `s` that are not +0.
fn count_samples(shape: &Conv2dShape, x: &[f32], counts: &mut [u32]) {
    let len = shape.h * shape.w * shape.c_in;
    for_each_chunk_mut(counts, 1, |s, count| count[0] = count_nonzero(&x[s * len..][..len]));
}

/// Values that are not +0, NaN and -0 among them.
fn count_nonzero(x: &[f32]) -> u32 {
    let vectors = x.chunks_exact(LANES);
    let rest = vectors.remainder().iter().filter(|&&v| v.to_bits() != 0).count() as u32;
    rest + vectors.map(|v| F32x4::load(v).bits_mask().count_ones()).sum::<u32>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference;
    use crate::testing::{assert_same_bits, values};
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const SHAPE: Conv2dShape =
        Conv2dShape { n: 3, h: 6, w: 5, c_in: 7, c_out: 36, kh: 3, kw: 3, stride: 1, padding: 1 };

    /// A ReLU's output; `shift` moves the share of zeros from all to none. Some are winners below zero, and of zero.
    fn rectified(shift: f32) -> Vec<f32> {
        let winner = |(i, v): (usize, f32)| match i % 50 {
            9 => -0.0,
            31 => -v,
            _ => v,
        };
        values(1, SHAPE.x_len()).into_iter().map(|v| (v + shift).max(0.0)).enumerate().map(winner).collect()
    }

    fn close(actual: &[f32], expected: &[f32], what: &str) {
        for (i, (a, e)) in actual.iter().zip(expected).enumerate() {
            assert!((a - e).abs() <= 1e-5 * (1.0 + e.abs()), "{what}[{i}] = {a}, not {e}");
        }
    }

    #[test]
    fn passes_at_any_density() {
        let (weight, dy) = (values(2, SHAPE.weight_len()), values(3, SHAPE.y_len()));
        for shift in [-2.0, -0.5, 0.0, 0.1, 0.5, 2.0] {
            let x = rectified(shift);
            let (mut y, mut dw) = (vec![f32::NAN; SHAPE.y_len()], vec![f32::NAN; SHAPE.weight_len()]);
            let mut dx = vec![f32::NAN; x.len()];
            forward(&SHAPE, &x, &weight, None, &mut y);
            close(&y, &reference::conv2d::forward(&SHAPE, &x, &weight, None), "y");
            gradients(&SHAPE, &x, &dy, &weight, &mut dw, &mut dx);
            let masked = |dx: &[f32]| -> Vec<f32> {
                dx.iter().zip(&x).map(|(&dx, x)| if x.to_bits() == 0 { 0.0 * dx } else { dx }).collect()
            };
            let expected = masked(&reference::conv2d::input_gradient(&SHAPE, &dy, &weight));
            close(&masked(&dx), &expected, "dx");
            close(&dw, &reference::conv2d::weight_gradient(&SHAPE, &x, &dy), "dw");
            let (mut dw_alone, mut dx_alone) = (vec![f32::NAN; dw.len()], vec![f32::NAN; dx.len()]);
            weight_gradient(&SHAPE, &x, &dy, &mut dw_alone);
            input_gradient(&SHAPE, &x, &dy, &weight, &mut dx_alone);
            close(&dw_alone, &dw, "dw alone");
            close(&masked(&dx_alone), &expected, "dx alone");
        }
    }

    #[test]
    fn nan_and_negative_zero_count_as_values() {
        assert_eq!(count_nonzero(&[0.0, f32::NAN, -0.0, 1.0, 0.0, -0.0]), 4);
    }

    #[test]
    fn same_bits_for_any_threads() {
        let (x, weight, dy) = (rectified(0.0), values(2, SHAPE.weight_len()), values(3, SHAPE.y_len()));
        assert_same_bits(|| {
            let (mut dw, mut dx) = (vec![0.0; SHAPE.weight_len()], vec![0.0; x.len()]);
            gradients(&SHAPE, &x, &dy, &weight, &mut dw, &mut dx);
            dw.extend(dx);
            dw
        });
    }
}
