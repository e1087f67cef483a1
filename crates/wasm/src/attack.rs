//! Exports of `kwta_kernels::attack`.

use crate::export::export;
use crate::rng::stream;
use kwta_kernels::attack::{antithetic, ball};
use kwta_kernels::sizes::product;

export! {
    /// Directions `first .. first + pairs` of a stream, `size` normal values each, and the points on both sides of
    /// `point`: `queries` holds first all `point + sigma * direction`, then all `point - sigma * direction`.
    fn antithetic_queries(
        seed: f64,
        stream_high: u32,
        stream_low: u32,
        first: f64,
        pairs: usize,
        size: usize,
        sigma: f64,
        point: &[f32; size],
        directions: &mut [f32; product([pairs, size])],
        queries: &mut [f32; product([2, pairs, size])]
    ) {
        let (seed, stream) = (seed as u64, stream(stream_high, stream_low));
        antithetic::queries(seed, stream, first as u64, sigma, point, directions, queries);
    }

    /// `sums [size] += weights [pairs] * directions [pairs][size]`, pair after pair; weights and sums are `f64`.
    fn antithetic_sum(
        pairs: usize,
        size: usize,
        weights: &[f64; pairs],
        directions: &[f32; product([pairs, size])],
        sums: &mut [f64; size]
    ) {
        antithetic::add_directions(weights, directions, sums);
    }

    /// Moves `adversarial` by `step` along the sign of the gradient, then to within `epsilon` of `x` and into [0, 1].
    fn linf_step(
        len: usize,
        adversarial: &mut [f32; len],
        gradient: &[f32; len],
        x: &[f32; len],
        step: f64,
        epsilon: f64
    ) {
        ball::linf_step(adversarial, gradient, x, step, epsilon);
    }

    /// The same along each sample's gradient itself, with the Euclidean distance. Samples are `[pixels][channels]`, and
    /// sums run in C,H,W order.
    fn l2_step(
        n: usize,
        pixels: usize,
        channels: usize,
        adversarial: &mut [f32; product([n, pixels, channels])],
        gradient: &[f32; adversarial.len()],
        x: &[f32; adversarial.len()],
        step: f64,
        epsilon: f64
    ) {
        ball::l2_step(&ball::Layout { n, pixels, channels }, adversarial, gradient, x, step, epsilon);
    }
}
