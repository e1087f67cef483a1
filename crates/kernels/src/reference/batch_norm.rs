//! Batch normalisation in `f64`, channel by channel.

fn column(x: &[f32], channels: usize, c: usize) -> impl Iterator<Item = f64> + '_ {
    x.iter().skip(c).step_by(channels).map(|&v| f64::from(v))
}

/// Mean and biased variance of each channel.
pub fn statistics(rows: usize, channels: usize, x: &[f32]) -> (Vec<f64>, Vec<f64>) {
    let mean = |c: usize| column(x, channels, c).sum::<f64>() / rows as f64;
    let variance = |c: usize| column(x, channels, c).map(|v| (v - mean(c)).powi(2)).sum::<f64>() / rows as f64;
    ((0..channels).map(mean).collect(), (0..channels).map(variance).collect())
}

/// `y` in training mode.
pub fn train_forward(rows: usize, channels: usize, x: &[f32], weight: &[f32], bias: &[f32], eps: f32) -> Vec<f64> {
    let (mean, variance) = statistics(rows, channels, x);
    x.iter()
        .enumerate()
        .map(|(i, &x)| {
            let c = i % channels;
            let normal = (f64::from(x) - mean[c]) / (variance[c] + f64::from(eps)).sqrt();
            normal * f64::from(weight[c]) + f64::from(bias[c])
        })
        .collect()
}
