//! Exports of `kwta_kernels::conv2d`: dense input, and compressed input.

use crate::memory::{read, write};
use crate::sparse::pattern;
use kwta_kernels::conv2d::{block_width, dense, entries, rectified, sparse, Conv2dShape};
use kwta_kernels::sparse::SparseShape;
use wasm_bindgen::prelude::wasm_bindgen;

/// A bias that may be missing: address 0.
unsafe fn optional<'a>(pointer: *const f32, len: usize) -> Option<&'a [f32]> {
    // SAFETY: the contract of the crate.
    (!pointer.is_null()).then(|| unsafe { read(pointer, len) })
}

fn sparse_shape(shape: &Conv2dShape, capacity: usize) -> SparseShape {
    SparseShape { n: shape.n, pixels: shape.h * shape.w, channels: shape.c_in, capacity }
}

/// Output channels of a block of weights, see `kwta_kernels::conv2d`.
#[wasm_bindgen]
pub fn conv2d_weight_block(c_out: usize) -> usize {
    block_width(c_out)
}

/// `y` from `x`; `bias` may be 0.
#[wasm_bindgen]
pub unsafe fn conv2d_forward(
    n: usize,
    h: usize,
    w: usize,
    c_in: usize,
    c_out: usize,
    kh: usize,
    kw: usize,
    stride: usize,
    padding: usize,
    x: *const f32,
    weight: *const f32,
    bias: *const f32,
    y: *mut f32,
) {
    let s = Conv2dShape { n, h, w, c_in, c_out, kh, kw, stride, padding };
    // SAFETY: the contract of the crate.
    unsafe {
        let (x, weight, bias) = (read(x, s.x_len()), read(weight, s.weight_len()), optional(bias, c_out));
        dense::forward(&s, x, weight, bias, write(y, s.y_len()));
    }
}

/// `dx` from `dy`.
#[wasm_bindgen]
pub unsafe fn conv2d_input_gradient(
    n: usize,
    h: usize,
    w: usize,
    c_in: usize,
    c_out: usize,
    kh: usize,
    kw: usize,
    stride: usize,
    padding: usize,
    dy: *const f32,
    weight: *const f32,
    dx: *mut f32,
) {
    let s = Conv2dShape { n, h, w, c_in, c_out, kh, kw, stride, padding };
    // SAFETY: the contract of the crate.
    unsafe { dense::input_gradient(&s, read(dy, s.y_len()), read(weight, s.weight_len()), write(dx, s.x_len())) }
}

/// `dw` from `x` and `dy`.
#[wasm_bindgen]
pub unsafe fn conv2d_weight_gradient(
    n: usize,
    h: usize,
    w: usize,
    c_in: usize,
    c_out: usize,
    kh: usize,
    kw: usize,
    stride: usize,
    padding: usize,
    x: *const f32,
    dy: *const f32,
    dw: *mut f32,
) {
    let s = Conv2dShape { n, h, w, c_in, c_out, kh, kw, stride, padding };
    // SAFETY: the contract of the crate.
    unsafe { dense::weight_gradient(&s, read(x, s.x_len()), read(dy, s.y_len()), write(dw, s.weight_len())) }
}

/// Column sums of `dy [rows][channels]`.
#[wasm_bindgen]
pub unsafe fn conv2d_bias_gradient(rows: usize, channels: usize, dy: *const f32, db: *mut f32) {
    // SAFETY: the contract of the crate.
    unsafe { dense::bias_gradient(rows, channels, read(dy, rows * channels), write(db, channels)) }
}

/// Whether [`conv2d_input_gradient_of_entries`] takes such a convolution.
#[wasm_bindgen]
pub fn conv2d_takes_gradient_of_entries(c_in: usize, kh: usize, kw: usize, stride: usize, padding: usize) -> bool {
    entries::apply(&Conv2dShape { n: 0, h: kh, w: kw, c_in, c_out: 0, kh, kw, stride, padding })
}

/// `dx` where `dy` is zero but at the entries of a pattern.
#[wasm_bindgen]
pub unsafe fn conv2d_input_gradient_of_entries(
    n: usize,
    h: usize,
    w: usize,
    c_in: usize,
    c_out: usize,
    kh: usize,
    kw: usize,
    stride: usize,
    padding: usize,
    capacity: usize,
    start: *const u32,
    channel: *const u32,
    dy_value: *const f32,
    weight: *const f32,
    dx: *mut f32,
) {
    let s = Conv2dShape { n, h, w, c_in, c_out, kh, kw, stride, padding };
    // SAFETY: the contract of the crate.
    unsafe {
        let pixels = s.out_h() * s.out_w();
        let pattern = pattern(SparseShape { n, pixels, channels: c_out, capacity }, start, channel);
        let (dy_value, weight) = (read(dy_value, n * capacity), read(weight, s.weight_len()));
        entries::input_gradient(&s, &pattern, dy_value, weight, write(dx, s.x_len()));
    }
}

/// `y` from the output `x` of a ReLU; `bias` may be 0. With `by_sample`, no sample's bits depend on the others.
#[wasm_bindgen]
pub unsafe fn rectified_conv2d_forward(
    n: usize,
    h: usize,
    w: usize,
    c_in: usize,
    c_out: usize,
    kh: usize,
    kw: usize,
    stride: usize,
    padding: usize,
    x: *const f32,
    weight: *const f32,
    bias: *const f32,
    y: *mut f32,
    by_sample: bool,
) {
    let s = Conv2dShape { n, h, w, c_in, c_out, kh, kw, stride, padding };
    let forward = if by_sample { rectified::forward_by_sample } else { rectified::forward };
    // SAFETY: the contract of the crate.
    unsafe {
        let (x, weight, bias) = (read(x, s.x_len()), read(weight, s.weight_len()), optional(bias, c_out));
        forward(&s, x, weight, bias, write(y, s.y_len()));
    }
}

/// `dw` from the output `x` of a ReLU and `dy`.
#[wasm_bindgen]
pub unsafe fn rectified_conv2d_weight_gradient(
    n: usize,
    h: usize,
    w: usize,
    c_in: usize,
    c_out: usize,
    kh: usize,
    kw: usize,
    stride: usize,
    padding: usize,
    x: *const f32,
    dy: *const f32,
    dw: *mut f32,
) {
    let s = Conv2dShape { n, h, w, c_in, c_out, kh, kw, stride, padding };
    // SAFETY: the contract of the crate.
    unsafe { rectified::weight_gradient(&s, read(x, s.x_len()), read(dy, s.y_len()), write(dw, s.weight_len())) }
}

/// `dx`, right where the output `x` of a ReLU is not zero. With `by_sample`, no sample's bits depend on the others.
#[wasm_bindgen]
pub unsafe fn rectified_conv2d_input_gradient(
    n: usize,
    h: usize,
    w: usize,
    c_in: usize,
    c_out: usize,
    kh: usize,
    kw: usize,
    stride: usize,
    padding: usize,
    x: *const f32,
    dy: *const f32,
    weight: *const f32,
    dx: *mut f32,
    by_sample: bool,
) {
    let s = Conv2dShape { n, h, w, c_in, c_out, kh, kw, stride, padding };
    let input_gradient = if by_sample { rectified::input_gradient_by_sample } else { rectified::input_gradient };
    // SAFETY: the contract of the crate.
    unsafe {
        let (x, dy, weight) = (read(x, s.x_len()), read(dy, s.y_len()), read(weight, s.weight_len()));
        input_gradient(&s, x, dy, weight, write(dx, s.x_len()));
    }
}

/// Both gradients, as one by one.
#[wasm_bindgen]
pub unsafe fn rectified_conv2d_gradients(
    n: usize,
    h: usize,
    w: usize,
    c_in: usize,
    c_out: usize,
    kh: usize,
    kw: usize,
    stride: usize,
    padding: usize,
    x: *const f32,
    dy: *const f32,
    weight: *const f32,
    dw: *mut f32,
    dx: *mut f32,
) {
    let s = Conv2dShape { n, h, w, c_in, c_out, kh, kw, stride, padding };
    // SAFETY: the contract of the crate.
    unsafe {
        let (x, dy, weight) = (read(x, s.x_len()), read(dy, s.y_len()), read(weight, s.weight_len()));
        rectified::gradients(&s, x, dy, weight, write(dw, s.weight_len()), write(dx, s.x_len()));
    }
}

/// `y` from a compressed `x`; `bias` may be 0.
#[wasm_bindgen]
pub unsafe fn sparse_conv2d_forward(
    n: usize,
    h: usize,
    w: usize,
    c_in: usize,
    c_out: usize,
    kh: usize,
    kw: usize,
    stride: usize,
    padding: usize,
    capacity: usize,
    start: *const u32,
    channel: *const u32,
    value: *const f32,
    weight: *const f32,
    bias: *const f32,
    y: *mut f32,
) {
    let s = Conv2dShape { n, h, w, c_in, c_out, kh, kw, stride, padding };
    // SAFETY: the contract of the crate.
    unsafe {
        let pattern = pattern(sparse_shape(&s, capacity), start, channel);
        let (value, weight, bias) = (read(value, n * capacity), read(weight, s.weight_len()), optional(bias, c_out));
        sparse::forward(&s, &pattern, value, weight, bias, write(y, s.y_len()));
    }
}

/// `dw` from a compressed `x` and `dy`.
#[wasm_bindgen]
pub unsafe fn sparse_conv2d_weight_gradient(
    n: usize,
    h: usize,
    w: usize,
    c_in: usize,
    c_out: usize,
    kh: usize,
    kw: usize,
    stride: usize,
    padding: usize,
    capacity: usize,
    start: *const u32,
    channel: *const u32,
    value: *const f32,
    dy: *const f32,
    dw: *mut f32,
) {
    let s = Conv2dShape { n, h, w, c_in, c_out, kh, kw, stride, padding };
    // SAFETY: the contract of the crate.
    unsafe {
        let pattern = pattern(sparse_shape(&s, capacity), start, channel);
        let (value, dy, dw) = (read(value, n * capacity), read(dy, s.y_len()), write(dw, s.weight_len()));
        sparse::weight_gradient(&s, &pattern, value, dy, dw);
    }
}

/// The gradient at the entries of a compressed `x`.
#[wasm_bindgen]
pub unsafe fn sparse_conv2d_input_gradient(
    n: usize,
    h: usize,
    w: usize,
    c_in: usize,
    c_out: usize,
    kh: usize,
    kw: usize,
    stride: usize,
    padding: usize,
    capacity: usize,
    start: *const u32,
    channel: *const u32,
    dy: *const f32,
    weight: *const f32,
    dvalue: *mut f32,
) {
    let s = Conv2dShape { n, h, w, c_in, c_out, kh, kw, stride, padding };
    // SAFETY: the contract of the crate.
    unsafe {
        let pattern = pattern(sparse_shape(&s, capacity), start, channel);
        let (dy, weight, dvalue) = (read(dy, s.y_len()), read(weight, s.weight_len()), write(dvalue, n * capacity));
        sparse::input_gradient(&s, &pattern, dy, weight, dvalue);
    }
}

/// Both gradients from a compressed `x`, faster than one by one.
#[wasm_bindgen]
pub unsafe fn sparse_conv2d_gradients(
    n: usize,
    h: usize,
    w: usize,
    c_in: usize,
    c_out: usize,
    kh: usize,
    kw: usize,
    stride: usize,
    padding: usize,
    capacity: usize,
    start: *const u32,
    channel: *const u32,
    value: *const f32,
    dy: *const f32,
    weight: *const f32,
    dw: *mut f32,
    dvalue: *mut f32,
) {
    let s = Conv2dShape { n, h, w, c_in, c_out, kh, kw, stride, padding };
    // SAFETY: the contract of the crate.
    unsafe {
        let pattern = pattern(sparse_shape(&s, capacity), start, channel);
        let (value, dy, weight) = (read(value, n * capacity), read(dy, s.y_len()), read(weight, s.weight_len()));
        let (dw, dvalue) = (write(dw, s.weight_len()), write(dvalue, n * capacity));
        sparse::gradients(&s, &pattern, value, dy, weight, dw, dvalue);
    }
}

/// The input gradient where `dy` is zero but at the entries of a second pattern, of `dy_capacity` entries a sample.
#[wasm_bindgen]
pub unsafe fn sparse_conv2d_input_gradient_between(
    n: usize,
    h: usize,
    w: usize,
    c_in: usize,
    c_out: usize,
    kh: usize,
    kw: usize,
    stride: usize,
    padding: usize,
    capacity: usize,
    start: *const u32,
    channel: *const u32,
    dy_capacity: usize,
    dy_start: *const u32,
    dy_channel: *const u32,
    dy_value: *const f32,
    weight: *const f32,
    dvalue: *mut f32,
) {
    let s = Conv2dShape { n, h, w, c_in, c_out, kh, kw, stride, padding };
    let dy_shape = SparseShape { n, pixels: s.out_h() * s.out_w(), channels: c_out, capacity: dy_capacity };
    // SAFETY: the contract of the crate.
    unsafe {
        let x = pattern(sparse_shape(&s, capacity), start, channel);
        let dy = pattern(dy_shape, dy_start, dy_channel);
        let (dy_value, weight) = (read(dy_value, n * dy_capacity), read(weight, s.weight_len()));
        sparse::input_gradient_between(&s, &x, &dy, dy_value, weight, write(dvalue, n * capacity));
    }
}
