//! Exports of `kwta_kernels::loss`. Losses go by number: 0 cross entropy, 1 margin, 2 DLR.

use crate::memory::{read, write};
use kwta_kernels::loss::{self, Loss};
use wasm_bindgen::prelude::wasm_bindgen;

fn kind(number: usize) -> Loss {
    [Loss::CrossEntropy, Loss::Margin, Loss::Dlr][number]
}

/// Loss of each sample.
#[wasm_bindgen]
pub unsafe fn losses(loss: usize, n: usize, classes: usize, logits: *const f32, labels: *const u32, losses: *mut f32) {
    // SAFETY: the contract of the crate.
    unsafe { loss::losses(kind(loss), n, classes, read(logits, n * classes), read(labels, n), write(losses, n)) }
}

/// Gradient of each sample's loss by its logits, times `scale`.
#[wasm_bindgen]
pub unsafe fn loss_gradient(
    loss: usize,
    n: usize,
    classes: usize,
    logits: *const f32,
    labels: *const u32,
    scale: f32,
    dlogits: *mut f32,
) {
    let len = n * classes;
    // SAFETY: the contract of the crate.
    unsafe { loss::gradient(kind(loss), n, classes, read(logits, len), read(labels, n), scale, write(dlogits, len)) }
}

/// Softmax of each row.
#[wasm_bindgen]
pub unsafe fn softmax_forward(rows: usize, classes: usize, x: *const f32, y: *mut f32) {
    // SAFETY: the contract of the crate.
    unsafe { loss::softmax(rows, classes, read(x, rows * classes), write(y, rows * classes)) }
}

/// Gradient of [`softmax_forward`] from its output.
#[wasm_bindgen]
pub unsafe fn softmax_backward(rows: usize, classes: usize, y: *const f32, dy: *const f32, dx: *mut f32) {
    let len = rows * classes;
    // SAFETY: the contract of the crate.
    unsafe { loss::softmax_backward(rows, classes, read(y, len), read(dy, len), write(dx, len)) }
}

/// Logarithm of the softmax of each row.
#[wasm_bindgen]
pub unsafe fn log_softmax_forward(rows: usize, classes: usize, x: *const f32, y: *mut f32) {
    // SAFETY: the contract of the crate.
    unsafe { loss::log_softmax(rows, classes, read(x, rows * classes), write(y, rows * classes)) }
}

/// Gradient of [`log_softmax_forward`] from its output.
#[wasm_bindgen]
pub unsafe fn log_softmax_backward(rows: usize, classes: usize, y: *const f32, dy: *const f32, dx: *mut f32) {
    let len = rows * classes;
    // SAFETY: the contract of the crate.
    unsafe { loss::log_softmax_backward(rows, classes, read(y, len), read(dy, len), write(dx, len)) }
}
