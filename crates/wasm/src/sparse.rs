//! Exports of `kwta_kernels::sparse`. Every function begins with the sizes and the pattern of its operand.

use crate::memory::{read, write};
use kwta_kernels::sparse::{self, Pattern, SparseShape};
use wasm_bindgen::prelude::wasm_bindgen;

/// The pattern at these addresses.
///
/// # Safety
/// The contract of the crate.
pub(crate) unsafe fn pattern<'a>(shape: SparseShape, start: *const u32, channel: *const u32) -> Pattern<'a> {
    // SAFETY: the caller's contract.
    unsafe { Pattern::new(shape, read(start, shape.start_len()), read(channel, shape.entries_len())) }
}

/// Expands to dense `y`.
#[wasm_bindgen]
pub unsafe fn sparse_densify(
    n: usize,
    pixels: usize,
    channels: usize,
    capacity: usize,
    start: *const u32,
    channel: *const u32,
    values: *const f32,
    y: *mut f32,
) {
    let shape = SparseShape { n, pixels, channels, capacity };
    // SAFETY: the contract of the crate.
    unsafe {
        let y = write(y, n * shape.sample_len());
        sparse::densify(&pattern(shape, start, channel), read(values, shape.entries_len()), y);
    }
}

/// Adds the entries to dense `y`.
#[wasm_bindgen]
pub unsafe fn sparse_add(
    n: usize,
    pixels: usize,
    channels: usize,
    capacity: usize,
    start: *const u32,
    channel: *const u32,
    values: *const f32,
    y: *mut f32,
) {
    let shape = SparseShape { n, pixels, channels, capacity };
    // SAFETY: the contract of the crate.
    unsafe {
        let y = write(y, n * shape.sample_len());
        sparse::add_to_dense(&pattern(shape, start, channel), read(values, shape.entries_len()), y);
    }
}

/// Takes the values of dense `x` at the entries.
#[wasm_bindgen]
pub unsafe fn sparse_gather(
    n: usize,
    pixels: usize,
    channels: usize,
    capacity: usize,
    start: *const u32,
    channel: *const u32,
    x: *const f32,
    values: *mut f32,
) {
    let shape = SparseShape { n, pixels, channels, capacity };
    // SAFETY: the contract of the crate.
    unsafe {
        let values = write(values, shape.entries_len());
        sparse::gather(&pattern(shape, start, channel), read(x, n * shape.sample_len()), values, false);
    }
}

/// Smallest entry of each sample.
#[wasm_bindgen]
pub unsafe fn sparse_minimum(
    n: usize,
    pixels: usize,
    channels: usize,
    capacity: usize,
    start: *const u32,
    channel: *const u32,
    values: *const f32,
    minimum: *mut f32,
) {
    let shape = SparseShape { n, pixels, channels, capacity };
    // SAFETY: the contract of the crate.
    unsafe { sparse::minimum(&pattern(shape, start, channel), read(values, shape.entries_len()), write(minimum, n)) }
}

/// Mean over pixels, `y [n][channels]`.
#[wasm_bindgen]
pub unsafe fn sparse_global_average(
    n: usize,
    pixels: usize,
    channels: usize,
    capacity: usize,
    start: *const u32,
    channel: *const u32,
    values: *const f32,
    y: *mut f32,
) {
    let shape = SparseShape { n, pixels, channels, capacity };
    // SAFETY: the contract of the crate.
    unsafe {
        let y = write(y, n * channels);
        sparse::global_average(&pattern(shape, start, channel), read(values, shape.entries_len()), y);
    }
}

/// Gradient of [`sparse_global_average`] at the entries.
#[wasm_bindgen]
pub unsafe fn sparse_global_average_gradient(
    n: usize,
    pixels: usize,
    channels: usize,
    capacity: usize,
    start: *const u32,
    channel: *const u32,
    dy: *const f32,
    dvalues: *mut f32,
) {
    let shape = SparseShape { n, pixels, channels, capacity };
    // SAFETY: the contract of the crate.
    unsafe {
        let dvalues = write(dvalues, shape.entries_len());
        sparse::global_average_gradient(&pattern(shape, start, channel), read(dy, n * channels), dvalues, false);
    }
}

/// The same entries as one pixel in C,H,W order.
#[wasm_bindgen]
pub unsafe fn sparse_flatten(
    n: usize,
    pixels: usize,
    channels: usize,
    capacity: usize,
    start: *const u32,
    channel: *const u32,
    values: *const f32,
    flat_start: *mut u32,
    flat_channel: *mut u32,
    flat_value: *mut f32,
) {
    let shape = SparseShape { n, pixels, channels, capacity };
    let entries = shape.entries_len();
    // SAFETY: the contract of the crate.
    unsafe {
        let (flat_start, flat_channel) = (write(flat_start, n * 2), write(flat_channel, entries));
        let flat_value = write(flat_value, entries);
        sparse::flatten(&pattern(shape, start, channel), read(values, entries), flat_start, flat_channel, flat_value);
    }
}

/// Brings a gradient of flattened entries back to their old order.
#[wasm_bindgen]
pub unsafe fn sparse_unflatten_gradient(
    n: usize,
    pixels: usize,
    channels: usize,
    capacity: usize,
    start: *const u32,
    channel: *const u32,
    dflat: *const f32,
    dvalues: *mut f32,
) {
    let shape = SparseShape { n, pixels, channels, capacity };
    let entries = shape.entries_len();
    // SAFETY: the contract of the crate.
    unsafe {
        let dvalues = write(dvalues, entries);
        sparse::unflatten_gradient(&pattern(shape, start, channel), read(dflat, entries), dvalues, false);
    }
}

/// C,H,W indices of the entries of one sample, ascending.
#[wasm_bindgen]
pub unsafe fn sparse_chw_indices(
    n: usize,
    pixels: usize,
    channels: usize,
    capacity: usize,
    start: *const u32,
    channel: *const u32,
    sample: usize,
    indices: *mut u32,
) {
    let shape = SparseShape { n, pixels, channels, capacity };
    // SAFETY: the contract of the crate.
    unsafe {
        let pattern = pattern(shape, start, channel);
        sparse::chw_indices(&pattern, sample, write(indices, pattern.count(sample)));
    }
}
