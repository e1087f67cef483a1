//! Group normalisation in `f64`, group by group.

use crate::group_norm::GroupNormShape;

/// `y`.
pub fn forward(shape: &GroupNormShape, x: &[f32], weight: &[f32], bias: &[f32], eps: f32) -> Vec<f64> {
    let &GroupNormShape { n, pixels, channels, groups, .. } = shape;
    let width = channels / groups;
    let mut y = vec![0.0; x.len()];
    for s in 0..n {
        for g in 0..groups {
            let place = |i: usize| (s * pixels + i / width) * channels + g * width + i % width;
            let count = pixels * width;
            let mean = (0..count).map(|i| f64::from(x[place(i)])).sum::<f64>() / count as f64;
            let squares: f64 = (0..count).map(|i| (f64::from(x[place(i)]) - mean).powi(2)).sum();
            let deviation = (squares / count as f64 + f64::from(eps)).sqrt();
            for at in (0..count).map(place) {
                let parameter = at % weight.len();
                let normal = (f64::from(x[at]) - mean) / deviation;
                y[at] = normal * f64::from(weight[parameter]) + f64::from(bias[parameter]);
            }
        }
    }
    y
}
