//! Optimizer steps over one parameter, flat, as `torch.optim.SGD`, `Adam` and `AdamW` take them.
//!
//! Hyperparameters are `f64` and derived factors rounded to `f32` once, as PyTorch does.
//! State (`velocity`, `m`, `v`) starts at zero. Parameters and state that become denormal become zero (`denormal.rs`).

use crate::denormal::flushed;
use crate::parallel::{self, Disjoint};

/// Values of one piece of work.
const PIECE: usize = 16384;

/// What [`sgd_step`] needs besides the state.
#[derive(Clone, Copy, Debug)]
pub struct Sgd {
    /// Step size.
    pub lr: f64,
    /// Share of the velocity that is kept.
    pub momentum: f64,
    /// Added to the gradient, times the parameter.
    pub weight_decay: f64,
    /// Looks ahead along the velocity.
    pub nesterov: bool,
}

/// velocity = momentum * velocity + g, parameter -= lr * velocity, with g the gradient after weight decay.
pub fn sgd_step(options: &Sgd, parameter: &mut [f32], gradient: &[f32], velocity: &mut [f32]) {
    assert_eq!(gradient.len(), parameter.len(), "gradient");
    assert_eq!(velocity.len(), parameter.len(), "velocity");
    let [lr, momentum, weight_decay] = [options.lr, options.momentum, options.weight_decay].map(|v| v as f32);
    let velocity = Disjoint::new(velocity);
    parallel::for_each_chunk_mut(parameter, PIECE, |piece, parameter| {
        let range = piece * PIECE..piece * PIECE + parameter.len();
        // SAFETY: pieces do not overlap.
        let velocity = unsafe { velocity.slice(range.clone()) };
        for ((p, &g), velocity) in parameter.iter_mut().zip(&gradient[range]).zip(velocity) {
            let g = g + weight_decay * *p;
            *velocity = flushed(momentum * *velocity + g);
            let step = if options.nesterov { g + momentum * *velocity } else { *velocity };
            *p = flushed(*p - lr * step);
        }
    });
}

/// What [`adam_step`] needs besides the state.
#[derive(Clone, Copy, Debug)]
pub struct Adam {
    /// Step size.
    pub lr: f64,
    /// Decay of the mean of gradients.
    pub beta1: f64,
    /// Decay of the mean of squared gradients.
    pub beta2: f64,
    /// Keeps the division finite.
    pub eps: f64,
    /// Pull towards zero.
    pub weight_decay: f64,
    /// AdamW: the parameter decays by itself, apart from the gradient.
    pub decoupled: bool,
}

/// One step, the `step`-th, counted from 1; `m` and `v` are the means of gradients and of their squares.
pub fn adam_step(options: &Adam, step: u32, parameter: &mut [f32], gradient: &[f32], m: &mut [f32], v: &mut [f32]) {
    assert!(step >= 1, "step counts from 1");
    assert_eq!(gradient.len(), parameter.len(), "gradient");
    assert_eq!(m.len(), parameter.len(), "m");
    assert_eq!(v.len(), parameter.len(), "v");
    let Adam { lr, beta1, beta2, eps, weight_decay, decoupled } = *options;
    let correction = |beta: f64| 1.0 - libm::pow(beta, f64::from(step));
    let step_size = (lr / correction(beta1)) as f32;
    let root_correction = correction(beta2).sqrt() as f32;
    let keep = if decoupled { (1.0 - lr * weight_decay) as f32 } else { 1.0 };
    let coupled_decay = if decoupled { 0.0 } else { weight_decay as f32 };
    let [take1, beta2, take2, eps] = [1.0 - beta1, beta2, 1.0 - beta2, eps].map(|v| v as f32);
    let (m, v) = (Disjoint::new(m), Disjoint::new(v));
    parallel::for_each_chunk_mut(parameter, PIECE, |piece, parameter| {
        let range = piece * PIECE..piece * PIECE + parameter.len();
        // SAFETY: pieces do not overlap.
        let (m, v) = unsafe { (m.slice(range.clone()), v.slice(range.clone())) };
        for (((p, &g), m), v) in parameter.iter_mut().zip(&gradient[range]).zip(m).zip(v) {
            *p *= keep;
            let g = g + coupled_decay * *p;
            *m = flushed(*m + (g - *m) * take1);
            *v = flushed(*v * beta2 + g * g * take2);
            *p = flushed(*p - step_size * (*m / (v.sqrt() / root_correction + eps)));
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference::optim as reference;
    use crate::testing::{assert_close, assert_same_bits, values};
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const LENGTHS: [usize; 6] = [0, 1, 3, 4, 5, PIECE + 3];

    #[test]
    fn sgd_agrees_with_reference() {
        for len in LENGTHS {
            for (momentum, weight_decay, nesterov) in [(0.0, 0.0, false), (0.9, 0.0, false), (0.9, 5e-4, true)] {
                let options = Sgd { lr: 0.1, momentum, weight_decay, nesterov };
                let mut p = values(1, len);
                let mut expected: Vec<f64> = p.iter().map(|&v| f64::from(v)).collect();
                let (mut velocity, mut exact_velocity) = (vec![0.0; len], vec![0.0; len]);
                for step in 0..5 {
                    let g = values(2 + step, len);
                    sgd_step(&options, &mut p, &g, &mut velocity);
                    reference::sgd_step(&options, &mut expected, &g, &mut exact_velocity);
                }
                assert_close(&p, &expected.iter().map(|&v| v as f32).collect::<Vec<_>>(), 1e-6);
            }
        }
    }

    #[test]
    fn adam_agrees_with_reference() {
        for len in LENGTHS {
            for (weight_decay, decoupled) in [(0.0, false), (0.01, false), (0.01, true)] {
                let options = Adam { lr: 1e-2, beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay, decoupled };
                let mut p = values(1, len);
                let mut expected: Vec<f64> = p.iter().map(|&v| f64::from(v)).collect();
                let (mut m, mut v) = (vec![0.0; len], vec![0.0; len]);
                let mut exact = (vec![0.0; len], vec![0.0; len]);
                for step in 1..=5 {
                    let g = values(2 + step, len);
                    adam_step(&options, step, &mut p, &g, &mut m, &mut v);
                    reference::adam_step(&options, step, &mut expected, &g, &mut exact.0, &mut exact.1);
                }
                assert_close(&p, &expected.iter().map(|&v| v as f32).collect::<Vec<_>>(), 2e-6);
            }
        }
    }

    #[test]
    fn first_adam_step_is_the_step_size() {
        let options = Adam { lr: 0.5, beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0.0, decoupled: false };
        let (mut p, mut m, mut v) = ([1.0, 1.0], [0.0; 2], [0.0; 2]);
        adam_step(&options, 1, &mut p, &[1e-3, -7.0], &mut m, &mut v);
        assert_close(&p, &[0.5, 1.5], 1e-5);
    }

    #[test]
    fn nan_reaches_its_own_parameter_only() {
        let options = Sgd { lr: 0.5, momentum: 0.9, weight_decay: 0.0, nesterov: false };
        let (mut p, mut velocity) = ([1.0, 1.0], [0.0; 2]);
        sgd_step(&options, &mut p, &[f32::NAN, 1.0], &mut velocity);
        assert!(p[0].is_nan());
        assert_eq!(p[1], 0.5);
    }

    #[test]
    fn same_bits_for_any_threads() {
        let options = Adam { lr: 1e-2, beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0.1, decoupled: true };
        let len = 3 * PIECE + 1;
        assert_same_bits(|| {
            let (mut p, mut m, mut v) = (values(1, len), vec![0.0; len], vec![0.0; len]);
            adam_step(&options, 1, &mut p, &values(2, len), &mut m, &mut v);
            p
        });
    }

    /// What no gradient reaches any more shrinks to zero, not to a denormal number.
    #[test]
    fn dead_parameters_and_their_state_end_at_zero() {
        let zeros = [0.0; 3];
        let start = [1e-37, -1e-37, 3e-38];
        let (mut parameter, mut velocity) = (start, start);
        let sgd = Sgd { lr: 0.1, momentum: 0.9, weight_decay: 1.0, nesterov: false };
        for _ in 0..200 {
            sgd_step(&sgd, &mut parameter, &zeros, &mut velocity);
            assert!(parameter.iter().chain(&velocity).all(|v| *v == 0.0 || v.is_normal()));
        }
        assert_eq!((parameter, velocity), (zeros, zeros));
        let (mut parameter, mut m, mut v) = (start, start, [1e-37; 3]);
        let adam = Adam { lr: 0.01, beta1: 0.9, beta2: 0.99, eps: 1e-8, weight_decay: 5.0, decoupled: true };
        for step in 1..500 {
            adam_step(&adam, step, &mut parameter, &zeros, &mut m, &mut v);
            assert!(parameter.iter().chain(&m).chain(&v).all(|v| *v == 0.0 || v.is_normal()));
        }
        assert_eq!((parameter, m, v), (zeros, zeros, zeros));
    }
}
