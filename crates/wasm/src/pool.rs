//! Exports of `kwta_kernels::pool`.

use crate::memory::{read, write};
use kwta_kernels::pool::{self, Pool2dShape};
use wasm_bindgen::prelude::wasm_bindgen;

/// Maximum over windows; saves where it stood.
#[wasm_bindgen]
pub unsafe fn max_pool2d_forward(
    n: usize,
    h: usize,
    w: usize,
    c: usize,
    kernel: usize,
    stride: usize,
    padding: usize,
    x: *const f32,
    y: *mut f32,
    argmax: *mut u32,
) {
    let s = Pool2dShape { n, h, w, c, kernel, stride, padding };
    // SAFETY: the contract of the crate.
    unsafe { pool::max_pool2d(&s, read(x, s.x_len()), write(y, s.y_len()), write(argmax, s.y_len())) }
}

/// Gradient of [`max_pool2d_forward`].
#[wasm_bindgen]
pub unsafe fn max_pool2d_backward(
    n: usize,
    h: usize,
    w: usize,
    c: usize,
    kernel: usize,
    stride: usize,
    padding: usize,
    dy: *const f32,
    argmax: *const u32,
    dx: *mut f32,
) {
    let s = Pool2dShape { n, h, w, c, kernel, stride, padding };
    // SAFETY: the contract of the crate.
    unsafe { pool::max_pool2d_backward(&s, read(dy, s.y_len()), read(argmax, s.y_len()), write(dx, s.x_len())) }
}

/// Mean over windows, padding counted.
#[wasm_bindgen]
pub unsafe fn avg_pool2d_forward(
    n: usize,
    h: usize,
    w: usize,
    c: usize,
    kernel: usize,
    stride: usize,
    padding: usize,
    x: *const f32,
    y: *mut f32,
) {
    let s = Pool2dShape { n, h, w, c, kernel, stride, padding };
    // SAFETY: the contract of the crate.
    unsafe { pool::avg_pool2d(&s, read(x, s.x_len()), write(y, s.y_len())) }
}

/// Gradient of [`avg_pool2d_forward`].
#[wasm_bindgen]
pub unsafe fn avg_pool2d_backward(
    n: usize,
    h: usize,
    w: usize,
    c: usize,
    kernel: usize,
    stride: usize,
    padding: usize,
    dy: *const f32,
    dx: *mut f32,
) {
    let s = Pool2dShape { n, h, w, c, kernel, stride, padding };
    // SAFETY: the contract of the crate.
    unsafe { pool::avg_pool2d_backward(&s, read(dy, s.y_len()), write(dx, s.x_len())) }
}

/// Mean over all pixels.
#[wasm_bindgen]
pub unsafe fn global_average_forward(n: usize, pixels: usize, channels: usize, x: *const f32, y: *mut f32) {
    // SAFETY: the contract of the crate.
    unsafe {
        pool::global_average(n, pixels, channels, read(x, n * pixels * channels), write(y, n * channels));
    }
}

/// Gradient of [`global_average_forward`].
#[wasm_bindgen]
pub unsafe fn global_average_backward(n: usize, pixels: usize, channels: usize, dy: *const f32, dx: *mut f32) {
    // SAFETY: the contract of the crate.
    unsafe {
        pool::global_average_backward(n, pixels, channels, read(dy, n * channels), write(dx, n * pixels * channels));
    }
}
