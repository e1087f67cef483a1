//! A step of gradient ascent inside a ball: along the gradient, back into the ball around `x`, and into the box [0, 1].
//!
//! Each of the three is rounded to `f32`, as three passes over arrays of `f32` would. NaN stays NaN, and comparisons
//! take -0 to be below +0, as JavaScript's do.

use crate::parallel::for_each_chunk_mut;

/// Values of one piece of work.
const PIECE: usize = 4096;

/// Values of a sample, in wasm memory `[pixels][channels]`: sums over a sample run in C,H,W order. With one channel
/// that is the order in which they lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Samples.
    pub n: usize,
    /// Pixels of a sample.
    pub pixels: usize,
    /// Channels of a pixel.
    pub channels: usize,
}

impl Layout {
    fn sample_len(&self) -> usize {
        self.pixels * self.channels
    }

    /// Sum of `value(i)` over the places `i` of a sample, in C,H,W order.
    fn sum(&self, value: impl Fn(usize) -> f64) -> f64 {
        let mut sum = 0.0;
        for channel in 0..self.channels {
            for pixel in 0..self.pixels {
                sum += value(pixel * self.channels + channel);
            }
        }
        sum
    }
}

/// `adversarial` moves by `step` along the sign of `gradient` and is brought back within `epsilon` of `x`, value by
/// value.
pub fn linf_step(adversarial: &mut [f32], gradient: &[f32], x: &[f32], step: f64, epsilon: f64) {
    assert_eq!(gradient.len(), adversarial.len(), "gradient");
    assert_eq!(x.len(), adversarial.len(), "x");
    for_each_chunk_mut(adversarial, PIECE, |i, adversarial| {
        let range = i * PIECE..i * PIECE + adversarial.len();
        for ((value, &gradient), &x) in adversarial.iter_mut().zip(&gradient[range.clone()]).zip(&x[range]) {
            let x = f64::from(x);
            let moved = (f64::from(*value) + step * sign(gradient)) as f32;
            let inside = smaller(larger(f64::from(moved), x - epsilon), x + epsilon) as f32;
            *value = into_box(inside);
        }
    });
}

/// Each sample of `adversarial` moves by `step` along its `gradient`, unless that is zero, and is brought back within
/// the Euclidean distance `epsilon` of `x`.
pub fn l2_step(layout: &Layout, adversarial: &mut [f32], gradient: &[f32], x: &[f32], step: f64, epsilon: f64) {
    let len = layout.sample_len();
    assert_eq!(adversarial.len(), layout.n * len, "adversarial: n * pixels * channels values");
    assert_eq!(gradient.len(), adversarial.len(), "gradient");
    assert_eq!(x.len(), adversarial.len(), "x");
    for_each_chunk_mut(adversarial, len, |s, adversarial| {
        let range = s * len..(s + 1) * len;
        let (gradient, x) = (&gradient[range.clone()], &x[range]);
        let norm = layout.sum(|i| square(gradient[i])).sqrt();
        if norm != 0.0 {
            for (value, &gradient) in adversarial.iter_mut().zip(gradient) {
                *value = (f64::from(*value) + step * f64::from(gradient) / norm) as f32;
            }
        }
        let distance = layout.sum(|i| square(adversarial[i] - x[i])).sqrt() as f32;
        // Of a distance that is NaN, nothing is inside.
        let is_inside = f64::from(distance) <= epsilon;
        let scale = epsilon / f64::from(distance);
        for (value, &x) in adversarial.iter_mut().zip(x) {
            if !is_inside {
                let x = f64::from(x);
                *value = (x + (f64::from(*value) - x) * scale) as f32;
            }
            *value = into_box(*value);
        }
    });
}

fn square(value: f32) -> f64 {
    f64::from(value) * f64::from(value)
}

#[inline(always)]
fn sign(value: f32) -> f64 {
    match value {
        v if v > 0.0 => 1.0,
        v if v < 0.0 => -1.0,
        0.0 => 0.0,
        nan => f64::from(nan),
    }
}

/// JavaScript's `Math.max`: NaN when either is, and +0 is more than -0.
#[inline(always)]
fn larger(a: f64, b: f64) -> f64 {
    match (a > b, b > a) {
        (true, _) => a,
        (_, true) => b,
        // Equal numbers have the same bits, but for the sign of zeros.
        _ if a == b => f64::from_bits(a.to_bits() & b.to_bits()),
        _ => a + b,
    }
}

/// JavaScript's `Math.min`.
#[inline(always)]
fn smaller(a: f64, b: f64) -> f64 {
    match (a < b, b < a) {
        (true, _) => a,
        (_, true) => b,
        _ if a == b => f64::from_bits(a.to_bits() | b.to_bits()),
        _ => a + b,
    }
}

/// Clips to [0, 1]; -0 becomes +0. Not by `clamp`, which relaxed SIMD makes of instructions that may lose NaN.
#[inline(always)]
fn into_box(value: f32) -> f32 {
    match value {
        v if v >= 1.0 => 1.0,
        v if v > 0.0 => v,
        v if v <= 0.0 => 0.0,
        nan => nan,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference::attack as reference;
    use crate::testing::{assert_same_bits, values};
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const LAYOUT: Layout = Layout { n: 5, pixels: 6, channels: 3 };

    /// Points of the box, some of them on its border, and points beside them.
    fn points(len: usize) -> [Vec<f32>; 2] {
        let x: Vec<f32> = values(1, len).iter().map(|v| (v * 1.5).clamp(0.0, 1.0)).collect();
        let adversarial = x.iter().zip(values(2, len)).map(|(x, v)| (x + 0.1 * v).clamp(0.0, 1.0)).collect();
        [x, adversarial]
    }

    /// A gradient with zeros of both signs, and a sample of them.
    fn gradient(len: usize, sample_len: usize) -> Vec<f32> {
        let at = |(i, v): (usize, f32)| match i % 7 {
            _ if i / sample_len == 1 => 0.0,
            0 => 0.0,
            1 => -0.0,
            _ => v,
        };
        values(3, len).into_iter().enumerate().map(at).collect()
    }

    fn same(actual: &[f32], expected: &[f32], what: &str) {
        assert_eq!(actual.len(), expected.len());
        for (i, (a, e)) in actual.iter().zip(expected).enumerate() {
            let same = a.to_bits() == e.to_bits() || (a.is_nan() && e.is_nan());
            assert!(same, "{what}: value {i} is {a:?}, not {e:?}");
        }
    }

    #[test]
    fn linf_is_that_of_the_oracle() {
        for len in [0, 1, 3, 100, PIECE - 1, PIECE, PIECE + 1] {
            let ([x, start], gradient) = (points(len), gradient(len, 1000));
            for (step, epsilon) in [(2.0 / 255.0, 8.0 / 255.0), (0.3, 0.1), (0.01, 0.0), (0.0, 0.3), (-0.1, 1.0)] {
                let mut adversarial = start.clone();
                linf_step(&mut adversarial, &gradient, &x, step, epsilon);
                same(&adversarial, &reference::linf_step(&start, &gradient, &x, step, epsilon), "linf");
            }
        }
    }

    #[test]
    fn linf_of_nan_infinity_and_zeros() {
        let specials = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 0.0, -0.0, 1.0, 0.5, -0.5, 2.0, 1e-40];
        let mut all = vec![];
        for a in specials {
            for g in specials {
                all.extend(specials.map(|x| [a, g, x]));
            }
        }
        let of = |i: usize| all.iter().map(|v| v[i]).collect::<Vec<f32>>();
        for epsilon in [0.0, 0.25, f64::INFINITY] {
            let mut adversarial = of(0);
            linf_step(&mut adversarial, &of(1), &of(2), 0.1, epsilon);
            same(&adversarial, &reference::linf_step(&of(0), &of(1), &of(2), 0.1, epsilon), "linf of specials");
        }
    }

    #[test]
    fn l2_is_that_of_the_oracle() {
        for layout in
            [LAYOUT, Layout { n: 0, ..LAYOUT }, Layout { n: 1, pixels: 1, channels: 1 }, Layout { pixels: 1, ..LAYOUT }]
        {
            let len = layout.n * layout.sample_len();
            let ([x, start], gradient) = (points(len), gradient(len, layout.sample_len()));
            for (step, epsilon) in [(0.1, 0.5), (2.0, 0.25), (0.01, 0.0), (0.0, 0.1)] {
                let mut adversarial = start.clone();
                l2_step(&layout, &mut adversarial, &gradient, &x, step, epsilon);
                same(&adversarial, &reference::l2_step(&layout, &start, &gradient, &x, step, epsilon), "l2");
            }
        }
    }

    #[test]
    fn l2_of_nan_stays_in_its_sample() {
        let len = LAYOUT.n * LAYOUT.sample_len();
        let ([x, mut start], mut gradient) = (points(len), gradient(len, LAYOUT.sample_len()));
        gradient[2 * LAYOUT.sample_len() + 4] = f32::NAN;
        gradient[3 * LAYOUT.sample_len()] = f32::INFINITY;
        start[4 * LAYOUT.sample_len() + 1] = f32::NAN;
        let mut adversarial = start.clone();
        l2_step(&LAYOUT, &mut adversarial, &gradient, &x, 0.1, 0.3);
        same(&adversarial, &reference::l2_step(&LAYOUT, &start, &gradient, &x, 0.1, 0.3), "l2 of NaN");
        assert!(adversarial[..2 * LAYOUT.sample_len()].iter().all(|v| v.is_finite()));
    }

    #[test]
    fn l2_sums_run_in_the_order_of_channels() {
        let (pixels, channels) = (LAYOUT.pixels, LAYOUT.channels);
        let len = LAYOUT.n * LAYOUT.sample_len();
        let ([x, start], gradient) = (points(len), gradient(len, LAYOUT.sample_len()));
        let first = |values: &[f32]| {
            let mut out = vec![0.0; len];
            crate::elementwise::nhwc_to_nchw(LAYOUT.n, channels, pixels, values, &mut out);
            out
        };
        let (mut last, mut channels_first) = (start.clone(), first(&start));
        l2_step(&LAYOUT, &mut last, &gradient, &x, 0.7, 0.3);
        let plain = Layout { pixels: pixels * channels, channels: 1, ..LAYOUT };
        l2_step(&plain, &mut channels_first, &first(&gradient), &first(&x), 0.7, 0.3);
        same(&first(&last), &channels_first, "layouts");
    }

    #[test]
    fn same_bits_for_any_threads() {
        let len = 3 * PIECE + 5;
        let ([x, start], gradient) = (points(len), gradient(len, 1000));
        assert_same_bits(|| {
            let mut adversarial = start.clone();
            linf_step(&mut adversarial, &gradient, &x, 0.1, 0.2);
            let layout = Layout { n: len, pixels: 1, channels: 1 };
            l2_step(&layout, &mut adversarial, &gradient, &x, 0.1, 0.2);
            adversarial
        });
    }
}
