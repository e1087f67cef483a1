//! Smooth and leaky activations, value by value, and their gradients from the input. NaN stays NaN.

use crate::elementwise::{map, map2};
use crate::exp::{exp, exp_minus_one};

/// y = x where x > 0, else slope * x.
pub fn leaky_relu(slope: f32, x: &[f32], y: &mut [f32]) {
    map(x, "x", y, |x| if x <= 0.0 { slope * x } else { x });
}

/// Gradient of [`leaky_relu`]; `slope` at 0, as in PyTorch.
pub fn leaky_relu_backward(slope: f32, x: &[f32], dy: &[f32], dx: &mut [f32]) {
    map2(x, "x", dy, "dy", dx, |x, dy| if x <= 0.0 { slope * dy } else { dy });
}

/// y = x where x > 0, else alpha * (e^x - 1).
pub fn elu(alpha: f32, x: &[f32], y: &mut [f32]) {
    map(x, "x", y, |x| if x <= 0.0 { alpha * exp_minus_one(x) } else { x });
}

/// Gradient of [`elu`]; `alpha` at 0, as in PyTorch.
pub fn elu_backward(alpha: f32, x: &[f32], dy: &[f32], dx: &mut [f32]) {
    map2(x, "x", dy, "dy", dx, |x, dy| if x <= 0.0 { dy * alpha * exp(x) } else { dy });
}

/// y = x * sigmoid(x).
pub fn silu(x: &[f32], y: &mut [f32]) {
    map(x, "x", y, |x| x * sigmoid(x));
}

/// Gradient of [`silu`].
pub fn silu_backward(x: &[f32], dy: &[f32], dx: &mut [f32]) {
    map2(x, "x", dy, "dy", dx, |x, dy| {
        let s = sigmoid(x);
        dy * (s * (1.0 + x * (1.0 - s)))
    });
}

/// y = x * P(x), with P the distribution function of the standard normal distribution.
pub fn gelu(x: &[f32], y: &mut [f32]) {
    map(x, "x", y, |x| x * normal_distribution(x).0);
}

/// Gradient of [`gelu`].
pub fn gelu_backward(x: &[f32], dy: &[f32], dx: &mut [f32]) {
    const DENSITY_AT_ZERO: f32 = 0.398_942_3;
    map2(x, "x", dy, "dy", dx, |x, dy| {
        let (below, bell) = normal_distribution(x);
        dy * (below + x * (DENSITY_AT_ZERO * bell))
    });
}

#[inline(always)]
fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// The standard normal distribution function at x, and e^(-x^2 / 2). Of the tail, 3e-7 of itself is left for |x| < 3.
///
/// The tail below -u is e^(-u^2 / 2) * t * p(t) with t = 1 / (1 + 0.3 u), where the polynomial p of degree 9 was fitted
/// for the least relative error (3e-8) on all u >= 0.
#[inline(always)]
fn normal_distribution(x: f32) -> (f32, f32) {
    const P: [f32; 10] = [
        0.119_683_55,
        0.119_649_06,
        0.109_443_51,
        0.082_837_31,
        0.081_026_24,
        -0.046_950_128,
        0.147_608_18,
        -0.191_309_66,
        0.095_181_86,
        -0.017_169_91,
    ];
    let t = 1.0 / (1.0 + 0.3 * x.abs());
    let polynomial = P.iter().rev().fold(0.0, |sum, &coefficient| sum * t + coefficient);
    let bell = exp(-0.5 * (x * x));
    let tail = bell * (t * polynomial);
    (if x < 0.0 { tail } else { 1.0 - tail }, bell)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference::activation as reference;
    use crate::testing::{assert_close, assert_gradient, values};
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    type Forward = fn(&[f32], &mut [f32]);
    type Backward = fn(&[f32], &[f32], &mut [f32]);
    type Definition = fn(f64) -> f64;

    /// Each kernel, its gradient and its definition.
    const ALL: [(&str, Forward, Backward, Definition); 4] = [
        (
            "leaky relu",
            |x, y| leaky_relu(0.1, x, y),
            |x, dy, dx| leaky_relu_backward(0.1, x, dy, dx),
            |x| reference::leaky_relu(f64::from(0.1f32), x),
        ),
        ("elu", |x, y| elu(1.5, x, y), |x, dy, dx| elu_backward(1.5, x, dy, dx), |x| reference::elu(1.5, x)),
        ("silu", silu, silu_backward, reference::silu),
        ("gelu", gelu, gelu_backward, reference::gelu),
    ];

    #[test]
    fn values_are_those_of_the_definition() {
        let x: Vec<f32> = (-1300..=1300).map(|i| i as f32 / 100.0).chain([1e-6, -1e-6, 100.0, -100.0, 0.0]).collect();
        for (name, forward, _, definition) in ALL {
            let mut y = vec![f32::NAN; x.len()];
            forward(&x, &mut y);
            for (&x, &y) in x.iter().zip(&y) {
                let exact = definition(f64::from(x));
                let error = (f64::from(y) - exact).abs();
                // Far out in a tail that falls as e^(-x^2), rounding x^2 costs some digits.
                let relative = if x < -3.0 { 1e-5 } else { 6e-7 };
                assert!(error <= relative * exact.abs() + 1e-36, "{name}({x}): {y} instead of {exact}");
            }
        }
    }

    #[test]
    fn gradients_are_the_differences_of_the_definition() {
        let x: Vec<f32> = values(1, 70).iter().map(|v| 6.0 * v).collect();
        let dy = values(2, x.len());
        for (_, _, backward, definition) in ALL {
            let mut dx = vec![f32::NAN; x.len()];
            backward(&x, &dy, &mut dx);
            assert_gradient(&x, &dx, 1e-4, 1e-5, |x| {
                x.iter().zip(&dy).map(|(&x, &dy)| definition(f64::from(x)) * f64::from(dy)).sum()
            });
        }
    }

    #[test]
    fn gradients_at_zero_and_values_that_are_no_numbers() {
        let expected = [0.1, 1.5, 0.5, 0.5];
        for ((name, forward, backward, _), expected) in ALL.into_iter().zip(expected) {
            let (mut y, mut dx) = ([9.0; 2], [9.0; 2]);
            backward(&[0.0, f32::NAN], &[1.0, 1.0], &mut dx);
            assert_close(&dx[..1], &[expected], 1e-6);
            forward(&[f32::INFINITY, f32::NAN], &mut y);
            assert!(y[0] == f32::INFINITY && y[1].is_nan(), "{name}");
        }
    }
}
