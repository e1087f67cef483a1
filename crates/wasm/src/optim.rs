//! Exports of `kwta_kernels::optim`.

use crate::export::export;
use kwta_kernels::optim::{self, Adam, Sgd};

export! {
    /// One step of `torch.optim.SGD`.
    fn sgd_step(
        len: usize,
        parameter: &mut [f32; len],
        gradient: &[f32; len],
        velocity: &mut [f32; len],
        lr: f64,
        momentum: f64,
        weight_decay: f64,
        nesterov: bool
    ) {
        optim::sgd_step(&Sgd { lr, momentum, weight_decay, nesterov }, parameter, gradient, velocity);
    }

    /// The `step`-th step (from 1) of `torch.optim.Adam`, or AdamW when `decoupled`.
    fn adam_step(
        len: usize,
        parameter: &mut [f32; len],
        gradient: &[f32; len],
        m: &mut [f32; len],
        v: &mut [f32; len],
        step: u32,
        lr: f64,
        beta1: f64,
        beta2: f64,
        eps: f64,
        weight_decay: f64,
        decoupled: bool
    ) {
        let options = Adam { lr, beta1, beta2, eps, weight_decay, decoupled };
        optim::adam_step(&options, step, parameter, gradient, m, v);
    }
}
