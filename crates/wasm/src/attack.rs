//! Exports of `kwta_kernels::attack`.

use crate::memory::{read, write};
use crate::rng::stream;
use kwta_kernels::attack::{antithetic, ball};
use wasm_bindgen::prelude::wasm_bindgen;

/// Directions `first .. first + pairs` of a stream, `size` normal values each, and the points on both sides of `point`:
/// `queries` holds first all `point + sigma * direction`, then all `point - sigma * direction`.
#[wasm_bindgen]
pub unsafe fn antithetic_queries(
    seed: f64,
    stream_high: u32,
    stream_low: u32,
    first: f64,
    pairs: usize,
    size: usize,
    sigma: f64,
    point: *const f32,
    directions: *mut f32,
    queries: *mut f32,
) {
    let (seed, stream, len) = (seed as u64, stream(stream_high, stream_low), pairs * size);
    // SAFETY: the contract of the crate.
    unsafe {
        let (point, directions, queries) = (read(point, size), write(directions, len), write(queries, 2 * len));
        antithetic::queries(seed, stream, first as u64, sigma, point, directions, queries);
    }
}

/// `sums [size] += weights [pairs] * directions [pairs][size]`, pair after pair; weights and sums are `f64`.
#[wasm_bindgen]
pub unsafe fn antithetic_sum(
    pairs: usize,
    size: usize,
    weights: *const f64,
    directions: *const f32,
    sums: *mut f64,
) {
    // SAFETY: the contract of the crate.
    unsafe { antithetic::add_directions(read(weights, pairs), read(directions, pairs * size), write(sums, size)) }
}

/// Moves `adversarial` by `step` along the sign of the gradient, then to within `epsilon` of `x` and into [0, 1].
#[wasm_bindgen]
pub unsafe fn linf_step(
    len: usize,
    adversarial: *mut f32,
    gradient: *const f32,
    x: *const f32,
    step: f64,
    epsilon: f64,
) {
    // SAFETY: the contract of the crate.
    unsafe { ball::linf_step(write(adversarial, len), read(gradient, len), read(x, len), step, epsilon) }
}

/// The same along each sample's gradient itself, with the Euclidean distance. Samples are `[pixels][channels]`, and
/// sums run in C,H,W order.
#[wasm_bindgen]
pub unsafe fn l2_step(
    n: usize,
    pixels: usize,
    channels: usize,
    adversarial: *mut f32,
    gradient: *const f32,
    x: *const f32,
    step: f64,
    epsilon: f64,
) {
    let (layout, len) = (ball::Layout { n, pixels, channels }, n * pixels * channels);
    // SAFETY: the contract of the crate.
    unsafe { ball::l2_step(&layout, write(adversarial, len), read(gradient, len), read(x, len), step, epsilon) }
}
