//! Exports of `kwta_kernels::batch_norm`.

use crate::export::export;
use kwta_kernels::batch_norm;
use kwta_kernels::sizes::product;

export! {
    /// Normalises by the batch's own mean and variance, which are saved.
    fn batch_norm_train_forward(
        rows: usize,
        channels: usize,
        x: &[f32; product([rows, channels])],
        weight: &[f32; channels],
        bias: &[f32; channels],
        eps: f32,
        mean: &mut [f32; channels],
        variance: &mut [f32; channels],
        y: &mut [f32; x.len()]
    ) {
        batch_norm::train_forward(rows, channels, x, weight, bias, eps, mean, variance, y);
    }

    /// Moves the running statistics by `momentum` towards the batch's.
    fn batch_norm_update_running(
        rows: usize,
        channels: usize,
        mean: &[f32; channels],
        variance: &[f32; channels],
        momentum: f32,
        running_mean: &mut [f32; channels],
        running_var: &mut [f32; channels]
    ) {
        batch_norm::update_running(rows, mean, variance, momentum, running_mean, running_var);
    }

    /// Normalises by given statistics.
    fn batch_norm_eval_forward(
        rows: usize,
        channels: usize,
        x: &[f32; product([rows, channels])],
        weight: &[f32; channels],
        bias: &[f32; channels],
        eps: f32,
        mean: &[f32; channels],
        variance: &[f32; channels],
        y: &mut [f32; x.len()]
    ) {
        batch_norm::eval_forward(rows, channels, x, weight, bias, mean, variance, eps, y);
    }

    /// All gradients, of [`batch_norm_train_forward`].
    fn batch_norm_train_backward(
        rows: usize,
        channels: usize,
        x: &[f32; product([rows, channels])],
        dy: &[f32; x.len()],
        mean: &[f32; channels],
        variance: &[f32; channels],
        weight: &[f32; channels],
        eps: f32,
        dx: &mut [f32; x.len()],
        dweight: &mut [f32; channels],
        dbias: &mut [f32; channels]
    ) {
        batch_norm::train_backward(rows, channels, x, dy, mean, variance, weight, eps, dx, dweight, dbias);
    }

    /// The same where the incoming gradient is zero but at the entries of a pattern.
    fn batch_norm_train_backward_sparse(
        pattern: Pattern,
        x: &[f32; pattern.shape.dense_len()],
        dvalue: &[f32; pattern.shape.entries_len()],
        mean: &[f32; pattern.shape.channels],
        variance: &[f32; pattern.shape.channels],
        weight: &[f32; pattern.shape.channels],
        eps: f32,
        dx: &mut [f32; pattern.shape.dense_len()],
        dweight: &mut [f32; pattern.shape.channels],
        dbias: &mut [f32; pattern.shape.channels]
    ) {
        batch_norm::sparse::train_backward_sparse(&pattern, x, dvalue, mean, variance, weight, eps, dx, dweight, dbias);
    }

    /// Input gradient of [`batch_norm_eval_forward`].
    fn batch_norm_eval_backward(
        rows: usize,
        channels: usize,
        dy: &[f32; product([rows, channels])],
        weight: &[f32; channels],
        variance: &[f32; channels],
        eps: f32,
        dx: &mut [f32; dy.len()]
    ) {
        batch_norm::eval_backward(rows, channels, dy, weight, variance, eps, dx);
    }

    /// The same at the entries of a pattern.
    fn batch_norm_eval_backward_sparse(
        pattern: Pattern,
        dvalue: &[f32; pattern.shape.entries_len()],
        weight: &[f32; pattern.shape.channels],
        variance: &[f32; pattern.shape.channels],
        eps: f32,
        dx_value: &mut [f32; pattern.shape.entries_len()]
    ) {
        batch_norm::sparse::eval_backward_sparse(&pattern, dvalue, weight, variance, eps, dx_value);
    }

    /// Gradients of weight and bias of [`batch_norm_eval_forward`].
    fn batch_norm_eval_parameter_gradients(
        rows: usize,
        channels: usize,
        x: &[f32; product([rows, channels])],
        dy: &[f32; x.len()],
        mean: &[f32; channels],
        variance: &[f32; channels],
        eps: f32,
        dweight: &mut [f32; channels],
        dbias: &mut [f32; channels]
    ) {
        batch_norm::parameter_gradients(rows, channels, x, dy, mean, variance, eps, dweight, dbias);
    }
}
