//! Exports of `kwta_kernels::batch_norm`.

use crate::memory::{read, write};
use crate::sparse::pattern;
use kwta_kernels::batch_norm;
use kwta_kernels::sparse::SparseShape;
use wasm_bindgen::prelude::wasm_bindgen;

/// Normalises by the batch's own mean and variance, which are saved.
#[wasm_bindgen]
pub unsafe fn batch_norm_train_forward(
    rows: usize,
    channels: usize,
    x: *const f32,
    weight: *const f32,
    bias: *const f32,
    eps: f32,
    mean: *mut f32,
    variance: *mut f32,
    y: *mut f32,
) {
    let len = rows * channels;
    // SAFETY: the contract of the crate.
    unsafe {
        let (x, weight, bias) = (read(x, len), read(weight, channels), read(bias, channels));
        let (mean, variance, y) = (write(mean, channels), write(variance, channels), write(y, len));
        batch_norm::train_forward(rows, channels, x, weight, bias, eps, mean, variance, y);
    }
}

/// Moves the running statistics by `momentum` towards the batch's.
#[wasm_bindgen]
pub unsafe fn batch_norm_update_running(
    rows: usize,
    channels: usize,
    mean: *const f32,
    variance: *const f32,
    momentum: f32,
    running_mean: *mut f32,
    running_var: *mut f32,
) {
    // SAFETY: the contract of the crate.
    unsafe {
        let (mean, variance) = (read(mean, channels), read(variance, channels));
        let (running_mean, running_var) = (write(running_mean, channels), write(running_var, channels));
        batch_norm::update_running(rows, mean, variance, momentum, running_mean, running_var);
    }
}

/// Normalises by given statistics.
#[wasm_bindgen]
pub unsafe fn batch_norm_eval_forward(
    rows: usize,
    channels: usize,
    x: *const f32,
    weight: *const f32,
    bias: *const f32,
    eps: f32,
    mean: *const f32,
    variance: *const f32,
    y: *mut f32,
) {
    let len = rows * channels;
    // SAFETY: the contract of the crate.
    unsafe {
        let (x, weight, bias) = (read(x, len), read(weight, channels), read(bias, channels));
        let (mean, variance) = (read(mean, channels), read(variance, channels));
        batch_norm::eval_forward(rows, channels, x, weight, bias, mean, variance, eps, write(y, len));
    }
}

/// All gradients, of [`batch_norm_train_forward`].
#[wasm_bindgen]
pub unsafe fn batch_norm_train_backward(
    rows: usize,
    channels: usize,
    x: *const f32,
    dy: *const f32,
    mean: *const f32,
    variance: *const f32,
    weight: *const f32,
    eps: f32,
    dx: *mut f32,
    dweight: *mut f32,
    dbias: *mut f32,
) {
    let len = rows * channels;
    // SAFETY: the contract of the crate.
    unsafe {
        let (x, dy, weight) = (read(x, len), read(dy, len), read(weight, channels));
        let (mean, variance) = (read(mean, channels), read(variance, channels));
        let (dx, dweight, dbias) = (write(dx, len), write(dweight, channels), write(dbias, channels));
        batch_norm::train_backward(rows, channels, x, dy, mean, variance, weight, eps, dx, dweight, dbias);
    }
}

/// The same where the incoming gradient is zero but at the entries of a pattern.
#[wasm_bindgen]
pub unsafe fn batch_norm_train_backward_sparse(
    n: usize,
    pixels: usize,
    channels: usize,
    capacity: usize,
    start: *const u32,
    channel: *const u32,
    x: *const f32,
    dvalue: *const f32,
    mean: *const f32,
    variance: *const f32,
    weight: *const f32,
    eps: f32,
    dx: *mut f32,
    dweight: *mut f32,
    dbias: *mut f32,
) {
    let shape = SparseShape { n, pixels, channels, capacity };
    let len = n * shape.sample_len();
    // SAFETY: the contract of the crate.
    unsafe {
        let pattern = pattern(shape, start, channel);
        let (x, dvalue, weight) = (read(x, len), read(dvalue, shape.entries_len()), read(weight, channels));
        let (mean, variance) = (read(mean, channels), read(variance, channels));
        let (dx, dweight, dbias) = (write(dx, len), write(dweight, channels), write(dbias, channels));
        batch_norm::sparse::train_backward_sparse(&pattern, x, dvalue, mean, variance, weight, eps, dx, dweight, dbias);
    }
}

/// Input gradient of [`batch_norm_eval_forward`].
#[wasm_bindgen]
pub unsafe fn batch_norm_eval_backward(
    rows: usize,
    channels: usize,
    dy: *const f32,
    weight: *const f32,
    variance: *const f32,
    eps: f32,
    dx: *mut f32,
) {
    let len = rows * channels;
    // SAFETY: the contract of the crate.
    unsafe {
        let (dy, weight, variance) = (read(dy, len), read(weight, channels), read(variance, channels));
        batch_norm::eval_backward(rows, channels, dy, weight, variance, eps, write(dx, len));
    }
}

/// The same at the entries of a pattern.
#[wasm_bindgen]
pub unsafe fn batch_norm_eval_backward_sparse(
    n: usize,
    pixels: usize,
    channels: usize,
    capacity: usize,
    start: *const u32,
    channel: *const u32,
    dvalue: *const f32,
    weight: *const f32,
    variance: *const f32,
    eps: f32,
    dx_value: *mut f32,
) {
    let shape = SparseShape { n, pixels, channels, capacity };
    // SAFETY: the contract of the crate.
    unsafe {
        let pattern = pattern(shape, start, channel);
        let (dvalue, dx_value) = (read(dvalue, shape.entries_len()), write(dx_value, shape.entries_len()));
        let (weight, variance) = (read(weight, channels), read(variance, channels));
        batch_norm::sparse::eval_backward_sparse(&pattern, dvalue, weight, variance, eps, dx_value);
    }
}

/// Gradients of weight and bias of [`batch_norm_eval_forward`].
#[wasm_bindgen]
pub unsafe fn batch_norm_eval_parameter_gradients(
    rows: usize,
    channels: usize,
    x: *const f32,
    dy: *const f32,
    mean: *const f32,
    variance: *const f32,
    eps: f32,
    dweight: *mut f32,
    dbias: *mut f32,
) {
    let len = rows * channels;
    // SAFETY: the contract of the crate.
    unsafe {
        let (x, dy, mean, variance) = (read(x, len), read(dy, len), read(mean, channels), read(variance, channels));
        let (dweight, dbias) = (write(dweight, channels), write(dbias, channels));
        batch_norm::parameter_gradients(rows, channels, x, dy, mean, variance, eps, dweight, dbias);
    }
}
