//! Losses of one sample and softmax of one row, in `f64`.

use crate::loss::Loss;

/// Loss of the logits `z` of a sample of class `y`.
pub fn loss(kind: Loss, z: &[f32], y: usize) -> f64 {
    let others = z.iter().enumerate().filter(|&(j, _)| j != y);
    let best_other = others.map(|(_, &v)| f64::from(v)).fold(f64::NEG_INFINITY, f64::max);
    let margin = best_other - f64::from(z[y]);
    let mut sorted: Vec<f64> = z.iter().map(|&v| f64::from(v)).collect();
    sorted.sort_by(|a, b| b.total_cmp(a));
    match kind {
        Loss::CrossEntropy => -softmax(z, true)[y],
        Loss::Margin => margin,
        Loss::Dlr => margin / (sorted[0] - sorted[2] + 1e-12),
    }
}

/// Softmax of a row, or its logarithm.
pub fn softmax(x: &[f32], log: bool) -> Vec<f64> {
    let sum: f64 = x.iter().map(|&v| f64::from(v).exp()).sum();
    x.iter().map(|&v| if log { f64::from(v) - sum.ln() } else { f64::from(v).exp() / sum }).collect()
}
