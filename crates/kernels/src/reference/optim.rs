//! Optimizer steps in `f64`.

use crate::optim::{Adam, Sgd};

/// One step of SGD.
pub fn sgd_step(options: &Sgd, parameter: &mut [f64], gradient: &[f32], velocity: &mut [f64]) {
    for (i, p) in parameter.iter_mut().enumerate() {
        let g = f64::from(gradient[i]) + options.weight_decay * *p;
        velocity[i] = options.momentum * velocity[i] + g;
        *p -= options.lr * if options.nesterov { g + options.momentum * velocity[i] } else { velocity[i] };
    }
}

/// One step of Adam or AdamW.
pub fn adam_step(options: &Adam, step: u32, parameter: &mut [f64], gradient: &[f32], m: &mut [f64], v: &mut [f64]) {
    let Adam { lr, beta1, beta2, eps, weight_decay, decoupled } = *options;
    for (i, p) in parameter.iter_mut().enumerate() {
        let mut g = f64::from(gradient[i]);
        if decoupled {
            *p -= lr * weight_decay * *p;
        } else {
            g += weight_decay * *p;
        }
        m[i] = beta1 * m[i] + (1.0 - beta1) * g;
        v[i] = beta2 * v[i] + (1.0 - beta2) * g * g;
        let corrected_m = m[i] / (1.0 - beta1.powf(f64::from(step)));
        let corrected_v = v[i] / (1.0 - beta2.powf(f64::from(step)));
        *p -= lr * corrected_m / (corrected_v.sqrt() + eps);
    }
}
