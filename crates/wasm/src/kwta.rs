//! Exports of `kwta_kernels::kwta`.

use crate::export::export;
use kwta_kernels::kwta::grouped::{self, DutyCycle, Scope};
use kwta_kernels::kwta::{forward, Ties};
use kwta_kernels::sizes::product;
use kwta_kernels::sparse::SparseShape;

/// Checked sizes.
fn shape(n: usize, pixels: usize, channels: usize, capacity: usize) -> SparseShape {
    let shape = SparseShape { n, pixels, channels, capacity };
    shape.check();
    shape
}

/// Which values share the k winners: 0 a layer's, 1 a channel's, 2 a pixel's.
fn groups(n: usize, pixels: usize, channels: usize, scope: u32) -> usize {
    product([n, Scope::of(scope).groups(&shape(n, pixels, channels, 0))])
}

export! {
    /// Compresses dense `x` to its `k` winners per sample; with `keep`, to all values >= the k-th largest.
    /// Returns the first sample that holds a NaN, or -1.
    fn kwta_forward(
        n: usize,
        pixels: usize,
        channels: usize,
        capacity: usize,
        x: &[f32; shape(n, pixels, channels, capacity).dense_len()],
        k: usize,
        keep: bool,
        start: &mut [u32; shape(n, pixels, channels, capacity).start_len()],
        channel: &mut [u32; shape(n, pixels, channels, capacity).entries_len()],
        value: &mut [f32; channel.len()]
    ) -> i32 {
        let ties = if keep { Ties::Keep } else { Ties::Lowest };
        let result = forward(&shape(n, pixels, channels, capacity), x, k, ties, start, channel, value);
        result.map_or_else(|error| error.sample as i32, |()| -1)
    }

    /// What ranks each value: itself or its magnitude, times the factor of its channel, if `factors` is not 0.
    fn kwta_keys(
        rows: usize,
        channels: usize,
        x: &[f32; product([rows, channels])],
        factors: Option<&[f32; channels]>,
        magnitude: bool,
        keys: &mut [f32; x.len()]
    ) {
        grouped::keys(channels, x, factors, magnitude, keys);
    }

    /// The same as [`kwta_forward`], ranked by `keys` in each group of `scope`.
    fn kwta_grouped_forward(
        n: usize,
        pixels: usize,
        channels: usize,
        capacity: usize,
        scope: u32,
        x: &[f32; shape(n, pixels, channels, capacity).dense_len()],
        keys: &[f32; x.len()],
        k: usize,
        keep: bool,
        start: &mut [u32; shape(n, pixels, channels, capacity).start_len()],
        channel: &mut [u32; shape(n, pixels, channels, capacity).entries_len()],
        value: &mut [f32; channel.len()]
    ) -> i32 {
        let ties = if keep { Ties::Keep } else { Ties::Lowest };
        let shape = shape(n, pixels, channels, capacity);
        let result = grouped::forward(&shape, Scope::of(scope), x, keys, k, ties, start, channel, value);
        result.map_or_else(|error| error.sample as i32, |()| -1)
    }

    /// The k-th largest key of each group of `scope`.
    fn kwta_thresholds(
        n: usize,
        pixels: usize,
        channels: usize,
        scope: u32,
        keys: &[f32; product([n, pixels, channels])],
        k: usize,
        thresholds: &mut [f32; groups(n, pixels, channels, scope)]
    ) {
        grouped::thresholds(&shape(n, pixels, channels, 0), Scope::of(scope), keys, k, thresholds);
    }

    /// Surrogate gradient of k-WTA: a sigmoid around the threshold of each group in place of the mask.
    fn softmask_backward(
        n: usize,
        pixels: usize,
        channels: usize,
        scope: u32,
        keys: &[f32; product([n, pixels, channels])],
        thresholds: &[f32; groups(n, pixels, channels, scope)],
        temperature: f32,
        dy: &[f32; keys.len()],
        dx: &mut [f32; keys.len()]
    ) {
        let shape = shape(n, pixels, channels, 0);
        grouped::softmask_backward(&shape, Scope::of(scope), keys, thresholds, temperature, dy, dx);
    }

    /// Takes the winners of a batch into the duty cycle of each channel, which remembers `period` samples.
    fn kwta_update_duty_cycle(
        winners: Pattern,
        period: usize,
        shares: &mut [f32; winners.shape.channels],
        samples: &mut [f32; 1]
    ) {
        DutyCycle { shares, samples }.update(&winners, period);
    }

    /// Factors of channels whose duty cycle is not `target`.
    fn kwta_boosts(channels: usize, shares: &[f32; channels], target: f32, strength: f32, factors: &mut [f32; channels]) {
        grouped::boosts(shares, target, strength, factors);
    }
}
