//! Exports of `kwta_kernels::optim`.

use crate::memory::{read, write};
use kwta_kernels::optim::{self, Adam, Sgd};
use wasm_bindgen::prelude::wasm_bindgen;

/// One step of `torch.optim.SGD`.
#[wasm_bindgen]
pub unsafe fn sgd_step(
    len: usize,
    parameter: *mut f32,
    gradient: *const f32,
    velocity: *mut f32,
    lr: f64,
    momentum: f64,
    weight_decay: f64,
    nesterov: bool,
) {
    let options = Sgd { lr, momentum, weight_decay, nesterov };
    // SAFETY: the contract of the crate.
    unsafe { optim::sgd_step(&options, write(parameter, len), read(gradient, len), write(velocity, len)) }
}

/// The `step`-th step (from 1) of `torch.optim.Adam`, or AdamW when `decoupled`.
#[wasm_bindgen]
pub unsafe fn adam_step(
    len: usize,
    parameter: *mut f32,
    gradient: *const f32,
    m: *mut f32,
    v: *mut f32,
    step: u32,
    lr: f64,
    beta1: f64,
    beta2: f64,
    eps: f64,
    weight_decay: f64,
    decoupled: bool,
) {
    let options = Adam { lr, beta1, beta2, eps, weight_decay, decoupled };
    // SAFETY: the contract of the crate.
    unsafe {
        optim::adam_step(&options, step, write(parameter, len), read(gradient, len), write(m, len), write(v, len))
    }
}
