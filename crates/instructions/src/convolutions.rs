//! Convolutions of compressed inputs, all passes, of a ReLU's output, and of dense ones; one sample each.

use crate::activations::Winners;
use crate::{case, values};
use kwta_kernels::conv2d::{dense, entries, rectified, sparse, Conv2dShape};
use std::hint::black_box;

pub fn cases() {
    for (side, c_in, c_out, kernel, stride) in
        [(16, 64, 64, 3, 1), (4, 256, 256, 3, 1), (16, 64, 128, 3, 2), (16, 64, 128, 1, 1)]
    {
        sparse_cases(&shape(side, c_in, c_out, kernel, stride));
    }
    rectified_cases(&shape(16, 64, 64, 3, 1));
    by_sample_cases(&shape(16, 64, 64, 3, 1));
    for (side, c_in, c_out) in [(16, 64, 64), (16, 3, 64)] {
        dense_cases(&shape(side, c_in, c_out, 3, 1));
    }
}

fn shape(side: usize, c_in: usize, c_out: usize, kernel: usize, stride: usize) -> Conv2dShape {
    let padding = kernel / 2;
    Conv2dShape { n: 1, h: side, w: side, c_in, c_out, kh: kernel, kw: kernel, stride, padding }
}

fn label(shape: &Conv2dShape) -> String {
    let Conv2dShape { h, w, c_in, c_out, kh, kw, stride, .. } = *shape;
    format!("{h}x{w}x{c_in} to {c_out}, {kh}x{kw}/{stride}")
}

fn sparse_cases(shape: &Conv2dShape) {
    let label = label(shape);
    let x = Winners::tenth(shape.h * shape.w, shape.c_in);
    let dy = Winners::tenth(shape.out_h() * shape.out_w(), shape.c_out);
    let (mut weight, mut y) = (values(shape.weight_len()), values(shape.y_len()));
    let mut dvalue = vec![0.0; x.value.len()];
    case(&format!("sparse conv forward {label}"), || {
        sparse::forward(shape, &x.pattern(), black_box(&x.value), &weight, None, black_box(&mut y));
    });
    case(&format!("sparse conv input gradient {label}"), || {
        sparse::input_gradient(shape, &x.pattern(), black_box(&y), &weight, black_box(&mut dvalue));
    });
    case(&format!("sparse conv input gradient between {label}"), || {
        let (from, to) = (dy.pattern(), x.pattern());
        sparse::input_gradient_between(shape, &to, &from, black_box(&dy.value), &weight, black_box(&mut dvalue));
    });
    case(&format!("sparse conv weight gradient {label}"), || {
        sparse::weight_gradient(shape, &x.pattern(), black_box(&x.value), &y, black_box(&mut weight));
    });
    let mut dw = vec![0.0; weight.len()];
    case(&format!("sparse conv both gradients {label}"), || {
        let (value, dw, dvalue) = (black_box(&x.value), black_box(&mut dw), black_box(&mut dvalue));
        sparse::gradients(shape, &x.pattern(), value, &y, &weight, dw, dvalue);
    });
}

fn rectified_cases(shape: &Conv2dShape) {
    let label = label(shape);
    let x: Vec<f32> = values(shape.x_len()).into_iter().map(|v| v.max(0.0)).collect();
    let (mut weight, mut y) = (values(shape.weight_len()), values(shape.y_len()));
    let mut dx = vec![0.0; x.len()];
    case(&format!("conv of a ReLU's output, forward {label}"), || {
        rectified::forward(shape, black_box(&x), &weight, None, black_box(&mut y));
    });
    case(&format!("conv of a ReLU's output, input gradient {label}"), || {
        rectified::input_gradient(shape, &x, black_box(&y), &weight, black_box(&mut dx));
    });
    case(&format!("conv of a ReLU's output, weight gradient {label}"), || {
        rectified::weight_gradient(shape, black_box(&x), &y, black_box(&mut weight));
    });
}

/// Samples of all densities, of which about half go either way.
fn by_sample_cases(shape: &Conv2dShape) {
    const N: usize = 8;
    let label = format!("{}, {N} samples", label(shape));
    let shape = &Conv2dShape { n: N, ..*shape };
    let len = shape.x_len() / N;
    let at = |(i, v): (usize, f32)| (v + 1.5 * (i / len) as f32 / N as f32 - 0.75).max(0.0);
    let x: Vec<f32> = values(shape.x_len()).into_iter().enumerate().map(at).collect();
    let (weight, mut y) = (values(shape.weight_len()), values(shape.y_len()));
    let mut dx = vec![0.0; x.len()];
    case(&format!("conv of a ReLU's output by sample, forward {label}"), || {
        rectified::forward_by_sample(shape, black_box(&x), &weight, None, black_box(&mut y));
    });
    case(&format!("conv of a ReLU's output by sample, input gradient {label}"), || {
        rectified::input_gradient_by_sample(shape, &x, black_box(&y), &weight, black_box(&mut dx));
    });
}

fn dense_cases(shape: &Conv2dShape) {
    let label = label(shape);
    let (mut x, mut weight, mut y) = (values(shape.x_len()), values(shape.weight_len()), values(shape.y_len()));
    case(&format!("dense conv forward {label}"), || {
        dense::forward(shape, black_box(&x), &weight, None, black_box(&mut y));
    });
    case(&format!("dense conv input gradient {label}"), || {
        dense::input_gradient(shape, black_box(&y), &weight, black_box(&mut x));
    });
    case(&format!("dense conv weight gradient {label}"), || {
        dense::weight_gradient(shape, black_box(&x), &y, black_box(&mut weight));
    });
    let dy = Winners::tenth(shape.out_h() * shape.out_w(), shape.c_out);
    case(&format!("dense conv input gradient of entries {label}"), || {
        entries::input_gradient(shape, &dy.pattern(), black_box(&dy.value), &weight, black_box(&mut x));
    });
}
