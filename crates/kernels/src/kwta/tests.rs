use super::*;
use crate::reference;
use crate::sparse::{chw_indices, densify, Pattern};
use crate::testing::values;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

struct Output {
    start: Vec<u32>,
    channel: Vec<u32>,
    value: Vec<f32>,
}

fn run(shape: &SparseShape, x: &[f32], k: usize, ties: Ties) -> Result<Output, NotANumber> {
    let mut out = Output {
        start: vec![u32::MAX; shape.start_len()],
        channel: vec![u32::MAX; shape.entries_len()],
        value: vec![f32::NAN; shape.entries_len()],
    };
    forward(shape, x, k, ties, &mut out.start, &mut out.channel, &mut out.value).map(|()| out)
}

/// Compares dense values and C,H,W indices with the oracle.
fn check(n: usize, pixels: usize, channels: usize, x: &[f32], k: usize, ties: Ties, what: &str) {
    let len = pixels * channels;
    let capacity = if ties == Ties::Keep { len } else { k };
    let shape = SparseShape { n, pixels, channels, capacity };
    let out = run(&shape, x, k, ties).unwrap();
    let pattern = Pattern::new(shape, &out.start, &out.channel);
    let mut dense = vec![f32::NAN; n * len];
    densify(&pattern, &out.value, &mut dense);
    for s in 0..n {
        let x = &x[s * len..][..len];
        let what = format!("{what}: sample {s} of {n}, {pixels} pixels, {channels} channels, k = {k}, {ties:?}");
        assert_eq!(dense[s * len..][..len], reference::kwta::forward(pixels, channels, x, k, ties), "{what}");
        let mut indices = vec![0; pattern.count(s)];
        chw_indices(&pattern, s, &mut indices);
        let expected = reference::kwta::winners(pixels, channels, x, k, ties);
        assert!(indices.iter().map(|&i| i as usize).eq(expected), "{what}: indices");
    }
}

/// `levels` different values in [-1, 1).
fn random(len: usize, seed: u32, levels: u32) -> Vec<f32> {
    let half = levels as f32 / 2.0;
    values(seed, len).iter().map(|v| (v * half).floor() / half).collect()
}

#[test]
fn winners_of_every_small_shape() {
    for channels in [1, 2, 3, 4, 5, 8, 31, 64, 70] {
        for pixels in [1, 2, 9, 25] {
            let len = pixels * channels;
            let x = random(2 * len, len as u32, 1 << 30);
            for k in [1, 2, len / 10, len / 2, len - 1, len] {
                let k = k.clamp(1, len);
                check(2, pixels, channels, &x, k, Ties::Lowest, "random");
                check(2, pixels, channels, &x, k, Ties::Keep, "random");
            }
        }
    }
}

#[test]
fn winners_of_large_samples() {
    for (pixels, channels) in [(1024, 64), (64, 256), (1, 4_097), (4_095, 1), (1_365, 3)] {
        let len = pixels * channels;
        for levels in [1 << 30, 16] {
            let x = random(len, 3, levels);
            for k in [1, len / 10, len / 2, len] {
                check(1, pixels, channels, &x, k, Ties::Lowest, "large");
            }
        }
    }
}

#[test]
fn ties_go_to_the_lowest_chw_index() {
    for levels in [1, 2, 3, 7] {
        for (pixels, channels) in [(1, 1), (6, 3), (4, 4), (16, 5), (9, 33)] {
            let len = pixels * channels;
            let x = random(3 * len, levels, levels);
            for k in 1..=len {
                check(3, pixels, channels, &x, k, Ties::Lowest, "ties");
                check(3, pixels, channels, &x, k, Ties::Keep, "ties");
            }
        }
    }
}

#[test]
fn zeros_of_both_signs_tie() {
    let x: Vec<f32> = (0..60).map(|i| if i % 3 == 0 { -0.0 } else { 0.0 }).collect();
    for k in [1, 7, 30, 60] {
        check(1, 12, 5, &x, k, Ties::Lowest, "zeros");
    }
}

#[test]
fn infinities_and_denormals_are_ordinary() {
    let x = [1.0, f32::INFINITY, -1e-45, f32::NEG_INFINITY, 1e-45, 0.0, f32::INFINITY, -2.0, f32::MIN];
    for k in 1..=9 {
        check(1, 3, 3, &x, k, Ties::Lowest, "special");
    }
}

#[test]
fn everything_wins_when_k_is_the_whole_sample() {
    let x = random(40, 5, 1 << 30);
    let shape = SparseShape { n: 1, pixels: 8, channels: 5, capacity: 40 };
    let out = run(&shape, &x, 40, Ties::Lowest).unwrap();
    assert_eq!(out.value, x);
}

#[test]
fn nan_in_any_lane_is_reported_with_its_sample() {
    let shape = SparseShape { n: 3, pixels: 5, channels: 7, capacity: 4 };
    for place in 0..35 {
        for sample in 0..3 {
            let mut x = random(105, 1, 1 << 30);
            x[sample * 35 + place] = f32::NAN;
            x[2 * 35 + place] = f32::NAN;
            assert_eq!(run(&shape, &x, 4, Ties::Lowest).err(), Some(NotANumber { sample }));
        }
    }
}

/// What follows a sample in memory must not change while its last entries are stored.
#[test]
fn samples_do_not_write_into_each_other() {
    let shape = SparseShape { n: 4, pixels: 3, channels: 6, capacity: 5 };
    let x = random(4 * 18, 9, 1 << 30);
    let all = run(&shape, &x, 5, Ties::Lowest).unwrap();
    for s in 0..4 {
        let one = run(&SparseShape { n: 1, ..shape }, &x[s * 18..][..18], 5, Ties::Lowest).unwrap();
        assert_eq!(all.value[s * 5..][..5], one.value);
        assert_eq!(all.channel[s * 5..][..5], one.channel);
        assert_eq!(all.start[s * 4..][..4], one.start);
    }
}

/// Samples large enough for candidates (see the module).
mod large {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const PIXELS: usize = 41;
    const CHANNELS: usize = 27;
    const LEN: usize = PIXELS * CHANNELS;

    fn check_shares(x: &[f32], what: &str) {
        for k in [1, 2, LEN / 50, LEN / 10, LEN / SHARE, LEN / SHARE + 1] {
            for ties in [Ties::Lowest, Ties::Keep] {
                check(x.len() / LEN, PIXELS, CHANNELS, x, k, ties, what);
            }
        }
    }

    #[test]
    fn every_distribution() {
        for levels in [1 << 30, 100, 16, 3, 2, 1] {
            check_shares(&random(2 * LEN, levels, levels), "levels");
        }
        let x = random(LEN, 1, 1 << 30);
        check_shares(&x.iter().map(|v| v.powi(15)).collect::<Vec<_>>(), "most near zero");
        check_shares(&x.iter().map(|v| if *v > 0.9 { f32::INFINITY } else { *v }).collect::<Vec<_>>(), "infinities");
        check_shares(
            &x.iter().map(|v| if *v < 0.9 { f32::NEG_INFINITY } else { *v }).collect::<Vec<_>>(),
            "few finite",
        );
        check_shares(&x.iter().map(|v| v * 1e-40).collect::<Vec<_>>(), "denormal");
        check_shares(&(0..LEN).map(|i| if i % 3 == 0 { -0.0 } else { 0.0 }).collect::<Vec<_>>(), "zeros");
    }

    /// The bound comes from places that follow from the length alone: values may be laid out against it.
    #[test]
    fn bounds_that_mislead() {
        // Where a NaN is noticed, a value is drawn.
        let drawn: Vec<bool> = (0..LEN)
            .map(|i| {
                let mut x = vec![0.0; LEN];
                x[i] = f32::NAN;
                scratch::with(select::scratch_len(LEN), |s| select::likely_below(&x, LEN / 10, s)).is_nan()
            })
            .collect();
        assert!((64..LEN / 2).contains(&drawn.iter().filter(|&&drawn| drawn).count()));
        let noise = random(LEN, 2, 1 << 30);
        let high: Vec<f32> = noise.iter().zip(&drawn).map(|(v, &drawn)| if drawn { v + 10.0 } else { *v }).collect();
        check_shares(&high, "only the largest are drawn");
        let low: Vec<f32> = noise.iter().zip(&drawn).map(|(v, &drawn)| if drawn { v - 10.0 } else { *v }).collect();
        check_shares(&low, "only the smallest are drawn");
    }

    #[test]
    fn nan_anywhere_is_an_error() {
        let shape = SparseShape { n: 2, pixels: PIXELS, channels: CHANNELS, capacity: LEN / 10 };
        for place in (0..LEN).step_by(7).chain([LEN - 1]) {
            let mut x = random(2 * LEN, 1, 1 << 30);
            x[LEN + place] = f32::NAN;
            assert_eq!(run(&shape, &x, LEN / 10, Ties::Lowest).err(), Some(NotANumber { sample: 1 }), "{place}");
        }
    }

    #[test]
    fn samples_do_not_write_into_each_other() {
        let k = LEN / 10;
        let shape = SparseShape { n: 3, pixels: PIXELS, channels: CHANNELS, capacity: k };
        let x = random(3 * LEN, 9, 1 << 30);
        let all = run(&shape, &x, k, Ties::Lowest).unwrap();
        for s in 0..3 {
            let one = run(&SparseShape { n: 1, ..shape }, &x[s * LEN..][..LEN], k, Ties::Lowest).unwrap();
            assert_eq!(all.value[s * k..][..k], one.value);
            assert_eq!(all.channel[s * k..][..k], one.channel);
        }
    }
}
