//! Exports of `kwta_kernels::group_norm`.

use crate::export::export;
use kwta_kernels::group_norm::{self, GroupNormShape};

/// Checked sizes.
fn shape(n: usize, pixels: usize, channels: usize, groups: usize, by_value: bool) -> GroupNormShape {
    let shape = GroupNormShape { n, pixels, channels, groups, by_value };
    shape.check();
    shape
}

export! {
    /// Normalises groups of channels; saves means and inverse deviations.
    fn group_norm_forward(
        n: usize,
        pixels: usize,
        channels: usize,
        groups: usize,
        by_value: bool,
        x: &[f32; shape(n, pixels, channels, groups, by_value).len()],
        weight: &[f32; shape(n, pixels, channels, groups, by_value).parameters_len()],
        bias: &[f32; weight.len()],
        eps: f32,
        statistics: &mut [f32; shape(n, pixels, channels, groups, by_value).statistics_len()],
        y: &mut [f32; x.len()]
    ) {
        group_norm::forward(&shape(n, pixels, channels, groups, by_value), x, weight, bias, eps, statistics, y);
    }

    /// Input gradient of [`group_norm_forward`].
    fn group_norm_backward(
        n: usize,
        pixels: usize,
        channels: usize,
        groups: usize,
        by_value: bool,
        x: &[f32; shape(n, pixels, channels, groups, by_value).len()],
        dy: &[f32; x.len()],
        weight: &[f32; shape(n, pixels, channels, groups, by_value).parameters_len()],
        statistics: &[f32; shape(n, pixels, channels, groups, by_value).statistics_len()],
        dx: &mut [f32; x.len()]
    ) {
        group_norm::backward(&shape(n, pixels, channels, groups, by_value), x, dy, weight, statistics, dx);
    }

    /// Gradients of weight and bias of [`group_norm_forward`].
    fn group_norm_parameter_gradients(
        n: usize,
        pixels: usize,
        channels: usize,
        groups: usize,
        by_value: bool,
        x: &[f32; shape(n, pixels, channels, groups, by_value).len()],
        dy: &[f32; x.len()],
        statistics: &[f32; shape(n, pixels, channels, groups, by_value).statistics_len()],
        dweight: &mut [f32; shape(n, pixels, channels, groups, by_value).parameters_len()],
        dbias: &mut [f32; dweight.len()]
    ) {
        let shape = shape(n, pixels, channels, groups, by_value);
        group_norm::parameter_gradients(&shape, x, dy, statistics, dweight, dbias);
    }
}
