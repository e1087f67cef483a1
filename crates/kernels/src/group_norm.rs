//! Normalisation over groups of channels of each sample: y = (x - mean) / sqrt(variance + eps) * weight + bias, with the
//! biased variance of the group's channels at all pixels. One group is layer normalisation.
//!
//! `x`, `y` and their gradients are `[n][pixels][channels]`. Weight and bias stand for each channel, or for each value
//! of a sample in its order, `[pixels][channels]`. Sums of a sample are its own; those over samples go by columns, row
//! after row, in `f64`.

use crate::parallel::for_each_chunk_mut;
use crate::scratch;
use crate::sizes::product;

/// Sizes of a normalisation.
#[derive(Clone, Copy, Debug)]
pub struct GroupNormShape {
    /// Samples.
    pub n: usize,
    /// Pixels of a sample, h * w.
    pub pixels: usize,
    /// Channels of a pixel.
    pub channels: usize,
    /// Groups of channels; they divide the channels.
    pub groups: usize,
    /// Weight and bias stand for each value of a sample, not for each channel.
    pub by_value: bool,
}

impl GroupNormShape {
    /// Panics unless memory can hold the batch and the groups are whole.
    pub fn check(&self) {
        product([self.n.max(1), self.pixels, self.channels]);
        product([self.n, 2, self.groups]);
        let whole = self.groups > 0 && self.channels > 0 && self.channels.is_multiple_of(self.groups);
        assert!(whole, "groups: {} of {} channels", self.groups, self.channels);
    }

    /// Values of the batch.
    pub fn len(&self) -> usize {
        self.n * self.sample_len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Means and inverse deviations, `[n][2][groups]`.
    pub fn statistics_len(&self) -> usize {
        self.n * 2 * self.groups
    }

    /// Values of weight and bias.
    pub fn parameters_len(&self) -> usize {
        if self.by_value {
            self.sample_len()
        } else {
            self.channels
        }
    }

    fn sample_len(&self) -> usize {
        self.pixels * self.channels
    }

    /// Channels of a group.
    fn width(&self) -> usize {
        self.channels / self.groups
    }

    /// The part of `parameters` for pixel `pixel`, by channel.
    fn at<'a>(&self, parameters: &'a [f32], pixel: usize) -> &'a [f32] {
        let first = if self.by_value { pixel * self.channels } else { 0 };
        &parameters[first..first + self.channels]
    }
}

/// Values of which a sum is kept in `f32`.
const BLOCK: usize = 256;
/// Sums side by side, so that they vectorise.
const LANES: usize = 8;
/// Parameters of a piece of work.
const COLUMNS: usize = 64;

/// Sum of `term(i)` for i below `len`.
#[inline(always)]
fn sum_of(len: usize, term: impl Fn(usize) -> f32) -> f64 {
    let mut sum = 0.0;
    let mut first = 0;
    while first < len {
        let end = (first + BLOCK).min(len);
        let mut lanes = [0.0f32; LANES];
        let whole = (end - first) / LANES * LANES + first;
        for i in (first..whole).step_by(LANES) {
            for (lane, sum) in lanes.iter_mut().enumerate() {
                *sum += term(i + lane);
            }
        }
        sum += lanes.iter().map(|&v| f64::from(v)).sum::<f64>();
        sum += (whole..end).map(|i| f64::from(term(i))).sum::<f64>();
        first = end;
    }
    sum
}

/// Normalises; leaves means and inverse deviations in `statistics`.
pub fn forward(
    shape: &GroupNormShape,
    x: &[f32],
    weight: &[f32],
    bias: &[f32],
    eps: f32,
    statistics: &mut [f32],
    y: &mut [f32],
) {
    let (len, groups, width) = (shape.sample_len(), shape.groups, shape.width());
    assert_eq!(x.len(), shape.len(), "x");
    assert_eq!(y.len(), x.len(), "y");
    assert_eq!(weight.len(), shape.parameters_len(), "weight");
    assert_eq!(bias.len(), weight.len(), "bias");
    assert_eq!(statistics.len(), shape.statistics_len(), "statistics");
    for_each_chunk_mut(statistics, 2 * groups, |s, statistics| {
        let (mean, inverse) = statistics.split_at_mut(groups);
        statistics_of(shape, &x[s * len..][..len], eps, mean, inverse);
    });
    for_each_chunk_mut(y, len, |s, y| {
        let x = &x[s * len..][..len];
        let (mean, inverse) = statistics[2 * groups * s..][..2 * groups].split_at(groups);
        let rows = y.chunks_exact_mut(shape.channels).zip(x.chunks_exact(shape.channels));
        for (pixel, (y, x)) in rows.enumerate() {
            let (weight, bias) = (shape.at(weight, pixel), shape.at(bias, pixel));
            for g in 0..groups {
                let (mean, inverse) = (mean[g], inverse[g]);
                let range = g * width..(g + 1) * width;
                let parameters = weight[range.clone()].iter().zip(&bias[range.clone()]);
                for ((y, &x), (&weight, &bias)) in y[range.clone()].iter_mut().zip(&x[range]).zip(parameters) {
                    *y = (x - mean) * inverse * weight + bias;
                }
            }
        }
    });
}

/// Mean and inverse deviation of each group of one sample.
fn statistics_of(shape: &GroupNormShape, x: &[f32], eps: f32, mean: &mut [f32], inverse: &mut [f32]) {
    let width = shape.width();
    let count = (shape.pixels * width) as f64;
    scratch::with_f64(2 * shape.groups, |sums| {
        sums.fill(0.0);
        let (left, squares) = sums.split_at_mut(shape.groups);
        for row in x.chunks_exact(shape.channels) {
            for (sum, x) in left.iter_mut().zip(row.chunks_exact(width)) {
                *sum += sum_of(width, |i| x[i]);
            }
        }
        for (mean, sum) in mean.iter_mut().zip(&mut *left) {
            *mean = (*sum / count) as f32;
            *sum = 0.0;
        }
        for row in x.chunks_exact(shape.channels) {
            let groups = left.iter_mut().zip(&mut *squares).zip(&*mean).zip(row.chunks_exact(width));
            for (((left, squares), &mean), x) in groups {
                *left += sum_of(width, |i| x[i] - mean);
                *squares += sum_of(width, |i| (x[i] - mean) * (x[i] - mean));
            }
        }
        for (inverse, (&left, &squares)) in inverse.iter_mut().zip(left.iter().zip(&*squares)) {
            // What rounding the mean has left.
            let variance = squares / count - (left / count) * (left / count);
            let variance = if variance < 0.0 { 0.0 } else { variance };
            *inverse = (1.0 / (variance + f64::from(eps)).sqrt()) as f32;
        }
    });
}

/// Gradient of [`forward`] for `x`.
pub fn backward(shape: &GroupNormShape, x: &[f32], dy: &[f32], weight: &[f32], statistics: &[f32], dx: &mut [f32]) {
    let (len, groups, width) = (shape.sample_len(), shape.groups, shape.width());
    assert_eq!(x.len(), shape.len(), "x");
    assert_eq!(dy.len(), x.len(), "dy");
    assert_eq!(dx.len(), x.len(), "dx");
    assert_eq!(weight.len(), shape.parameters_len(), "weight");
    assert_eq!(statistics.len(), shape.statistics_len(), "statistics");
    let count = (shape.pixels * width) as f64;
    for_each_chunk_mut(dx, len, |s, dx| {
        let (x, dy) = (&x[s * len..][..len], &dy[s * len..][..len]);
        let (mean, inverse) = statistics[2 * groups * s..][..2 * groups].split_at(groups);
        let rows = || x.chunks_exact(shape.channels).zip(dy.chunks_exact(shape.channels)).enumerate();
        scratch::with_f64(2 * groups, |sums| {
            sums.fill(0.0);
            let (shares, slopes) = sums.split_at_mut(groups);
            for (pixel, (x, dy)) in rows() {
                let weight = shape.at(weight, pixel);
                for g in 0..groups {
                    let range = g * width..(g + 1) * width;
                    let (x, dy, weight) = (&x[range.clone()], &dy[range.clone()], &weight[range]);
                    shares[g] += sum_of(width, |i| dy[i] * weight[i]);
                    slopes[g] += sum_of(width, |i| dy[i] * weight[i] * (x[i] - mean[g]));
                }
            }
            for (pixel, (x, dy)) in rows() {
                let weight = shape.at(weight, pixel);
                for g in 0..groups {
                    let (mean, inverse) = (mean[g], inverse[g]);
                    let share = (shares[g] / count) as f32;
                    let slope = (slopes[g] / count * f64::from(inverse) * f64::from(inverse)) as f32;
                    let range = g * width..(g + 1) * width;
                    let inputs = x[range.clone()].iter().zip(&dy[range.clone()]).zip(&weight[range.clone()]);
                    let dx = &mut dx[pixel * shape.channels..][range];
                    for (dx, ((&x, &dy), &weight)) in dx.iter_mut().zip(inputs) {
                        *dx = inverse * (dy * weight - share - (x - mean) * slope);
                    }
                }
            }
        });
    });
}

/// Gradients of [`forward`] for weight and bias.
pub fn parameter_gradients(
    shape: &GroupNormShape,
    x: &[f32],
    dy: &[f32],
    statistics: &[f32],
    dweight: &mut [f32],
    dbias: &mut [f32],
) {
    let parameters = shape.parameters_len();
    assert_eq!(x.len(), shape.len(), "x");
    assert_eq!(dy.len(), x.len(), "dy");
    assert_eq!(statistics.len(), shape.statistics_len(), "statistics");
    assert_eq!(dweight.len(), parameters, "dweight");
    assert_eq!(dbias.len(), parameters, "dbias");
    // Rows of as many values as there are parameters, of which each sample has so many.
    let rows = shape.sample_len() / parameters.max(1);
    column_sums(dy.len(), dbias, |_, _, at| dy[at]);
    column_sums(dy.len(), dweight, |row, column, at| {
        let first = 2 * shape.groups * (row / rows);
        let group = column % shape.channels / shape.width();
        dy[at] * ((x[at] - statistics[first + group]) * statistics[first + shape.groups + group])
    });
}

/// `sums[column]` is the sum of `term(row, column, place)` over all rows of `len` values.
fn column_sums(len: usize, sums: &mut [f32], term: impl Fn(usize, usize, usize) -> f32 + Sync + Send) {
    let columns = sums.len();
    for_each_chunk_mut(sums, COLUMNS, |i, sums| {
        scratch::with_f64(sums.len(), |exact| {
            exact.fill(0.0);
            for row in 0..len / columns {
                for (column, exact) in exact.iter_mut().enumerate() {
                    let column = i * COLUMNS + column;
                    *exact += f64::from(term(row, column, row * columns + column));
                }
            }
            for (sum, &exact) in sums.iter_mut().zip(&*exact) {
                *sum = exact as f32;
            }
        });
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference::group_norm as reference;
    use crate::testing::{assert_close, assert_gradient, assert_same_bits, values};
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const EPS: f32 = 1e-5;

    /// Below and above a vector, a block of a sum and a piece of parameters.
    fn shapes() -> impl Iterator<Item = GroupNormShape> {
        [(0, 4, 6, 2), (1, 1, 5, 1), (2, 9, 6, 3), (3, 4, 16, 16), (2, 25, 70, 5), (2, 3, 300, 1), (1, 49, 72, 9)]
            .into_iter()
            .flat_map(|(n, pixels, channels, groups)| {
                [false, true].map(|by_value| GroupNormShape { n, pixels, channels, groups, by_value })
            })
    }

    fn parameters(shape: &GroupNormShape) -> (Vec<f32>, Vec<f32>) {
        let len = shape.parameters_len();
        (values(7, len).iter().map(|v| v + 1.5).collect(), values(8, len))
    }

    fn run(shape: &GroupNormShape, x: &[f32]) -> (Vec<f32>, Vec<f32>) {
        let (weight, bias) = parameters(shape);
        let (mut statistics, mut y) = (vec![f32::NAN; shape.statistics_len()], vec![f32::NAN; x.len()]);
        forward(shape, x, &weight, &bias, EPS, &mut statistics, &mut y);
        (statistics, y)
    }

    #[test]
    fn agrees_with_reference() {
        for shape in shapes() {
            shape.check();
            let (weight, bias) = parameters(&shape);
            for offset in [0.0, 100.0] {
                let x: Vec<f32> = values(1, shape.len()).iter().map(|v| v + offset).collect();
                let expected: Vec<f32> =
                    reference::forward(&shape, &x, &weight, &bias, EPS).into_iter().map(|v| v as f32).collect();
                assert_close(&run(&shape, &x).1, &expected, 1e-6 * (1.0 + offset));
            }
        }
    }

    #[test]
    fn gradients_are_differences_of_the_reference() {
        for shape in shapes().filter(|shape| shape.len() < 300) {
            let (x, dy) = (values(1, shape.len()), values(2, shape.len()));
            let (weight, bias) = parameters(&shape);
            let (statistics, _) = run(&shape, &x);
            let loss = |x: &[f32], weight: &[f32], bias: &[f32]| -> f64 {
                let y = reference::forward(&shape, x, weight, bias, EPS);
                y.iter().zip(&dy).map(|(y, &dy)| y * f64::from(dy)).sum()
            };
            let mut dx = vec![f32::NAN; x.len()];
            backward(&shape, &x, &dy, &weight, &statistics, &mut dx);
            assert_gradient(&x, &dx, 1e-4, 1e-4, |x| loss(x, &weight, &bias));
            let (mut dweight, mut dbias) = (vec![f32::NAN; weight.len()], vec![f32::NAN; bias.len()]);
            parameter_gradients(&shape, &x, &dy, &statistics, &mut dweight, &mut dbias);
            assert_gradient(&weight, &dweight, 1e-3, 1e-5, |weight| loss(&x, weight, &bias));
            assert_gradient(&bias, &dbias, 1e-3, 1e-5, |bias| loss(&x, &weight, bias));
        }
    }

    #[test]
    fn a_constant_group_is_zero_and_has_no_gradient_but_by_its_parameters() {
        let shape = GroupNormShape { n: 1, pixels: 4, channels: 2, groups: 1, by_value: false };
        let (mut statistics, mut y, mut dx) = ([0.0; 2], [9.0; 8], [9.0; 8]);
        forward(&shape, &[3.1; 8], &[2.0; 2], &[0.5; 2], EPS, &mut statistics, &mut y);
        assert_close(&y, &[0.5; 8], 1e-4);
        backward(&shape, &[3.1; 8], &[1.0; 8], &[2.0; 2], &statistics, &mut dx);
        assert_close(&dx, &[0.0; 8], 1e-6);
    }

    #[test]
    fn same_bits_for_any_threads() {
        let shape = GroupNormShape { n: 5, pixels: 36, channels: 96, groups: 6, by_value: true };
        let (x, dy) = (values(1, shape.len()), values(2, shape.len()));
        assert_same_bits(|| {
            let (statistics, mut all) = run(&shape, &x);
            let len = shape.parameters_len();
            let (mut dx, mut dweight, mut dbias) = (vec![0.0; x.len()], vec![0.0; len], vec![0.0; len]);
            backward(&shape, &x, &dy, &parameters(&shape).0, &statistics, &mut dx);
            parameter_gradients(&shape, &x, &dy, &statistics, &mut dweight, &mut dbias);
            all.extend(statistics.into_iter().chain(dx).chain(dweight).chain(dbias));
            all
        });
    }
}
