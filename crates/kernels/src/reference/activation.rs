//! Activations in `f64`, by their definitions.

pub fn leaky_relu(slope: f64, x: f64) -> f64 {
    if x > 0.0 {
        x
    } else {
        slope * x
    }
}

pub fn elu(alpha: f64, x: f64) -> f64 {
    if x > 0.0 {
        x
    } else {
        alpha * x.exp_m1()
    }
}

pub fn silu(x: f64) -> f64 {
    x / (1.0 + (-x).exp())
}

pub fn gelu(x: f64) -> f64 {
    x * 0.5 * libm::erfc(-x / core::f64::consts::SQRT_2)
}
