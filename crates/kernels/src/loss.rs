//! Losses per sample, and softmax.
//!
//! `logits` and their gradients are `[n][classes]`, labels and losses `[n]`. Every loss grows as its sample
//! is classified worse; samples are never summed, so none can contaminate another. A NaN among a sample's
//! logits makes its loss NaN, and so is, with its gradient, a loss that needs more classes than there are. Exponentials and logarithms are libm's: the same bits on every platform.

use crate::parallel;

/// Samples of one piece of work.
const PIECE: usize = 128;

/// What to compute from the logits z of a sample of class y. "Best other" is the largest z_j, j != y.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// log sum_j exp(z_j) - z_y.
    CrossEntropy,
    /// best other - z_y: positive exactly when the sample is misclassified (or tied: zero).
    Margin,
    /// (best other - z_y) / (z_1st - z_3rd + 1e-12) with z_1st, z_3rd the largest and third largest: the
    /// margin, made independent of shift and scale (Croce and Hein 2020). At least three classes.
    Dlr,
}

impl Loss {
    /// Fewest classes for which the loss is defined.
    pub fn fewest_classes(self) -> usize {
        match self {
            Loss::CrossEntropy => 1,
            Loss::Margin => 2,
            Loss::Dlr => 3,
        }
    }

    fn check(self, n: usize, classes: usize, logits: &[f32], labels: &[u32]) {
        assert_eq!(logits.len(), n * classes, "logits");
        assert_eq!(labels.len(), n, "labels");
        for (i, &label) in labels.iter().enumerate() {
            assert!((label as usize) < classes, "labels[{i}] must be below {classes}, got {label}");
        }
    }
}

/// Added to the denominator of [`Loss::Dlr`].
const DLR_EPS: f32 = 1e-12;

/// Loss of each sample.
pub fn losses(kind: Loss, n: usize, classes: usize, logits: &[f32], labels: &[u32], losses: &mut [f32]) {
    kind.check(n, classes, logits, labels);
    assert_eq!(losses.len(), n, "losses");
    if classes < kind.fewest_classes() {
        losses.fill(f32::NAN);
        return;
    }
    parallel::for_each_chunk_mut(losses, PIECE, |piece, losses| {
        for (i, loss) in losses.iter_mut().enumerate() {
            let i = piece * PIECE + i;
            let z = &logits[i * classes..][..classes];
            let y = labels[i] as usize;
            *loss = match kind {
                Loss::CrossEntropy => log_sum_exp(z) - z[y],
                Loss::Margin => z[largest(z, &[y])] - z[y],
                Loss::Dlr => {
                    let (best_other, first, third) = dlr_places(z, y);
                    (z[best_other] - z[y]) / (z[first] - z[third] + DLR_EPS)
                }
            };
        }
    });
}

/// `scale` times the gradient of each sample's loss for its own logits.
pub fn gradient(kind: Loss, n: usize, classes: usize, logits: &[f32], labels: &[u32], scale: f32, dlogits: &mut [f32]) {
    kind.check(n, classes, logits, labels);
    assert_eq!(dlogits.len(), logits.len(), "dlogits");
    if classes < kind.fewest_classes() {
        dlogits.fill(f32::NAN);
        return;
    }
    parallel::for_each_chunk_mut(dlogits, PIECE * classes, |piece, dlogits| {
        for (i, dz) in dlogits.chunks_mut(classes).enumerate() {
            let i = piece * PIECE + i;
            let z = &logits[i * classes..][..classes];
            let y = labels[i] as usize;
            match kind {
                Loss::CrossEntropy => {
                    softmax_row(z, dz);
                    dz[y] -= 1.0;
                    dz.iter_mut().for_each(|d| *d *= scale);
                }
                Loss::Margin => {
                    dz.fill(0.0);
                    dz[largest(z, &[y])] = scale;
                    dz[y] = -scale;
                }
                Loss::Dlr => {
                    let (best_other, first, third) = dlr_places(z, y);
                    let denominator = z[first] - z[third] + DLR_EPS;
                    let numerator = z[best_other] - z[y];
                    let by_denominator = numerator / denominator * (scale / denominator);
                    dz.fill(0.0);
                    // The places may coincide: the best other is often the first.
                    dz[best_other] += scale / denominator;
                    dz[y] -= scale / denominator;
                    dz[first] -= by_denominator;
                    dz[third] += by_denominator;
                }
            }
        }
    });
}

/// Softmax of each row.
pub fn softmax(rows: usize, classes: usize, x: &[f32], y: &mut [f32]) {
    for_each_row(rows, classes, x, y, softmax_row);
}

/// Logarithm of the softmax of each row.
pub fn log_softmax(rows: usize, classes: usize, x: &[f32], y: &mut [f32]) {
    for_each_row(rows, classes, x, y, |x, y| {
        let top = x[largest(x, &[])];
        let log_sum = libm::logf(x.iter().map(|&v| libm::expf(v - top)).sum());
        for (y, &x) in y.iter_mut().zip(x) {
            *y = x - top - log_sum;
        }
    });
}

/// Gradient of [`softmax`] from its output: dx = y * (dy - sum(dy * y)).
pub fn softmax_backward(rows: usize, classes: usize, y: &[f32], dy: &[f32], dx: &mut [f32]) {
    for_each_row_pair(rows, classes, y, dy, dx, |y, dy, dx| {
        let sum: f32 = y.iter().zip(dy).map(|(&y, &dy)| y * dy).sum();
        for ((dx, &y), &dy) in dx.iter_mut().zip(y).zip(dy) {
            *dx = y * (dy - sum);
        }
    });
}

/// Gradient of [`log_softmax`] from its output: dx = dy - exp(y) * sum(dy).
pub fn log_softmax_backward(rows: usize, classes: usize, y: &[f32], dy: &[f32], dx: &mut [f32]) {
    for_each_row_pair(rows, classes, y, dy, dx, |y, dy, dx| {
        let sum: f32 = dy.iter().sum();
        for ((dx, &y), &dy) in dx.iter_mut().zip(y).zip(dy) {
            *dx = dy - libm::expf(y) * sum;
        }
    });
}

fn softmax_row(x: &[f32], y: &mut [f32]) {
    let top = x[largest(x, &[])];
    let mut sum = 0.0;
    for (y, &x) in y.iter_mut().zip(x) {
        *y = libm::expf(x - top);
        sum += *y;
    }
    y.iter_mut().for_each(|y| *y /= sum);
}

fn log_sum_exp(x: &[f32]) -> f32 {
    let top = x[largest(x, &[])];
    top + libm::logf(x.iter().map(|&v| libm::expf(v - top)).sum())
}

/// Place of the largest value, leaving out some places: the first of equal ones, and NaN counts as largest.
fn largest(x: &[f32], without: &[usize]) -> usize {
    let mut best: Option<usize> = None;
    for (i, &v) in x.iter().enumerate() {
        if !without.contains(&i) && best.is_none_or(|b| v > x[b] || (v.is_nan() && !x[b].is_nan())) {
            best = Some(i);
        }
    }
    best.expect("checked: enough classes")
}

/// Places of the best other, the largest and the third largest logit.
fn dlr_places(z: &[f32], y: usize) -> (usize, usize, usize) {
    let first = largest(z, &[]);
    let second = largest(z, &[first]);
    let third = largest(z, &[first, second]);
    (if first == y { second } else { first }, first, third)
}

fn for_each_row(
    rows: usize,
    classes: usize,
    x: &[f32],
    y: &mut [f32],
    work: impl Fn(&[f32], &mut [f32]) + Sync + Send,
) {
    for_each_row_pair(rows, classes, x, x, y, |x, _, y| work(x, y));
}

fn for_each_row_pair(
    rows: usize,
    classes: usize,
    a: &[f32],
    b: &[f32],
    out: &mut [f32],
    work: impl Fn(&[f32], &[f32], &mut [f32]) + Sync + Send,
) {
    assert!(classes > 0, "rows must have at least one class");
    assert_eq!(out.len(), rows * classes, "output");
    assert_eq!(a.len(), out.len(), "first input");
    assert_eq!(b.len(), out.len(), "second input");
    parallel::for_each_chunk_mut(out, PIECE * classes, |piece, out| {
        for (i, out) in out.chunks_mut(classes).enumerate() {
            let from = (piece * PIECE + i) * classes;
            work(&a[from..][..classes], &b[from..][..classes], out);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference::loss as reference;
    use crate::testing::{assert_close, assert_gradient, assert_same_bits, values};
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const KINDS: [Loss; 3] = [Loss::CrossEntropy, Loss::Margin, Loss::Dlr];

    fn problem(n: usize, classes: usize) -> (Vec<f32>, Vec<u32>) {
        let logits = values(1, n * classes).iter().map(|v| 5.0 * v).collect();
        (logits, (0..n).map(|i| (i * 7 % classes) as u32).collect())
    }

    #[test]
    fn losses_and_gradients_agree_with_reference() {
        for kind in KINDS {
            for (n, classes) in [(0, 3), (1, 3), (2, 4), (5, 10), (129, 10), (3, 100)] {
                let (logits, labels) = problem(n, classes);
                let mut actual = vec![f32::NAN; n];
                losses(kind, n, classes, &logits, &labels, &mut actual);
                let mut d = vec![f32::NAN; logits.len()];
                gradient(kind, n, classes, &logits, &labels, 0.5, &mut d);
                for i in 0..n {
                    let row = i * classes..(i + 1) * classes;
                    let f = |z: &[f32]| reference::loss(kind, z, labels[i] as usize);
                    assert_close(&actual[i..=i], &[f(&logits[row.clone()]) as f32], 2e-6);
                    assert_gradient(&logits[row.clone()], &d[row], 1e-4, 1e-3, |z| 0.5 * f(z));
                }
            }
        }
    }

    #[test]
    fn large_logits_do_not_overflow() {
        let mut loss = [0.0; 2];
        losses(Loss::CrossEntropy, 2, 2, &[1000.0, -1000.0, 3e38, 0.0], &[1, 0], &mut loss);
        assert_eq!(loss, [2000.0, 0.0]);
    }

    #[test]
    fn margin_is_positive_when_wrong_and_nan_stays_in_its_sample() {
        let logits = [1.0, 3.0, 2.0, 1.0, 3.0, 2.0, 1.0, f32::NAN, 0.0, 2.0, 2.0, 0.0];
        for kind in KINDS {
            let mut loss = [0.0; 4];
            losses(kind, 4, 3, &logits, &[1, 0, 0, 0], &mut loss);
            assert!(loss[0] < loss[1]);
            assert!(loss[2].is_nan());
            assert!(loss[3].is_finite());
        }
        let mut loss = [0.0; 4];
        losses(Loss::Margin, 4, 3, &logits, &[1, 0, 0, 0], &mut loss);
        assert_eq!((loss[0], loss[1], loss[3]), (-1.0, 2.0, 0.0));
    }

    #[test]
    fn a_loss_of_too_few_classes_is_nan() {
        for (kind, classes) in [(Loss::Margin, 1), (Loss::Dlr, 1), (Loss::Dlr, 2)] {
            let logits = vec![0.5; 3 * classes];
            let (mut loss, mut d) = ([0.0; 3], vec![0.0; logits.len()]);
            losses(kind, 3, classes, &logits, &[0; 3], &mut loss);
            gradient(kind, 3, classes, &logits, &[0; 3], 1.0, &mut d);
            assert!(loss.iter().chain(&d).all(|v| v.is_nan()), "{kind:?} of {classes}");
        }
        let mut loss = [9.0];
        losses(Loss::CrossEntropy, 1, 1, &[0.5], &[0], &mut loss);
        assert_eq!(loss, [0.0]);
    }

    #[test]
    fn two_classes_have_a_margin() {
        let mut d = [0.0; 2];
        gradient(Loss::Margin, 1, 2, &[0.0, 0.0], &[1], 2.0, &mut d);
        assert_eq!(d, [2.0, -2.0]);
    }

    #[test]
    fn softmax_and_gradients() {
        for (rows, classes) in [(0, 2), (1, 1), (2, 3), (130, 10)] {
            let (x, _) = problem(rows, classes);
            let direction = values(2, x.len());
            let (mut y, mut dx) = (vec![f32::NAN; x.len()], vec![f32::NAN; x.len()]);
            for log in [false, true] {
                if log {
                    log_softmax(rows, classes, &x, &mut y);
                    log_softmax_backward(rows, classes, &y, &direction, &mut dx);
                } else {
                    softmax(rows, classes, &x, &mut y);
                    softmax_backward(rows, classes, &y, &direction, &mut dx);
                }
                for row in (0..rows).map(|i| i * classes..(i + 1) * classes) {
                    let f = |x: &[f32]| reference::softmax(x, log);
                    let expected: Vec<f32> = f(&x[row.clone()]).iter().map(|&v| v as f32).collect();
                    assert_close(&y[row.clone()], &expected, 1e-6);
                    assert_gradient(&x[row.clone()], &dx[row.clone()], 1e-4, 1e-4, |x| {
                        f(x).iter().zip(&direction[row.clone()]).map(|(&y, &d)| y * f64::from(d)).sum()
                    });
                }
            }
        }
    }

    #[test]
    fn same_bits_for_any_threads() {
        let (logits, labels) = problem(1000, 10);
        assert_same_bits(|| {
            let mut d = vec![0.0; logits.len()];
            gradient(Loss::CrossEntropy, 1000, 10, &logits, &labels, 1.0, &mut d);
            d
        });
    }
}
