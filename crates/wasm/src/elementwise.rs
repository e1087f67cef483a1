//! Exports of `kwta_kernels::elementwise`.

use crate::memory::{read, write};
use kwta_kernels::elementwise;
use wasm_bindgen::prelude::wasm_bindgen;

/// `y = max(x, 0)`.
#[wasm_bindgen]
pub unsafe fn relu_forward(len: usize, x: *const f32, y: *mut f32) {
    // SAFETY: the contract of the crate.
    unsafe { elementwise::relu(read(x, len), write(y, len)) }
}

/// `dx = dy` where the output `y` is positive.
#[wasm_bindgen]
pub unsafe fn relu_backward(len: usize, y: *const f32, dy: *const f32, dx: *mut f32) {
    // SAFETY: the contract of the crate.
    unsafe { elementwise::relu_backward(read(y, len), read(dy, len), write(dx, len)) }
}

/// `y += x`.
#[wasm_bindgen]
pub unsafe fn add_in_place(len: usize, x: *const f32, y: *mut f32) {
    // SAFETY: the contract of the crate.
    unsafe { elementwise::add_in_place(write(y, len), read(x, len)) }
}

/// `y = x`.
#[wasm_bindgen]
pub unsafe fn copy(len: usize, x: *const f32, y: *mut f32) {
    // SAFETY: the contract of the crate.
    unsafe { write(y, len).copy_from_slice(read(x, len)) }
}

/// `y = value`.
#[wasm_bindgen]
pub unsafe fn fill(len: usize, value: f32, y: *mut f32) {
    // SAFETY: the contract of the crate.
    unsafe { elementwise::fill(write(y, len), value) }
}

/// `(x - mean) / std` by channel.
#[wasm_bindgen]
pub unsafe fn normalize_forward(
    rows: usize,
    channels: usize,
    x: *const f32,
    mean: *const f32,
    std: *const f32,
    y: *mut f32,
) {
    let len = rows * channels;
    // SAFETY: the contract of the crate.
    unsafe {
        elementwise::normalize(channels, read(x, len), read(mean, channels), read(std, channels), write(y, len));
    }
}

/// Gradient of [`normalize_forward`].
#[wasm_bindgen]
pub unsafe fn normalize_backward(rows: usize, channels: usize, dy: *const f32, std: *const f32, dx: *mut f32) {
    let len = rows * channels;
    // SAFETY: the contract of the crate.
    unsafe { elementwise::normalize_backward(channels, read(dy, len), read(std, channels), write(dx, len)) }
}

/// Drops values at random; the same call turns a gradient back. `layer` and `step` choose the stream.
#[wasm_bindgen]
pub unsafe fn dropout(len: usize, x: *const f32, p: f32, seed: f64, layer: u32, step: u32, y: *mut f32) {
    // SAFETY: the contract of the crate.
    unsafe {
        elementwise::dropout(seed as u64, crate::rng::dropout_stream(layer, step), p, read(x, len), write(y, len))
    }
}

/// Surrogate gradient of k-WTA: a sigmoid around each sample's threshold in place of the mask.
#[wasm_bindgen]
pub unsafe fn softmask_backward(
    n: usize,
    len: usize,
    x: *const f32,
    threshold: *const f32,
    temperature: f32,
    dy: *const f32,
    dx: *mut f32,
) {
    // SAFETY: the contract of the crate.
    unsafe {
        let (x, dy, dx) = (read(x, n * len), read(dy, n * len), write(dx, n * len));
        elementwise::softmask_backward(n, len, x, read(threshold, n), temperature, dy, dx);
    }
}

/// `[n][c][h][w]` to `[n][h][w][c]`.
#[wasm_bindgen]
pub unsafe fn nchw_to_nhwc(n: usize, c: usize, h: usize, w: usize, x: *const f32, y: *mut f32) {
    let len = n * c * h * w;
    // SAFETY: the contract of the crate.
    unsafe { elementwise::nchw_to_nhwc(n, c, h * w, read(x, len), write(y, len)) }
}

/// `[n][h][w][c]` to `[n][c][h][w]`.
#[wasm_bindgen]
pub unsafe fn nhwc_to_nchw(n: usize, c: usize, h: usize, w: usize, x: *const f32, y: *mut f32) {
    let len = n * c * h * w;
    // SAFETY: the contract of the crate.
    unsafe { elementwise::nhwc_to_nchw(n, c, h * w, read(x, len), write(y, len)) }
}
