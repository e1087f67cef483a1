//! Exports of `kwta_kernels::conv2d`: dense input, a ReLU's output, and compressed input.

use crate::export::{export, outputs};
use kwta_kernels::conv2d::{block_width, dense, entries, rectified, sparse, Conv2dShape};
use kwta_kernels::sizes::product;
use kwta_kernels::sparse::Pattern;
use wasm_bindgen::prelude::wasm_bindgen;

/// Output channels of a block of weights, see `kwta_kernels::conv2d`.
#[wasm_bindgen]
pub fn conv2d_weight_block(c_out: usize) -> usize {
    block_width(c_out)
}

/// Whether [`conv2d_input_gradient_of_entries`] takes such a convolution.
#[wasm_bindgen]
pub fn conv2d_takes_gradient_of_entries(c_in: usize, kh: usize, kw: usize, stride: usize, padding: usize) -> bool {
    entries::apply(&Conv2dShape { n: 0, h: kh, w: kw, c_in, c_out: 0, kh, kw, stride, padding })
}

export! {
    /// `y` from `x`; `bias` may be 0.
    fn conv2d_forward(
        s: Conv2d,
        x: &[f32; s.x_len()],
        weight: &[f32; s.weight_len()],
        bias: Option<&[f32; s.c_out]>,
        y: &mut [f32; s.y_len()]
    ) {
        dense::forward(&s, x, weight, bias, y);
    }

    /// `dx` from `dy`.
    fn conv2d_input_gradient(
        s: Conv2d,
        dy: &[f32; s.y_len()],
        weight: &[f32; s.weight_len()],
        dx: &mut [f32; s.x_len()]
    ) {
        dense::input_gradient(&s, dy, weight, dx);
    }

    /// `dw` from `x` and `dy`.
    fn conv2d_weight_gradient(
        s: Conv2d,
        x: &[f32; s.x_len()],
        dy: &[f32; s.y_len()],
        dw: &mut [f32; s.weight_len()]
    ) {
        dense::weight_gradient(&s, x, dy, dw);
    }

    /// Column sums of `dy [rows][channels]`.
    fn conv2d_bias_gradient(
        rows: usize,
        channels: usize,
        dy: &[f32; product([rows, channels])],
        db: &mut [f32; channels]
    ) {
        dense::bias_gradient(rows, channels, dy, db);
    }

    /// `dx` where `dy` is zero but at the entries of a pattern.
    fn conv2d_input_gradient_of_entries(
        s: Conv2d,
        capacity: usize,
        start: &[u32; outputs(&s, capacity).start_len()],
        channel: &[u32; outputs(&s, capacity).entries_len()],
        dy_value: &[f32; outputs(&s, capacity).entries_len()],
        weight: &[f32; s.weight_len()],
        dx: &mut [f32; s.x_len()]
    ) {
        entries::input_gradient(&s, &Pattern::new(outputs(&s, capacity), start, channel), dy_value, weight, dx);
    }

    /// `y` from the output `x` of a ReLU; `bias` may be 0. With `by_sample`, no sample's bits depend on the others.
    fn rectified_conv2d_forward(
        s: Conv2d,
        x: &[f32; s.x_len()],
        weight: &[f32; s.weight_len()],
        bias: Option<&[f32; s.c_out]>,
        y: &mut [f32; s.y_len()],
        by_sample: bool
    ) {
        let forward = if by_sample { rectified::forward_by_sample } else { rectified::forward };
        forward(&s, x, weight, bias, y);
    }

    /// `dw` from the output `x` of a ReLU and `dy`.
    fn rectified_conv2d_weight_gradient(
        s: Conv2d,
        x: &[f32; s.x_len()],
        dy: &[f32; s.y_len()],
        dw: &mut [f32; s.weight_len()]
    ) {
        rectified::weight_gradient(&s, x, dy, dw);
    }

    /// `dx`, right where the output `x` of a ReLU is not zero. With `by_sample`, no sample's bits depend on the others.
    fn rectified_conv2d_input_gradient(
        s: Conv2d,
        x: &[f32; s.x_len()],
        dy: &[f32; s.y_len()],
        weight: &[f32; s.weight_len()],
        dx: &mut [f32; s.x_len()],
        by_sample: bool
    ) {
        let gradient = if by_sample { rectified::input_gradient_by_sample } else { rectified::input_gradient };
        gradient(&s, x, dy, weight, dx);
    }

    /// Both gradients, as one by one.
    fn rectified_conv2d_gradients(
        s: Conv2d,
        x: &[f32; s.x_len()],
        dy: &[f32; s.y_len()],
        weight: &[f32; s.weight_len()],
        dw: &mut [f32; s.weight_len()],
        dx: &mut [f32; s.x_len()]
    ) {
        rectified::gradients(&s, x, dy, weight, dw, dx);
    }

    /// `y` from a compressed `x`; `bias` may be 0.
    fn sparse_conv2d_forward(
        s: Conv2d,
        x: Pattern<s>,
        value: &[f32; x.shape.entries_len()],
        weight: &[f32; s.weight_len()],
        bias: Option<&[f32; s.c_out]>,
        y: &mut [f32; s.y_len()]
    ) {
        sparse::forward(&s, &x, value, weight, bias, y);
    }

    /// `dw` from a compressed `x` and `dy`.
    fn sparse_conv2d_weight_gradient(
        s: Conv2d,
        x: Pattern<s>,
        value: &[f32; x.shape.entries_len()],
        dy: &[f32; s.y_len()],
        dw: &mut [f32; s.weight_len()]
    ) {
        sparse::weight_gradient(&s, &x, value, dy, dw);
    }

    /// The gradient at the entries of a compressed `x`.
    fn sparse_conv2d_input_gradient(
        s: Conv2d,
        x: Pattern<s>,
        dy: &[f32; s.y_len()],
        weight: &[f32; s.weight_len()],
        dvalue: &mut [f32; x.shape.entries_len()]
    ) {
        sparse::input_gradient(&s, &x, dy, weight, dvalue);
    }

    /// Both gradients from a compressed `x`, faster than one by one.
    fn sparse_conv2d_gradients(
        s: Conv2d,
        x: Pattern<s>,
        value: &[f32; x.shape.entries_len()],
        dy: &[f32; s.y_len()],
        weight: &[f32; s.weight_len()],
        dw: &mut [f32; s.weight_len()],
        dvalue: &mut [f32; x.shape.entries_len()]
    ) {
        sparse::gradients(&s, &x, value, dy, weight, dw, dvalue);
    }

    /// The input gradient where `dy` is zero but at the entries of a second pattern, of `dy_capacity` entries a sample.
    fn sparse_conv2d_input_gradient_between(
        s: Conv2d,
        x: Pattern<s>,
        dy_capacity: usize,
        dy_start: &[u32; outputs(&s, dy_capacity).start_len()],
        dy_channel: &[u32; outputs(&s, dy_capacity).entries_len()],
        dy_value: &[f32; outputs(&s, dy_capacity).entries_len()],
        weight: &[f32; s.weight_len()],
        dvalue: &mut [f32; x.shape.entries_len()]
    ) {
        let dy = Pattern::new(outputs(&s, dy_capacity), dy_start, dy_channel);
        sparse::input_gradient_between(&s, &x, &dy, dy_value, weight, dvalue);
    }
}
