//! Exports of `kwta_kernels::activation`.

use crate::export::export;
use kwta_kernels::activation;

export! {
    /// `y = x` where it is positive, else `slope x`.
    fn leaky_relu_forward(len: usize, slope: f32, x: &[f32; len], y: &mut [f32; len]) {
        activation::leaky_relu(slope, x, y);
    }

    /// Gradient of [`leaky_relu_forward`].
    fn leaky_relu_backward(len: usize, slope: f32, x: &[f32; len], dy: &[f32; len], dx: &mut [f32; len]) {
        activation::leaky_relu_backward(slope, x, dy, dx);
    }

    /// `y = x` where it is positive, else `alpha (e^x - 1)`.
    fn elu_forward(len: usize, alpha: f32, x: &[f32; len], y: &mut [f32; len]) {
        activation::elu(alpha, x, y);
    }

    /// Gradient of [`elu_forward`].
    fn elu_backward(len: usize, alpha: f32, x: &[f32; len], dy: &[f32; len], dx: &mut [f32; len]) {
        activation::elu_backward(alpha, x, dy, dx);
    }

    /// `y = x sigmoid(x)`.
    fn silu_forward(len: usize, x: &[f32; len], y: &mut [f32; len]) {
        activation::silu(x, y);
    }

    /// Gradient of [`silu_forward`].
    fn silu_backward(len: usize, x: &[f32; len], dy: &[f32; len], dx: &mut [f32; len]) {
        activation::silu_backward(x, dy, dx);
    }

    /// `y = x P(x)` with the normal distribution function `P`.
    fn gelu_forward(len: usize, x: &[f32; len], y: &mut [f32; len]) {
        activation::gelu(x, y);
    }

    /// Gradient of [`gelu_forward`].
    fn gelu_backward(len: usize, x: &[f32; len], dy: &[f32; len], dx: &mut [f32; len]) {
        activation::gelu_backward(x, dy, dx);
    }
}
