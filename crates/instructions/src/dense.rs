//! Matrix products, batch norm in training, and the loss.

use crate::activations::Winners;
use crate::{case, values};
use kwta_kernels::loss::{gradient, losses, Loss};
use kwta_kernels::{batch_norm, matmul};
use std::hint::black_box;

pub fn cases() {
    products();
    batch_norms();
    loss();
}

fn products() {
    const N: usize = 256;
    let (a, b, mut c) = (values(N * N), values(N * N), vec![0.0; N * N]);
    case(&format!("matmul {N}"), || {
        matmul::matmul(N, N, N, black_box(&a), false, black_box(&b), false, black_box(&mut c));
    });
}

fn batch_norms() {
    const ROWS: usize = 1_024;
    const CHANNELS: usize = 64;
    const EPS: f32 = 1e-5;
    let (x, weight, bias) = (values(ROWS * CHANNELS), values(CHANNELS), values(CHANNELS));
    let (mut mean, mut variance) = (vec![0.0; CHANNELS], vec![0.0; CHANNELS]);
    let mut y = vec![0.0; x.len()];
    case(&format!("batch norm train forward {ROWS}x{CHANNELS}"), || {
        let y = black_box(&mut y);
        batch_norm::train_forward(ROWS, CHANNELS, black_box(&x), &weight, &bias, EPS, &mut mean, &mut variance, y);
    });
    let dy = Winners::tenth(ROWS, CHANNELS);
    let (mut dx, mut dweight, mut dbias) = (y, vec![0.0; CHANNELS], vec![0.0; CHANNELS]);
    case(&format!("batch norm train backward, compressed {ROWS}x{CHANNELS}"), || {
        let (dy, at) = (black_box(&dy.value), dy.pattern());
        let (dx, dweight, dbias) = (black_box(&mut dx), &mut dweight, &mut dbias);
        batch_norm::sparse::train_backward_sparse(&at, &x, dy, &mean, &variance, &weight, EPS, dx, dweight, dbias);
    });
}

fn loss() {
    const N: usize = 128;
    const CLASSES: usize = 10;
    let logits = values(N * CLASSES);
    let labels: Vec<u32> = (0..N).map(|i| (i % CLASSES) as u32).collect();
    let (mut loss, mut dlogits) = (vec![0.0; N], vec![0.0; N * CLASSES]);
    case(&format!("cross entropy {N}x{CLASSES}"), || {
        losses(Loss::CrossEntropy, N, CLASSES, black_box(&logits), &labels, black_box(&mut loss));
    });
    case(&format!("cross entropy gradient {N}x{CLASSES}"), || {
        gradient(Loss::CrossEntropy, N, CLASSES, black_box(&logits), &labels, 1.0, black_box(&mut dlogits));
    });
}
