//! What the tests of several kernels share: inputs, comparison, runs with other neighbours and numbers of threads.

/// `len` values in [-1, 1), the same for the same `seed`.
pub fn values(seed: u32, len: usize) -> Vec<f32> {
    let mut state = u64::from(seed) ^ 0x5851_f42d_4c95_7f2d;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..len).map(|_| next()).collect()
}

/// Fails where `actual` differs from `expected` by more than `tolerance * (1 + |expected|)`, or in being NaN.
pub fn assert_close(actual: &[f32], expected: &[f32], tolerance: f32) {
    assert_eq!(actual.len(), expected.len());
    for (i, (&a, &e)) in actual.iter().zip(expected).enumerate() {
        let same = a == e || (a.is_nan() && e.is_nan()) || (a - e).abs() <= tolerance * (1.0 + e.abs());
        assert!(same, "value {i}: {a} instead of {e}");
    }
}

/// Fails where `gradient` differs from the central differences of `f` at `x`, in `f64` steps of `step`.
pub fn assert_gradient(x: &[f32], gradient: &[f32], step: f32, tolerance: f64, f: impl Fn(&[f32]) -> f64) {
    let mut moved = x.to_vec();
    for i in 0..x.len() {
        let (above, below) = (x[i] + step, x[i] - step);
        moved[i] = above;
        let mut difference = f(&moved);
        moved[i] = below;
        difference -= f(&moved);
        moved[i] = x[i];
        let expected = difference / (f64::from(above) - f64::from(below));
        let error = (f64::from(gradient[i]) - expected).abs();
        assert!(error <= tolerance * (1.0 + expected.abs()), "value {i}: {} instead of {expected}", gradient[i]);
    }
}

/// Fails unless `run` returns the same bits on pools of 1, 2 and 3 threads; without feature `threads`
/// it runs once.
pub fn assert_same_bits(run: impl Fn() -> Vec<f32> + Sync) {
    let bits = |values: Vec<f32>| values.into_iter().map(f32::to_bits).collect::<Vec<_>>();
    let expected = bits(run());
    #[cfg(all(feature = "threads", not(target_arch = "wasm32")))]
    for threads in 1..=3 {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        assert!(bits(pool.install(&run)) == expected, "{threads} threads");
    }
    assert!(bits(run()) == expected);
}

/// Samples of [`assert_samples_alone`].
pub const SAMPLES: usize = 33;

/// Fails unless each sample has the same bits alone and in batches of any size and order, with any number of threads.
/// `run` gets the numbers, below [`SAMPLES`], of a batch's samples, and returns as many values for each.
pub fn assert_samples_alone(what: &str, run: impl Fn(&[usize]) -> Vec<f32> + Sync) {
    let bits = |values: Vec<f32>| values.into_iter().map(f32::to_bits).collect::<Vec<_>>();
    let alone: Vec<Vec<u32>> = (0..SAMPLES).map(|s| bits(run(&[s]))).collect();
    let check = |threads: usize| {
        for n in [1, 2, 3, 7, 8, 9, 16, SAMPLES] {
            // 10 and 33 have no common divisor, so every sample comes once.
            let samples: Vec<usize> = (0..n).map(|i| (10 * i + n) % SAMPLES).collect();
            let together = bits(run(&samples));
            for (i, &s) in samples.iter().enumerate() {
                let len = alone[s].len();
                let here = &together[i * len..(i + 1) * len];
                let place = here.iter().zip(&alone[s]).position(|(a, b)| a != b);
                assert!(place.is_none(), "{what}: value {place:?} of sample {s}, number {i} of {n}, {threads} threads");
            }
        }
    };
    check(1);
    #[cfg(all(feature = "threads", not(target_arch = "wasm32")))]
    for threads in 1..=3 {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| check(threads));
    }
}

/// The parts, `len` values each, of `values` with these numbers.
pub fn parts(values: &[f32], len: usize, numbers: &[usize]) -> Vec<f32> {
    numbers.iter().flat_map(|&i| &values[i * len..(i + 1) * len]).copied().collect()
}
