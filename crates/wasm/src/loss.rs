//! Exports of `kwta_kernels::loss`. Losses go by number: 0 cross entropy, 1 margin, 2 DLR.

use crate::export::export;
use kwta_kernels::loss::{self, Loss};
use kwta_kernels::sizes::product;

fn kind(number: usize) -> Loss {
    let losses = [Loss::CrossEntropy, Loss::Margin, Loss::Dlr];
    *losses.get(number).unwrap_or_else(|| panic!("loss: there is no number {number}"))
}

export! {
    /// Loss of each sample.
    fn losses(
        loss: usize,
        n: usize,
        classes: usize,
        logits: &[f32; product([n, classes])],
        labels: &[u32; n],
        losses: &mut [f32; n]
    ) {
        loss::losses(kind(loss), n, classes, logits, labels, losses);
    }

    /// Gradient of each sample's loss by its logits, times `scale`.
    fn loss_gradient(
        loss: usize,
        n: usize,
        classes: usize,
        logits: &[f32; product([n, classes])],
        labels: &[u32; n],
        scale: f32,
        dlogits: &mut [f32; logits.len()]
    ) {
        loss::gradient(kind(loss), n, classes, logits, labels, scale, dlogits);
    }

    /// Softmax of each row.
    fn softmax_forward(rows: usize, classes: usize, x: &[f32; product([rows, classes])], y: &mut [f32; x.len()]) {
        loss::softmax(rows, classes, x, y);
    }

    /// Gradient of [`softmax_forward`] from its output.
    fn softmax_backward(
        rows: usize,
        classes: usize,
        y: &[f32; product([rows, classes])],
        dy: &[f32; y.len()],
        dx: &mut [f32; y.len()]
    ) {
        loss::softmax_backward(rows, classes, y, dy, dx);
    }

    /// Logarithm of the softmax of each row.
    fn log_softmax_forward(rows: usize, classes: usize, x: &[f32; product([rows, classes])], y: &mut [f32; x.len()]) {
        loss::log_softmax(rows, classes, x, y);
    }

    /// Gradient of [`log_softmax_forward`] from its output.
    fn log_softmax_backward(
        rows: usize,
        classes: usize,
        y: &[f32; product([rows, classes])],
        dy: &[f32; y.len()],
        dx: &mut [f32; y.len()]
    ) {
        loss::log_softmax_backward(rows, classes, y, dy, dx);
    }
}
