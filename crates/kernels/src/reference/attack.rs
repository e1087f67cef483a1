//! Queries, sums and steps of attacks, one value after another, one pass after another.

use crate::attack::ball::Layout;

/// The points on both sides of `point`, first all of one side.
pub fn queries(sigma: f64, point: &[f32], directions: &[f32]) -> Vec<f32> {
    let at = |i: usize, offset: f64| (f64::from(point[i % point.len()]) + offset) as f32;
    let offset = |i: usize| sigma * f64::from(directions[i]);
    let plus = (0..directions.len()).map(|i| at(i, offset(i)));
    plus.chain((0..directions.len()).map(|i| at(i, -offset(i)))).collect()
}

/// `sums` and the weighted directions, each sum in order of the pairs.
pub fn add_directions(weights: &[f64], directions: &[f32], sums: &[f64]) -> Vec<f64> {
    let size = sums.len();
    let direction = |pair: usize, i: usize| f64::from(directions[pair * size + i]);
    (0..size).map(|i| (0..weights.len()).fold(sums[i], |sum, pair| sum + weights[pair] * direction(pair, i))).collect()
}

/// `Math.max`, by its definition.
fn math_max(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() {
        f64::NAN
    } else if a == 0.0 && b == 0.0 {
        if a.is_sign_positive() || b.is_sign_positive() {
            0.0
        } else {
            -0.0
        }
    } else if a > b {
        a
    } else {
        b
    }
}

/// `Math.min`, by its definition.
fn math_min(a: f64, b: f64) -> f64 {
    -math_max(-a, -b)
}

fn clip(values: &[f32]) -> Vec<f32> {
    values.iter().map(|&v| math_min(math_max(f64::from(v), 0.0), 1.0) as f32).collect()
}

/// Step along the sign, projection, box.
pub fn linf_step(adversarial: &[f32], gradient: &[f32], x: &[f32], step: f64, epsilon: f64) -> Vec<f32> {
    let sign = |v: f32| {
        if v.is_nan() {
            f64::NAN
        } else {
            f64::from(u8::from(v > 0.0)) - f64::from(u8::from(v < 0.0))
        }
    };
    let moved: Vec<f32> =
        adversarial.iter().zip(gradient).map(|(&a, &g)| (f64::from(a) + step * sign(g)) as f32).collect();
    let inside: Vec<f32> = moved
        .iter()
        .zip(x)
        .map(|(&a, &x)| {
            let x = f64::from(x);
            math_min(math_max(f64::from(a), x - epsilon), x + epsilon) as f32
        })
        .collect();
    clip(&inside)
}

/// Step along the direction, projection, box, sample by sample; `[pixels][channels]`.
pub fn l2_step(layout: &Layout, adversarial: &[f32], gradient: &[f32], x: &[f32], step: f64, epsilon: f64) -> Vec<f32> {
    let (pixels, channels) = (layout.pixels, layout.channels);
    let len = pixels * channels;
    let length = |values: &[f32]| {
        let order = (0..channels).flat_map(|c| (0..pixels).map(move |p| p * channels + c));
        order.map(|i| f64::from(values[i]) * f64::from(values[i])).fold(0.0, |sum, v| sum + v).sqrt()
    };
    let mut result = adversarial.to_vec();
    for s in 0..layout.n {
        let range = s * len..(s + 1) * len;
        let (sample, gradient, x) = (&mut result[range.clone()], &gradient[range.clone()], &x[range]);
        let norm = length(gradient);
        if norm != 0.0 {
            for i in 0..len {
                sample[i] = (f64::from(sample[i]) + step * f64::from(gradient[i]) / norm) as f32;
            }
        }
        let difference: Vec<f32> = sample.iter().zip(x).map(|(a, x)| (f64::from(*a) - f64::from(*x)) as f32).collect();
        let distance = f64::from(length(&difference) as f32);
        if distance.is_nan() || distance > epsilon {
            let scale = epsilon / distance;
            for i in 0..len {
                sample[i] = (f64::from(x[i]) + (f64::from(sample[i]) - f64::from(x[i])) * scale) as f32;
            }
        }
    }
    clip(&result)
}
