//! k-Winners-Take-All over `[n][pixels][channels]`: of each sample, the k largest values survive.
//!
//! 1. A sample of the values gives a bound that few more than k of them exceed; one pass compresses those, and NaN: the
//!    candidates. If they are fewer than k after all, or k is a large share, all values are candidates.
//! 2. A candidate that is NaN is an error.
//! 3. [`select`] finds the threshold, and how many candidates exceed and equal it.
//! 4. A pass over the candidates writes the winners. Where more values equal the threshold than fit, those of the
//!    lowest C,H,W index win, although memory is in H,W,C order.

use crate::parallel::{for_each_piece, Disjoint};
use crate::scratch;
use crate::select::{self, Kth};
use crate::simd::{F32x4, Vector, LANES};
use crate::sparse::{compress_sample, filter_sample, load_up_to_four, Entries, OutSample, SparseShape};
use core::sync::atomic::{AtomicUsize, Ordering};

pub mod grouped;

/// Which of several values equal to the k-th largest survive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ties {
    /// Those with the lowest index in C,H,W order, so that exactly k values survive.
    Lowest,
    /// All of them, so that more than k may survive.
    Keep,
}

/// An input that cannot be ranked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotANumber {
    /// The first sample that holds a NaN.
    pub sample: usize,
}

/// Keeps the `k` largest of each sample of dense `x [n][pixels][channels]`, negative ones too, as entries
/// `start [n][pixels + 1]`, `channel` and `value` `[n][capacity]`; 1 <= k <= pixels * channels.
///
/// `shape.capacity` must be at least k with [`Ties::Lowest`] and the whole sample with [`Ties::Keep`].
/// -0 and +0 are equal. After an error the outputs are unspecified.
pub fn forward(
    shape: &SparseShape,
    x: &[f32],
    k: usize,
    ties: Ties,
    start: &mut [u32],
    channel: &mut [u32],
    value: &mut [f32],
) -> Result<(), NotANumber> {
    let len = shape.sample_len();
    assert!((1..=len).contains(&k), "k: {k} of {len} values");
    assert!(shape.capacity >= if ties == Ties::Keep { len } else { k }, "capacity");
    assert_eq!(x.len(), shape.n * len, "x");
    for_each_sample(shape, start, channel, value, |s, out| forward_sample(shape, &x[s * len..][..len], k, ties, out))
}

/// Calls `work` with each sample and the place of its entries; it tells whether all values were numbers.
fn for_each_sample(
    shape: &SparseShape,
    start: &mut [u32],
    channel: &mut [u32],
    value: &mut [f32],
    work: impl Fn(usize, &mut OutSample) -> bool + Sync + Send,
) -> Result<(), NotANumber> {
    assert_eq!(start.len(), shape.start_len(), "start");
    assert_eq!(channel.len(), shape.entries_len(), "channel");
    assert_eq!(value.len(), shape.entries_len(), "value");
    let (start, channel, value) = (Disjoint::new(start), Disjoint::new(channel), Disjoint::new(value));
    let first_bad = AtomicUsize::new(usize::MAX);
    for_each_piece(shape.n, |s| {
        // SAFETY: each sample is one piece.
        let mut out = unsafe { OutSample::of(shape, s, &start, &channel, &value) };
        if !work(s, &mut out) {
            first_bad.fetch_min(s, Ordering::Relaxed);
        }
    });
    match first_bad.into_inner() {
        usize::MAX => Ok(()),
        sample => Err(NotANumber { sample }),
    }
}

/// Fewest values of a sample for which a smaller sample of them pays.
const FEWEST_VALUES: usize = 1024;

/// Largest share of winners for which it does: one in so many.
const SHARE: usize = 3;

/// Tells whether all values were numbers.
fn forward_sample(shape: &SparseShape, x: &[f32], k: usize, ties: Ties, out: &mut OutSample) -> bool {
    if x.len() >= FEWEST_VALUES && k <= x.len() / SHARE {
        let done = with_candidates(shape, x, k, |candidates, bound| {
            if has_nan(candidates.value) {
                return false;
            }
            let kth = select::kth_largest_above(candidates.value, k, bound);
            if ties == Ties::Keep || kth.greater + kth.equal == k {
                let threshold = F32x4::splat(kth.value);
                filter_sample(&candidates, out, |v| v.ge_mask(threshold));
            } else {
                first_of_ties(shape, x, k, kth, out);
            }
            true
        });
        if let Some(numbers) = done {
            return numbers;
        }
    }
    if has_nan(x) {
        return false;
    }
    let kth = scratch::with(select::scratch_len(x.len()), |scratch| select::kth_largest(x, k, scratch));
    if ties == Ties::Keep || kth.greater + kth.equal == k {
        let threshold = F32x4::splat(kth.value);
        compress_sample(x, shape.channels, out, |_, _, v| v.ge_mask(threshold));
    } else {
        first_of_ties(shape, x, k, kth, out);
    }
    true
}

/// Calls `work` with the values that exceed a bound, and NaN, unless they are fewer than `k`; and with the bound.
fn with_candidates<R>(shape: &SparseShape, x: &[f32], k: usize, work: impl FnOnce(Entries, f32) -> R) -> Option<R> {
    let bound = scratch::with(select::scratch_len(x.len()), |scratch| select::likely_below(x, k, scratch));
    let lanes = F32x4::splat(bound);
    scratch::with_u32(shape.pixels + 1 + x.len(), |indices| {
        let (start, channel) = indices.split_at_mut(shape.pixels + 1);
        scratch::with(x.len(), |value| {
            let mut out = OutSample { start, channel, value };
            compress_sample(x, shape.channels, &mut out, |_, _, v| !lanes.ge_mask(v));
            let count = out.start[shape.pixels] as usize;
            (count >= k)
                .then(|| Entries { start: out.start, channel: &out.channel[..count], value: &out.value[..count] })
                .map(|candidates| work(candidates, bound))
        })
    })
}

/// Writes the winners where more values equal the threshold than fit.
fn first_of_ties(shape: &SparseShape, x: &[f32], k: usize, kth: Kth, out: &mut OutSample) {
    let threshold = F32x4::splat(kth.value);
    let end = end_of_ties(shape, x, kth.value, k - kth.greater);
    compress_sample(x, shape.channels, out, |pixel, c, v| {
        let mut mask = v.gt_mask(threshold);
        for lane in lanes_of(v.eq_mask(threshold)) {
            if (c + lane) * shape.pixels + pixel < end {
                mask |= 1 << lane;
            }
        }
        mask
    });
}

/// The C,H,W index before which exactly `count` values of the sample equal `value`; more than `count` do.
fn end_of_ties(shape: &SparseShape, x: &[f32], value: f32, count: usize) -> usize {
    let (pixels, channels) = (shape.pixels, shape.channels);
    let threshold = F32x4::splat(value);
    scratch::with_u32(channels, |ties| {
        ties.fill(0);
        for row in x.chunks_exact(channels) {
            for c in (0..channels).step_by(LANES) {
                for lane in lanes_of(load_up_to_four(&row[c..]).eq_mask(threshold)) {
                    // Past the last channel, where zeros stand, there is no count.
                    if let Some(ties) = ties.get_mut(c + lane) {
                        *ties += 1;
                    }
                }
            }
        }
        let mut left = count;
        let last = ties.iter().position(|&ties| match left.checked_sub(ties as usize) {
            Some(rest) => {
                left = rest;
                false
            }
            None => true,
        });
        let last = last.expect("more than `count` values are equal");
        let mut in_last = (0..pixels).filter(|p| x[p * channels + last] == value);
        last * pixels + in_last.nth(left).expect("the channel holds more than `left` of them")
    })
}

/// Numbers of the bits set in `mask`.
#[inline(always)]
fn lanes_of(mut mask: u32) -> impl Iterator<Item = usize> {
    core::iter::from_fn(move || {
        let lane = mask.trailing_zeros() as usize;
        (mask != 0).then(|| {
            mask &= mask - 1;
            lane
        })
    })
}

fn has_nan(x: &[f32]) -> bool {
    // Sixteen values a step: one test of the four masks together.
    let mut blocks = x.chunks_exact(4 * LANES);
    let in_blocks = blocks.any(|block| {
        let [a, b, c, d] = [0, 1, 2, 3].map(|i| F32x4::load(&block[i * LANES..]).nan_mask());
        a | b | c | d != 0
    });
    in_blocks || x[x.len() / (4 * LANES) * (4 * LANES)..].iter().any(|v| v.is_nan())
}

#[cfg(test)]
mod tests;
