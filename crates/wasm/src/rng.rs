//! Exports of `kwta_kernels::rng`.

use crate::memory::write;
use kwta_kernels::rng;
use wasm_bindgen::prelude::wasm_bindgen;

/// Purposes of streams that the kernels draw; the TypeScript side uses streams of purpose 0.
const DROPOUT: u8 = 1;
const NOISE: u8 = 2;

/// The stream of a dropout layer at an optimizer step.
pub(crate) fn dropout_stream(layer: u32, step: u32) -> u64 {
    rng::stream(DROPOUT, step % (1 << 24), layer)
}

/// Standard normal values `first .. first + len` of noise stream `draw`.
#[wasm_bindgen]
pub unsafe fn normal(seed: f64, draw: u32, first: f64, len: usize, out: *mut f32) {
    // SAFETY: the contract of the crate.
    unsafe { rng::normal(seed as u64, rng::stream(NOISE, 0, draw), first as u64, write(out, len)) }
}
