//! The k-th largest of values that all exceed a bound, and lie close together: they are counted in equal steps of
//! value, and those of one step are looked at again.
//!
//! Values that fall into few steps, because some lie far away, are left to [`kth_largest`]; so the worst case stays
//! O(n).

use super::{collect, kth_largest, load_short, scratch_len, Kth};
use crate::scratch;
use crate::simd::{F32x4, Vector, LANES};

/// Steps; one more holds what rounding brings there.
const STEPS: usize = 512;

/// Adding this to a number from 0 to `STEPS` leaves the nearest whole number in the low bits.
const SHIFT: f32 = (1 << 23) as f32;

/// The k-th largest of `values`, which hold no NaN and exceed `low`; 1 <= k <= `values.len()`.
pub(crate) fn kth_largest_above(values: &[f32], k: usize, low: f32) -> Kth {
    assert!((1..=values.len()).contains(&k), "k: {k} of {} values", values.len());
    let scale = STEPS as f32 / (maximum(values) - low);
    // Also where the bound or a value is infinite.
    if !(scale > 0.0 && scale.is_finite()) || values.len() < super::SMALL {
        return scratch::with(scratch_len(values.len()), |scratch| kth_largest(values, k, scratch));
    }
    let (low, scale, shift) = (F32x4::splat(low), F32x4::splat(scale), F32x4::splat(SHIFT));
    let step = |v: F32x4| (v - low) * scale + shift;
    let (kth_step, above) = scratch::with_u32(STEPS + 1, |counts| {
        count(values, step, counts);
        let mut above = 0;
        let mut kth_step = STEPS;
        while above + (counts[kth_step] as usize) < k {
            above += counts[kth_step] as usize;
            kth_step -= 1;
        }
        (kth_step, above)
    });
    let wanted = F32x4::splat(SHIFT + kth_step as f32);
    scratch::with(values.len(), |members| {
        let len = collect(values, members, |v| step(v).eq_mask(wanted));
        let rank = k - above;
        let kth = scratch::with(scratch_len(len), |scratch| kth_largest(&members[..len], rank, scratch));
        Kth { greater: above + kth.greater, ..kth }
    })
}

fn maximum(values: &[f32]) -> f32 {
    let vectors = values.chunks_exact(LANES);
    let rest = vectors.remainder().iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let lanes = vectors.fold(F32x4::splat(rest), |most, v| most.max(F32x4::load(v)));
    lanes.to_array().into_iter().fold(f32::NEG_INFINITY, f32::max)
}

/// Counts the values of each step.
fn count(values: &[f32], step: impl Fn(F32x4) -> F32x4, counts: &mut [u32]) {
    counts.fill(0);
    let mut add = |lane: f32| counts[(lane.to_bits() - SHIFT.to_bits()) as usize & (2 * STEPS - 1)] += 1;
    let vectors = values.chunks_exact(LANES);
    let rest = vectors.remainder();
    for v in vectors {
        step(F32x4::load(v)).to_array().into_iter().for_each(&mut add);
    }
    step(load_short(rest)).to_array().into_iter().take(rest.len()).for_each(add);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::values;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn check(values: &[f32], low: f32, what: &str) {
        let mut sorted = values.to_vec();
        sorted.sort_by(|a, b| b.total_cmp(a));
        let n = values.len();
        for k in [1, 2, n / 3, n / 2, n - 1, n].into_iter().filter(|k| (1..=n).contains(k)) {
            let value = sorted[k - 1];
            let greater = sorted.iter().filter(|&&v| v > value).count();
            let equal = sorted.iter().filter(|&&v| v == value).count();
            let kth = kth_largest_above(values, k, low);
            assert_eq!(kth, Kth { value, greater, equal }, "{what}: k = {k} of {n}");
        }
    }

    #[test]
    fn every_length_and_distribution() {
        for n in [1, 3, 4, 5, 127, 128, 129, 511, 1000, 5001] {
            let uniform: Vec<f32> = values(1, n).iter().map(|v| v + 2.0).collect();
            check(&uniform, 0.999, "uniform");
            check(&uniform.iter().map(|v| (v * 8.0).floor()).collect::<Vec<_>>(), 0.0, "ties");
            check(&uniform.iter().map(|v| v.powi(20)).collect::<Vec<_>>(), 0.0, "skewed");
            check(&vec![3.0; n], 1.0, "constant");
            check(&vec![3.0; n], f32::NEG_INFINITY, "no bound");
            let mut far = uniform.clone();
            far[n / 2] = f32::MAX;
            check(&far, 0.5, "one far away");
            far[n / 2] = f32::INFINITY;
            check(&far, 0.5, "one infinite");
            check(&uniform.iter().map(|v| v * 1e-40).collect::<Vec<_>>(), 0.0, "denormal");
            check(&uniform.iter().map(|v| v * 1e38).collect::<Vec<_>>(), -3e38, "a range past the largest number");
        }
    }
}
