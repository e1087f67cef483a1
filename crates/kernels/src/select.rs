//! The k-th largest of `n` values in O(n), whatever their order.
//!
//! Each step narrows the candidates between two pivots and keeps those in between:
//!
//! 1. Draw about `4 sqrt(n)` candidates at scattered places and find, by the same procedure, the two that
//!    should bracket rank k: `margin` standard deviations above and below its rank in the sample.
//! 2. One vector pass counts the candidates at or above the upper pivot and collects those strictly
//!    between the two. If rank k is among them, they are the new candidates; for k = n / 10 of 65,536
//!    values, 5 % of the old ones. If not, a second pass collects the side where it is.
//! 3. Pivots themselves and their equals are never collected, so repeated values cannot stall a step.
//! 4. With few candidates left, their ranks are counted one candidate after another.
//!
//! A step that drops less than half of the candidates was misled by its sample (an order made against
//! it); the next one takes the median of medians of five as its only pivot, which drops three tenths of
//! them for certain. Then T(n) <= c n + T(n / 5) + T(7 n / 10) + 2 T(4 sqrt(n)), which is O(n).

mod buckets;

pub(crate) use buckets::kth_largest_above;

use crate::simd::{F32x4, Vector, LANES};

/// Candidates whose ranks are counted directly.
const SMALL: usize = 128;

/// Standard deviations between the expected rank and a pivot's.
const MARGIN: f32 = 2.5;

/// The k-th largest value and its neighbourhood.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Kth {
    /// The value; of equal zeros, either.
    pub value: f32,
    /// How many values are strictly greater.
    pub greater: usize,
    /// How many values are equal to it, itself included; -0 equals +0.
    pub equal: usize,
}

/// Length that [`kth_largest`] needs of its scratch for `n` values.
pub fn scratch_len(n: usize) -> usize {
    2 * n
}

/// The k-th largest of `values`, which hold no NaN; 1 <= k <= `values.len()`.
///
/// `scratch` needs [`scratch_len`] places; its contents do not matter.
pub fn kth_largest(values: &[f32], k: usize, scratch: &mut [f32]) -> Kth {
    kth_largest_counted(values, k, scratch).0
}

/// Also tells how many values all passes together looked at.
fn kth_largest_counted(values: &[f32], k: usize, scratch: &mut [f32]) -> (Kth, usize) {
    assert!((1..=values.len()).contains(&k), "k: {k} of {} values", values.len());
    assert!(scratch.len() >= scratch_len(values.len()), "scratch");
    let mut seen = 0;
    (select(values, k, scratch, &mut seen), seen)
}

enum Step {
    Found(Kth),
    /// `len` candidates are left, `dropped_above` of the dropped ones are greater than all of them.
    Rest {
        len: usize,
        dropped_above: usize,
    },
}

fn select(values: &[f32], k: usize, scratch: &mut [f32], seen: &mut usize) -> Kth {
    let (mut from, mut to) = scratch.split_at_mut(values.len());
    let (mut len, mut greater, mut misled) = (values.len(), 0, false);
    let mut candidates = values;
    loop {
        let rank = k - greater;
        if len <= SMALL {
            let kth = count_ranks(candidates, rank, seen);
            return Kth { greater: greater + kth.greater, ..kth };
        }
        let (low, high) = if misled {
            let pivot = median_of_medians(candidates, to, seen);
            (pivot, pivot)
        } else {
            bracket(candidates, rank, to, seen)
        };
        match narrow(candidates, rank, low, high, to, seen) {
            Step::Found(kth) => return Kth { greater: greater + kth.greater, ..kth },
            Step::Rest { len: rest, dropped_above } => {
                misled = rest > len / 2;
                greater += dropped_above;
                len = rest;
            }
        }
        core::mem::swap(&mut from, &mut to);
        candidates = &from[..len];
    }
}

/// Two pivots that probably enclose rank `k`, from a sample.
fn bracket(candidates: &[f32], k: usize, scratch: &mut [f32], seen: &mut usize) -> (f32, f32) {
    let (len, count) = (candidates.len(), sample_len(candidates.len()));
    let (sample, scratch) = scratch.split_at_mut(count);
    draw(candidates, sample);
    *seen += count;
    let (above, below) = sample_ranks(k, len, count);
    let high = if above >= 1.0 { select(sample, above as usize, scratch, seen).value } else { f32::INFINITY };
    let low =
        if below <= count as f32 { select(sample, below as usize, scratch, seen).value } else { f32::NEG_INFINITY };
    (low, high)
}

/// A value that probably at least `k` of `values` exceed, and not many more; NaN where a sample of them holds one.
///
/// `scratch` needs [`scratch_len`] places; its contents do not matter.
pub(crate) fn likely_below(values: &[f32], k: usize, scratch: &mut [f32]) -> f32 {
    // A closer bound takes a larger sample than it spares candidates.
    let count = if values.len() < 1 << 14 { SMALL.min(values.len()) } else { 4 * SMALL };
    let (sample, scratch) = scratch.split_at_mut(count);
    draw(values, sample);
    let (_, below) = sample_ranks(k, values.len(), count);
    if sample.iter().fold(false, |any, v| any | v.is_nan()) {
        f32::NAN
    } else if below > count as f32 {
        f32::NEG_INFINITY
    } else {
        select(sample, below as usize, scratch, &mut 0).value
    }
}

/// Fills `sample` from as many stretches of `candidates`.
fn draw(candidates: &[f32], sample: &mut [f32]) {
    let count = sample.len();
    for (i, v) in sample.iter_mut().enumerate() {
        *v = candidates[sample_place(i, candidates.len(), count)];
    }
}

/// Ranks in a sample of `count` that probably enclose rank `k` of `len`; they may lie outside of the sample.
fn sample_ranks(k: usize, len: usize, count: usize) -> (f32, f32) {
    let rank = k as f32 / len as f32 * count as f32;
    let margin = MARGIN * (rank * (1.0 - rank / count as f32)).max(0.0).sqrt() + 0.5;
    ((rank - margin).floor(), (rank + margin).ceil())
}

fn sample_len(len: usize) -> usize {
    (4 * len.isqrt()).min(len / 4)
}

/// Place of the `i`-th of `count` samples: one in each stretch, at a hashed place of it, so that a
/// period in the data (channels last!) does not show in the sample.
fn sample_place(i: usize, len: usize, count: usize) -> usize {
    let stretch = (len / count) as u64;
    let hash = u64::from((i as u32).wrapping_mul(0x9e37_79b9));
    i * stretch as usize + ((hash * stretch) >> 32) as usize
}

/// Keeps the candidates of the open interval, or of the side beyond it, that holds rank `k`.
fn narrow(candidates: &[f32], k: usize, low: f32, high: f32, to: &mut [f32], seen: &mut usize) -> Step {
    let (low_lanes, high_lanes) = (F32x4::splat(low), F32x4::splat(high));
    let mut at_least_high = 0;
    *seen += candidates.len();
    let between = collect(candidates, to, |v| {
        let at_least = v.ge_mask(high_lanes);
        at_least_high += at_least.count_ones() as usize;
        v.gt_mask(low_lanes) & !at_least
    });
    if at_least_high < k && k <= at_least_high + between {
        return Step::Rest { len: between, dropped_above: at_least_high };
    }
    *seen += candidates.len();
    if k <= at_least_high {
        let greater = collect(candidates, to, |v| v.gt_mask(high_lanes));
        if k <= greater {
            return Step::Rest { len: greater, dropped_above: 0 };
        }
        return Step::Found(Kth { value: high, greater, equal: at_least_high - greater });
    }
    let less = collect(candidates, to, |v| low_lanes.gt_mask(v));
    let at_least_low = candidates.len() - less;
    if k > at_least_low {
        return Step::Rest { len: less, dropped_above: at_least_low };
    }
    // Here low < high, because with one pivot nothing lies between and k > at_least_high = at_least_low.
    let greater = at_least_high + between;
    Step::Found(Kth { value: low, greater, equal: at_least_low - greater })
}

/// Writes the candidates that `keep` marks to the front of `to`, in order, and counts them.
///
/// `keep` sees every candidate once; a last, short vector is filled up with NaN.
fn collect(candidates: &[f32], to: &mut [f32], mut keep: impl FnMut(F32x4) -> u32) -> usize {
    assert!(to.len() >= candidates.len());
    let mut kept = 0;
    let (vectors, tail) = candidates.split_at(candidates.len() / LANES * LANES);
    for lanes in vectors.chunks_exact(LANES) {
        let lanes = F32x4::load(lanes);
        let mask = keep(lanes);
        // SAFETY: as many values as were kept have been read and these four more, which fit in `to`.
        unsafe { lanes.compress_ptr(mask, to.as_mut_ptr().add(kept)) };
        kept += mask.count_ones() as usize;
    }
    let mask = keep(load_short(tail));
    for (lane, &v) in tail.iter().enumerate() {
        if mask >> lane & 1 == 1 {
            to[kept] = v;
            kept += 1;
        }
    }
    kept
}

/// Up to four values, filled up with NaN, which no comparison marks.
fn load_short(values: &[f32]) -> F32x4 {
    let mut lanes = [f32::NAN; LANES];
    lanes[..values.len()].copy_from_slice(values);
    F32x4::from_array(lanes)
}

/// Rank `k` among few candidates: counts the rank of one after another, passing over those that an
/// earlier count has excluded.
fn count_ranks(candidates: &[f32], k: usize, seen: &mut usize) -> Kth {
    let mut lanes = [F32x4::splat(f32::NAN); SMALL / LANES];
    for (vector, values) in lanes.iter_mut().zip(candidates.chunks(LANES)) {
        *vector = load_short(values);
    }
    let lanes = &lanes[..candidates.len().div_ceil(LANES)];
    let (mut low, mut high) = (None, None);
    for i in 0..SMALL {
        // An odd factor permutes the places, so that sorted candidates cost no more than random ones.
        let Some(&value) = candidates.get(i * 79 % SMALL) else { continue };
        if low.is_some_and(|low| value <= low) || high.is_some_and(|high| value >= high) {
            continue;
        }
        let pivot = F32x4::splat(value);
        let (mut greater, mut equal) = (0, 0);
        for vector in lanes {
            greater += vector.gt_mask(pivot).count_ones() as usize;
            equal += vector.eq_mask(pivot).count_ones() as usize;
        }
        *seen += candidates.len();
        if k <= greater {
            low = Some(value);
        } else if k > greater + equal {
            high = Some(value);
        } else {
            return Kth { value, greater, equal };
        }
    }
    unreachable!("values: hold a NaN");
}

/// A candidate with at least three tenths of the others (give or take a few) on either side.
fn median_of_medians(candidates: &[f32], scratch: &mut [f32], seen: &mut usize) -> f32 {
    let fifth = candidates.len() / 5;
    let (medians, scratch) = scratch.split_at_mut(fifth);
    let mut i = 0;
    while i < fifth {
        // The last vector overlaps the one before it; `fifth` is at least SMALL / 5 > LANES.
        let at = i.min(fifth - LANES);
        let [a, b, c, d, e] = [0, 1, 2, 3, 4].map(|part| F32x4::load(&candidates[part * fifth + at..]));
        let x = a.min(b).max(c.min(d));
        let y = a.max(b).min(c.max(d));
        x.min(y).max(x.max(y).min(e)).store(&mut medians[at..]);
        i += LANES;
    }
    *seen += candidates.len();
    select(medians, fifth / 2 + 1, scratch, seen).value
}

#[cfg(test)]
mod tests;
