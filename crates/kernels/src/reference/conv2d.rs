//! Naive 2-D convolution and its gradients over dense tensors.
//!
//! All four sums run over the same products `x[i] * weight[j]` that make up `y[k]`; `products` lists
//! them, and each function collects them by another index.

use crate::conv2d::Conv2dShape;

/// Calls `visit(i, j, k)` for every product `x[i] * weight[j]` in the sum `y[k]`.
fn products(shape: &Conv2dShape, mut visit: impl FnMut(usize, usize, usize)) {
    let Conv2dShape { n, h, w, c_in, c_out, kh, kw, stride, padding } = *shape;
    for sample in 0..n {
        for oy in 0..shape.out_h() {
            for ox in 0..shape.out_w() {
                for ky in 0..kh {
                    for kx in 0..kw {
                        let (padded_y, padded_x) = (oy * stride + ky, ox * stride + kx);
                        let inside =
                            (padding..padding + h).contains(&padded_y) && (padding..padding + w).contains(&padded_x);
                        if !inside {
                            continue;
                        }
                        let pixel = (sample * h + padded_y - padding) * w + padded_x - padding;
                        let out_pixel = (sample * shape.out_h() + oy) * shape.out_w() + ox;
                        for c in 0..c_in {
                            for o in 0..c_out {
                                let weight = shape.weight_index(ky * kw + kx, c, o);
                                visit(pixel * c_in + c, weight, out_pixel * c_out + o);
                            }
                        }
                    }
                }
            }
        }
    }
}

fn to_f32(sums: Vec<f64>) -> Vec<f32> {
    sums.into_iter().map(|v| v as f32).collect()
}

/// `y [n][out_h][out_w][c_out]`.
pub fn forward(shape: &Conv2dShape, x: &[f32], weight: &[f32], bias: Option<&[f32]>) -> Vec<f32> {
    let mut y: Vec<f64> =
        (0..shape.y_len()).map(|k| bias.map_or(0.0, |bias| f64::from(bias[k % shape.c_out]))).collect();
    products(shape, |i, j, k| y[k] += f64::from(x[i]) * f64::from(weight[j]));
    to_f32(y)
}

/// `dx [n][h][w][c_in]`.
pub fn input_gradient(shape: &Conv2dShape, dy: &[f32], weight: &[f32]) -> Vec<f32> {
    let mut dx = vec![0.0; shape.x_len()];
    products(shape, |i, j, k| dx[i] += f64::from(dy[k]) * f64::from(weight[j]));
    to_f32(dx)
}

/// `dw`, in the order of weights.
pub fn weight_gradient(shape: &Conv2dShape, x: &[f32], dy: &[f32]) -> Vec<f32> {
    let mut dw = vec![0.0; shape.weight_len()];
    products(shape, |i, j, k| dw[j] += f64::from(x[i]) * f64::from(dy[k]));
    to_f32(dw)
}

/// `db [channels]`, the column sums of `dy [rows][channels]`.
pub fn bias_gradient(rows: usize, channels: usize, dy: &[f32]) -> Vec<f32> {
    let mut db = vec![0.0; channels];
    for row in 0..rows {
        for (sum, &v) in db.iter_mut().zip(&dy[row * channels..][..channels]) {
            *sum += f64::from(v);
        }
    }
    to_f32(db)
}
