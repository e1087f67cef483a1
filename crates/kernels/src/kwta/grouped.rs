//! k-WTA where values are ranked by something else than themselves, or where the k winners are chosen in each of several
//! groups of a sample: in each channel over all pixels, or in each pixel over all channels.
//!
//! What ranks a value is its key ([`keys`]): the value or its magnitude, times the boost of its channel. A channel is
//! boosted when it won less often than its share: [`DutyCycle`] is how often it did lately (Ahmad & Scheinkman 2019).

use super::{for_each_sample, forward_sample, has_nan, lanes_of, NotANumber, Ties};
use crate::denormal::flushed;
use crate::elementwise::{for_each_rows, nhwc_to_nchw};
use crate::parallel::for_each_chunk_mut;
use crate::scratch;
use crate::select;
use crate::simd::{F32x4, Vector};
use crate::sparse::{compress_sample, load_up_to_four, OutSample, Pattern, SparseShape};

/// The values among which k win.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All of a sample.
    Layer,
    /// One channel's, at all pixels.
    Channel,
    /// One pixel's, in all channels.
    Pixel,
}

impl Scope {
    /// The scope of this number, in the order above; panics for another.
    pub fn of(number: u32) -> Self {
        match number {
            0 => Self::Layer,
            1 => Self::Channel,
            2 => Self::Pixel,
            _ => panic!("scope: there is none of the number {number}"),
        }
    }

    /// Groups of a sample.
    pub fn groups(self, shape: &SparseShape) -> usize {
        match self {
            Self::Layer => 1,
            Self::Channel => shape.channels,
            Self::Pixel => shape.pixels,
        }
    }

    /// Values of a group.
    pub fn len(self, shape: &SparseShape) -> usize {
        match self {
            Self::Layer => shape.sample_len(),
            Self::Channel => shape.pixels,
            Self::Pixel => shape.channels,
        }
    }

    /// The group of a value.
    #[inline(always)]
    fn group(self, pixel: usize, channel: usize) -> usize {
        match self {
            Self::Layer => 0,
            Self::Channel => channel,
            Self::Pixel => pixel,
        }
    }
}

/// What ranks each value of `x [rows][channels]`: itself or its magnitude, times the factor of its channel, if there are any.
pub fn keys(channels: usize, x: &[f32], factors: Option<&[f32]>, magnitude: bool, keys: &mut [f32]) {
    assert_eq!(keys.len(), x.len(), "keys");
    assert!(factors.is_none_or(|factors| factors.len() == channels), "factors");
    for_each_rows(channels, keys, |from, keys| {
        for (key, &x) in keys.iter_mut().zip(&x[from..]) {
            *key = if magnitude { x.abs() } else { x };
        }
        if let Some(factors) = factors {
            for row in keys.chunks_mut(channels) {
                row.iter_mut().zip(factors).for_each(|(key, factor)| *key *= factor);
            }
        }
    });
}

/// Keeps the values of `x [n][pixels][channels]` with the `k` largest keys of each group, as [`super::forward`] does. Ties go
/// to the lowest C,H,W index.
///
/// `shape.capacity` must be at least k for each group with [`Ties::Lowest`] and the whole sample with [`Ties::Keep`].
pub fn forward(
    shape: &SparseShape,
    scope: Scope,
    x: &[f32],
    keys: &[f32],
    k: usize,
    ties: Ties,
    start: &mut [u32],
    channel: &mut [u32],
    value: &mut [f32],
) -> Result<(), NotANumber> {
    let (len, groups) = (shape.sample_len(), scope.groups(shape));
    assert!((1..=scope.len(shape)).contains(&k), "k: {k} of {} values", scope.len(shape));
    assert!(shape.capacity >= if ties == Ties::Keep { len } else { k * groups }, "capacity");
    assert_eq!(x.len(), shape.n * len, "x");
    assert_eq!(keys.len(), x.len(), "keys");
    for_each_sample(shape, start, channel, value, |s, out| {
        let (x, keys) = (&x[s * len..][..len], &keys[s * len..][..len]);
        if scope == Scope::Layer {
            return forward_sample(shape, keys, k, ties, out) && take_values(shape.channels, x, out);
        }
        if has_nan(keys) {
            return false;
        }
        scratch::with(groups, |thresholds| {
            find_thresholds(shape, scope, keys, k, thresholds);
            keep(shape, scope, x, keys, k, ties, thresholds, out);
        });
        true
    })
}

/// Puts the values of `x` in place of the keys of the entries.
fn take_values(channels: usize, x: &[f32], out: &mut OutSample) -> bool {
    for (row, range) in x.chunks_exact(channels).zip(out.start.windows(2)) {
        let range = range[0] as usize..range[1] as usize;
        for (value, &channel) in out.value[range.clone()].iter_mut().zip(&out.channel[range]) {
            *value = row[channel as usize];
        }
    }
    true
}

/// The k-th largest key of each group, `[n][groups]`; `keys [n][pixels][channels]` hold no NaN.
pub fn thresholds(shape: &SparseShape, scope: Scope, keys: &[f32], k: usize, thresholds: &mut [f32]) {
    let (len, groups) = (shape.sample_len(), scope.groups(shape));
    assert_eq!(keys.len(), shape.n * len, "keys");
    assert_eq!(thresholds.len(), shape.n * groups, "thresholds");
    for_each_chunk_mut(thresholds, groups, |s, thresholds| {
        find_thresholds(shape, scope, &keys[s * len..][..len], k, thresholds);
    });
}

/// The same of one sample.
fn find_thresholds(shape: &SparseShape, scope: Scope, keys: &[f32], k: usize, thresholds: &mut [f32]) {
    let len = scope.len(shape);
    let find = |groups: &[f32], thresholds: &mut [f32]| {
        scratch::with(select::scratch_len(len), |scratch| {
            for (group, threshold) in groups.chunks_exact(len).zip(thresholds) {
                *threshold = select::kth_largest(group, k, scratch).value;
            }
        });
    };
    if scope != Scope::Channel {
        return find(keys, thresholds);
    }
    scratch::with(keys.len(), |by_channel| {
        nhwc_to_nchw(1, shape.channels, shape.pixels, keys, by_channel);
        find(by_channel, thresholds);
    });
}

/// Writes the winners of one sample; `scope` is a channel or a pixel, in which C,H,W order is that of memory.
fn keep(
    shape: &SparseShape,
    scope: Scope,
    x: &[f32],
    keys: &[f32],
    k: usize,
    ties: Ties,
    thresholds: &[f32],
    out: &mut OutSample,
) {
    let channels = shape.channels;
    // How many keys that equal their group's threshold may still come through.
    scratch::with_u32(thresholds.len(), |left| {
        left.fill(if ties == Ties::Keep { u32::MAX } else { k as u32 });
        if ties == Ties::Lowest {
            for (pixel, row) in keys.chunks_exact(channels).enumerate() {
                if scope == Scope::Pixel {
                    left[pixel] -= row.iter().map(|&key| u32::from(key > thresholds[pixel])).sum::<u32>();
                } else {
                    for ((left, &threshold), &key) in left.iter_mut().zip(thresholds).zip(row) {
                        *left -= u32::from(key > threshold);
                    }
                }
            }
        }
        compress_sample(x, channels, out, |pixel, c, _| {
            let lanes = load_up_to_four(&keys[pixel * channels + c..(pixel + 1) * channels]);
            let threshold = match scope {
                Scope::Pixel => F32x4::splat(thresholds[pixel]),
                _ => load_up_to_four(&thresholds[c..]),
            };
            let mut mask = lanes.gt_mask(threshold);
            for lane in lanes_of(lanes.eq_mask(threshold)).filter(|lane| c + lane < channels) {
                let left = &mut left[scope.group(pixel, c + lane)];
                if *left > 0 {
                    *left -= 1;
                    mask |= 1 << lane;
                }
            }
            mask
        });
    });
}

/// How often channels won lately.
pub struct DutyCycle<'a> {
    /// Share of a channel's values that won, over the samples remembered, `[channels]`.
    pub shares: &'a mut [f32],
    /// Samples that are remembered, at most the period: `[1]`, a whole number.
    pub samples: &'a mut [f32],
}

impl DutyCycle<'_> {
    /// Takes a batch of winners in; what is older than `period` samples fades.
    pub fn update(&mut self, pattern: &Pattern, period: usize) {
        let SparseShape { n, pixels, channels, .. } = pattern.shape;
        assert_eq!(self.shares.len(), channels, "shares");
        assert_eq!(self.samples.len(), 1, "samples");
        let remembered = (self.samples[0] as usize + n).min(period.max(n));
        let kept = remembered.saturating_sub(n) as f64;
        scratch::with_u32(channels, |wins| {
            wins.fill(0);
            for s in 0..n {
                pattern.channels(s).iter().for_each(|&channel| wins[channel as usize] += 1);
            }
            for (share, &wins) in self.shares.iter_mut().zip(&*wins) {
                let new = f64::from(wins) / pixels as f64;
                *share = flushed(((f64::from(*share) * kept + new) / remembered as f64) as f32);
            }
        });
        self.samples[0] = remembered.min(period) as f32;
    }
}

/// `factors[c] = e^(strength * (target - shares[c]))`.
pub fn boosts(shares: &[f32], target: f32, strength: f32, factors: &mut [f32]) {
    assert_eq!(factors.len(), shares.len(), "factors");
    for (factor, &share) in factors.iter_mut().zip(shares) {
        *factor = libm::expf(strength * (target - share));
    }
}

/// Gradient of k-WTA as if it were x * sigmoid((key - threshold) / temperature) with the second factor fixed; `dx`, `dy`
/// and `keys` are `[n][pixels][channels]`, `thresholds` `[n][groups]`.
pub fn softmask_backward(
    shape: &SparseShape,
    scope: Scope,
    keys: &[f32],
    thresholds: &[f32],
    temperature: f32,
    dy: &[f32],
    dx: &mut [f32],
) {
    let (len, groups, channels) = (shape.sample_len(), scope.groups(shape), shape.channels);
    assert_eq!(keys.len(), shape.n * len, "keys");
    assert_eq!(dy.len(), keys.len(), "dy");
    assert_eq!(dx.len(), keys.len(), "dx");
    assert_eq!(thresholds.len(), shape.n * groups, "thresholds");
    assert!(temperature > 0.0, "temperature must be positive");
    for_each_chunk_mut(dx, len, |s, dx| {
        let thresholds = &thresholds[s * groups..][..groups];
        let rows = dx.chunks_mut(channels).zip(keys[s * len..].chunks(channels)).zip(dy[s * len..].chunks(channels));
        for (pixel, ((dx, keys), dy)) in rows.enumerate() {
            let soft =
                |key: f32, threshold: f32, dy: f32| dy / (1.0 + crate::exp::exp((threshold - key) / temperature));
            let values = dx.iter_mut().zip(keys).zip(dy);
            if scope == Scope::Channel {
                values.zip(thresholds).for_each(|(((dx, &key), &dy), &threshold)| *dx = soft(key, threshold, dy));
            } else {
                let threshold = thresholds[scope.group(pixel, 0)];
                values.for_each(|((dx, &key), &dy)| *dx = soft(key, threshold, dy));
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference::kwta as reference;
    use crate::sparse::densify;
    use crate::testing::{assert_close, assert_gradient, assert_same_bits, values};
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const SCOPES: [Scope; 3] = [Scope::Layer, Scope::Channel, Scope::Pixel];

    fn shape(n: usize, pixels: usize, channels: usize, scope: Scope, k: usize, ties: Ties) -> SparseShape {
        let shape = SparseShape { n, pixels, channels, capacity: 0 };
        let capacity = if ties == Ties::Keep { pixels * channels } else { k * scope.groups(&shape) };
        SparseShape { capacity, ..shape }
    }

    struct Output {
        dense: Vec<f32>,
        start: Vec<u32>,
        channel: Vec<u32>,
    }

    fn run(
        shape: &SparseShape,
        scope: Scope,
        x: &[f32],
        of: &[f32],
        k: usize,
        ties: Ties,
    ) -> Result<Output, NotANumber> {
        let (mut start, mut channel) = (vec![u32::MAX; shape.start_len()], vec![u32::MAX; shape.entries_len()]);
        let mut value = vec![f32::NAN; shape.entries_len()];
        forward(shape, scope, x, of, k, ties, &mut start, &mut channel, &mut value)?;
        let mut dense = vec![f32::NAN; x.len()];
        densify(&Pattern::new(*shape, &start, &channel), &value, &mut dense);
        Ok(Output { dense, start, channel })
    }

    #[test]
    fn thresholds_are_the_smallest_keys_of_the_winners() {
        let x = values(5, 2 * 20 * 9);
        for scope in SCOPES {
            let shape = shape(2, 20, 9, scope, 3, Ties::Lowest);
            let out = run(&shape, scope, &x, &x, 3, Ties::Lowest).unwrap();
            let mut found = vec![f32::NAN; 2 * scope.groups(&shape)];
            thresholds(&shape, scope, &x, 3, &mut found);
            let mut expected = vec![f32::INFINITY; found.len()];
            for (i, &value) in out.dense.iter().enumerate().filter(|(_, &value)| value != 0.0) {
                let group = i / 180 * scope.groups(&shape) + scope.group(i / 9 % 20, i % 9);
                expected[group] = expected[group].min(value);
            }
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn winners_of_every_scope_are_those_of_the_oracle() {
        for (pixels, channels) in [(1, 1), (1, 7), (9, 1), (9, 5), (25, 70), (400, 6)] {
            for (scope, levels) in SCOPES.into_iter().flat_map(|scope| [(scope, 1 << 20), (scope, 4), (scope, 1)]) {
                let half = levels as f32 / 2.0;
                let x: Vec<f32> = values(3, 2 * pixels * channels).iter().map(|v| (v * half).floor() / half).collect();
                let mut magnitudes = vec![f32::NAN; x.len()];
                keys(channels, &x, None, true, &mut magnitudes);
                assert!(magnitudes.iter().zip(&x).all(|(key, x)| *key == x.abs()));
                let size = scope.len(&SparseShape { n: 2, pixels, channels, capacity: 0 });
                for k in [1, size / 3, size - 1, size].map(|k| k.clamp(1, size)) {
                    for (ties, of) in [(Ties::Lowest, &x), (Ties::Keep, &x), (Ties::Lowest, &magnitudes)] {
                        let shape = shape(2, pixels, channels, scope, k, ties);
                        let out = run(&shape, scope, &x, of, k, ties).unwrap();
                        let expected: Vec<f32> = (0..2)
                            .flat_map(|s| {
                                let range = s * pixels * channels..(s + 1) * pixels * channels;
                                reference::grouped(&shape, scope, &x[range.clone()], &of[range], k, ties)
                            })
                            .collect();
                        assert_eq!(out.dense, expected, "{scope:?}, {pixels} pixels, {channels} channels, k = {k}");
                    }
                }
            }
        }
    }

    #[test]
    fn the_first_sample_with_nan_is_named() {
        let shape = shape(3, 2, 2, Scope::Pixel, 1, Ties::Lowest);
        let mut x = vec![1.0; 12];
        x[10] = f32::NAN;
        x[7] = f32::NAN;
        assert_eq!(run(&shape, Scope::Pixel, &x, &x, 1, Ties::Lowest).err(), Some(NotANumber { sample: 1 }));
    }

    #[test]
    fn duty_cycles_are_means_over_the_period() {
        let (mut shares, mut samples) = ([0.0; 2], [0.0]);
        // One winner of two pixels in each of two samples: twice in channel 0, then twice in channel 1.
        let shape = SparseShape { n: 2, pixels: 2, channels: 2, capacity: 1 };
        for (channel, expected) in [(0, [0.5, 0.0]), (1, [0.25, 0.25]), (1, [0.5 / 3.0, 1.0 / 3.0])] {
            let channels = [channel; 2];
            let pattern = Pattern::new(shape, &[0, 1, 1, 0, 0, 1], &channels);
            DutyCycle { shares: &mut shares, samples: &mut samples }.update(&pattern, 6);
            assert_close(&shares, &expected, 1e-6);
        }
        assert_eq!(samples, [6.0]);
        // From here on the oldest share fades; a batch longer than the period is all that is remembered.
        let pattern = Pattern::new(shape, &[0, 1, 1, 0, 0, 1], &[0; 2]);
        DutyCycle { shares: &mut shares, samples: &mut samples }.update(&pattern, 6);
        assert_close(&shares, &[(4.0 * 0.5 / 3.0 + 1.0) / 6.0, 4.0 / 18.0], 1e-6);
        DutyCycle { shares: &mut shares, samples: &mut samples }.update(&pattern, 1);
        assert_eq!((shares, samples), ([0.5, 0.0], [1.0]));
    }

    #[test]
    fn channels_that_won_too_rarely_are_boosted() {
        let mut factors = [0.0; 3];
        boosts(&[0.0, 0.25, 1.0], 0.25, 2.0, &mut factors);
        assert_close(&factors, &[0.5f32.exp(), 1.0, (-1.5f32).exp()], 1e-6);
        let mut ranked = [0.0; 6];
        keys(3, &[1.0, 2.0, 3.0, -1.0, -2.0, -3.0], Some(&factors), false, &mut ranked);
        let expected: Vec<f32> =
            [1.0, 2.0, 3.0, -1.0, -2.0, -3.0].iter().zip(factors.iter().cycle()).map(|(x, f)| x * f).collect();
        assert_eq!(ranked, expected[..]);
    }

    #[test]
    fn softmask_is_the_gradient_of_a_sum_of_softplus() {
        for scope in SCOPES {
            for (n, pixels, channels) in [(0, 4, 2), (1, 1, 1), (2, 6, 5)] {
                let shape = SparseShape { n, pixels, channels, capacity: 0 };
                let (x, dy) = (values(1, shape.dense_len()), values(3, shape.dense_len()));
                let thresholds = values(2, n * scope.groups(&shape));
                let mut dx = vec![f32::NAN; x.len()];
                softmask_backward(&shape, scope, &x, &thresholds, 0.25, &dy, &mut dx);
                assert_gradient(&x, &dx, 1e-3, 1e-4, |x| {
                    let softplus = |i: usize| {
                        let group = scope.group(i / channels % pixels, i % channels);
                        let threshold = thresholds[i / shape.sample_len() * scope.groups(&shape) + group];
                        let t = (f64::from(x[i]) - f64::from(threshold)) / 0.25;
                        0.25 * t.exp().ln_1p() * f64::from(dy[i])
                    };
                    (0..x.len()).map(softplus).sum()
                });
            }
        }
        let mut dx = [0.0; 2];
        let shape = SparseShape { n: 1, pixels: 2, channels: 1, capacity: 0 };
        softmask_backward(&shape, Scope::Layer, &[-1e30, 1e30], &[0.0], 1e-3, &[1.0, 1.0], &mut dx);
        assert_close(&dx, &[0.0, 1.0], 1e-30);
    }

    #[test]
    fn same_bits_for_any_threads() {
        let x = values(1, 6 * 49 * 20);
        for scope in SCOPES {
            assert_same_bits(|| {
                let shape = shape(6, 49, 20, scope, 3, Ties::Lowest);
                let out = run(&shape, scope, &x, &x, 3, Ties::Lowest).unwrap();
                let (mut shares, mut samples) = ([0.0; 20], [0.0]);
                let pattern = Pattern::new(shape, &out.start, &out.channel);
                DutyCycle { shares: &mut shares, samples: &mut samples }.update(&pattern, 100);
                [out.dense, shares.to_vec()].concat()
            });
        }
    }
}
