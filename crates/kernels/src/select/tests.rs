use super::*;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// A xorshift generator: tests print its seed where they fail.
struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    fn float(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1 << 23) as f32 - 1.0
    }
}

fn random(n: usize, seed: u32) -> Vec<f32> {
    crate::testing::values(seed, n)
}

fn by_sorting(values: &[f32], k: usize) -> Kth {
    let mut sorted = values.to_vec();
    sorted.sort_by(|a, b| b.partial_cmp(a).unwrap());
    let value = sorted[k - 1];
    let count = |keep: &dyn Fn(f32) -> bool| values.iter().filter(|&&v| keep(v)).count();
    Kth { value, greater: count(&|v| v > value), equal: count(&|v| v == value) }
}

/// Compares with sorting, and returns the number of values looked at.
fn check(values: &[f32], k: usize, what: &str) -> usize {
    let before = values.to_vec();
    let mut scratch = vec![f32::NAN; scratch_len(values.len())];
    let (kth, seen) = kth_largest_counted(values, k, &mut scratch);
    assert_eq!(kth, by_sorting(values, k), "{what}: k = {k} of {}", values.len());
    assert!(values.iter().zip(&before).all(|(a, b)| a.to_bits() == b.to_bits()), "{what}: changed its input");
    seen
}

fn check_ranks(values: &[f32], what: &str) {
    let n = values.len();
    for k in [1, 2, n / 10, n / 3, n / 2, n - n / 10, n - 1, n] {
        check(values, k.clamp(1, n), what);
    }
}

#[test]
fn agrees_with_sorting_at_every_small_size_and_rank() {
    for n in 1..=70 {
        let values = random(n, n as u32);
        for k in 1..=n {
            check(&values, k, "random");
        }
    }
}

#[test]
fn agrees_with_sorting_around_block_sizes() {
    for n in [SMALL - 1, SMALL, SMALL + 1, SMALL + 2, SMALL + 3, 500, 1_023, 1_024, 1_025, 4_095, 4_096, 4_097, 65_536]
    {
        check_ranks(&random(n, 1), "random");
    }
}

/// Orders on which quickselect with some simple choice of pivot is slow, and repeated values.
fn hard_orders(n: usize) -> Vec<(&'static str, Vec<f32>)> {
    let mut orders: Vec<(&'static str, Vec<f32>)> = vec![
        ("ascending", (0..n).map(|i| i as f32).collect()),
        ("descending", (0..n).map(|i| (n - i) as f32).collect()),
        ("organ pipe", (0..n).map(|i| i.min(n - i) as f32).collect()),
        ("all equal", vec![0.5; n]),
        ("two values", (0..n).map(|i| (i * 7 % 13 < 6) as u8 as f32).collect()),
        ("mostly zero", random(n, 5).iter().map(|v| v.max(0.3) - 0.3).collect()),
        ("sixteen values", random(n, 6).iter().map(|v| (v * 8.0).floor()).collect()),
        ("saw", (0..n).map(|i| (i % 64) as f32).collect()),
        ("channels of different scale", random(n, 7).iter().enumerate().map(|(i, v)| v * (i % 64) as f32).collect()),
        ("zigzag", (0..n).map(|i| if i % 2 == 0 { i as f32 } else { -(i as f32) }).collect()),
    ];
    // Musser's sequence, against the median of first, middle and last.
    let half = n / 2;
    let killer = (0..n).map(|i| match i {
        _ if i >= half => 2 * (i - half) + 2,
        _ if i % 2 == 0 => i + 1,
        _ => half + i,
    });
    orders.push(("median-of-3 killer", killer.map(|v| v as f32).collect()));
    orders.push(("against the sample, large", against_sample(n, 1.0)));
    orders.push(("against the sample, small", against_sample(n, -1.0)));
    orders
}

/// Every value that the first sample draws lies beyond all others.
fn against_sample(n: usize, sign: f32) -> Vec<f32> {
    let mut values = random(n, 8);
    let count = sample_len(n);
    for i in 0..count {
        values[sample_place(i, n, count)] = sign * (2.0 + i as f32);
    }
    values
}

#[test]
fn hard_orders_agree_with_sorting() {
    for n in [130, 1_000, 4_097, 65_536] {
        for (name, values) in hard_orders(n) {
            check_ranks(&values, name);
        }
    }
}

#[test]
fn work_is_linear_on_every_order() {
    for n in [4_096, 65_536, 1 << 20] {
        for (name, values) in hard_orders(n).into_iter().chain([("random", random(n, 9))]) {
            for k in [1, n / 10, n / 2, n] {
                let mut scratch = vec![0.0; scratch_len(n)];
                let (_, seen) = kth_largest_counted(&values, k, &mut scratch);
                assert!(seen <= 12 * n, "{name}: {seen} values seen for k = {k} of {n}");
            }
        }
    }
}

/// Samples can mislead every other step at most; the rest is up to the median of medians, tried here alone.
#[test]
fn median_of_medians_drops_three_tenths() {
    for n in [SMALL + 1, 1_000, 65_536] {
        for (name, values) in hard_orders(n).into_iter().chain([("random", random(n, 3))]) {
            let mut seen = 0;
            let pivot = median_of_medians(&values, &mut vec![0.0; n], &mut seen);
            let less = values.iter().filter(|&&v| v < pivot).count();
            let greater = values.iter().filter(|&&v| v > pivot).count();
            assert!(less.max(greater) <= n * 7 / 10 + 5, "{name}: {less} less, {greater} greater of {n}");
            assert!(seen <= 4 * n + 2_000, "{name}: {seen} seen");
        }
    }
}

#[test]
fn zeros_of_both_signs_are_equal() {
    let mut rng = Rng(11);
    for n in [5, 64, 1_000, 5_000] {
        let values: Vec<f32> = (0..n).map(|_| [0.0, -0.0, 1.0, -1.0][rng.below(4)]).collect();
        check_ranks(&values, "zeros of both signs");
    }
}

#[test]
fn infinities_and_denormals_are_ordinary() {
    let mut rng = Rng(12);
    let special = [f32::INFINITY, f32::NEG_INFINITY, f32::MAX, f32::MIN, 1e-45, -1e-45, 1e-40, f32::MIN_POSITIVE, 0.0];
    for n in [3, 60, 129, 3_000, 70_000] {
        let values: Vec<f32> = (0..n).map(|_| special[rng.below(special.len())]).collect();
        check_ranks(&values, "special values");
    }
    check_ranks(&[f32::INFINITY; 200], "all infinite");
    check_ranks(&[f32::NEG_INFINITY; 200], "all negative infinite");
}

#[test]
fn random_cases_agree_with_sorting() {
    for seed in 1..=300 {
        let mut rng = Rng(seed * 104_729);
        let n = 1 + rng.below(if seed % 10 == 0 { 20_000 } else { 600 });
        let levels = [2, 10, 1_000, 1 << 22][rng.below(4)] as f32;
        let values: Vec<f32> = (0..n).map(|_| (rng.float() * levels).floor() / levels).collect();
        check(&values, 1 + rng.below(n), &format!("seed {seed}"));
    }
}

#[test]
#[should_panic(expected = "k: 4 of 3 values")]
fn rank_beyond_the_values_panics() {
    kth_largest(&[1.0, 2.0, 3.0], 4, &mut [0.0; 6]);
}
