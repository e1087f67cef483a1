//! Exports of `kwta_kernels::matmul`.

use crate::memory::{read, write};
use wasm_bindgen::prelude::wasm_bindgen;

/// `c[m][n] = op(a) op(b)`.
#[wasm_bindgen]
pub unsafe fn matmul(
    m: usize,
    n: usize,
    k: usize,
    a: *const f32,
    a_transposed: bool,
    b: *const f32,
    b_transposed: bool,
    c: *mut f32,
) {
    // SAFETY: the contract of the crate.
    let (a, b, c) = unsafe { (read(a, m * k), read(b, k * n), write(c, m * n)) };
    kwta_kernels::matmul::matmul(m, n, k, a, a_transposed, b, b_transposed, c);
}
