//! 2-D convolution (cross-correlation, as in PyTorch), channels last.
//!
//! `dense.rs` takes dense inputs, `sparse.rs` takes compressed ones, `rectified.rs` chooses between them, and
//! `entries.rs` has the input gradient of a compressed output gradient; all share [`Conv2dShape`].
//!
//! Weights lie in blocks of output channels, `[block][c_in][kh][kw][width]` with `width` =
//! [`Conv2dShape::block_width`]: kernels work on one block at a time, whose rows are neighbours. `c_out`
//! values apart, rows of many channels would fall into few of a cache's sets and evict each other.

use crate::sizes::product;
use core::ops::Range;

mod block;
pub mod dense;
pub mod entries;
pub mod rectified;
pub mod sparse;

/// Output channels of a block of weights. The last block is as wide, and zero past `c_out`.
pub fn block_width(c_out: usize) -> usize {
    c_out.clamp(1, 32)
}

/// Sizes of one convolution over a batch: `x [n][h][w][c_in]`, `weight [block][c_in][kh][kw][width]`,
/// `y [n][out_h][out_w][c_out]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conv2dShape {
    /// Samples.
    pub n: usize,
    /// Input rows.
    pub h: usize,
    /// Input columns.
    pub w: usize,
    /// Input channels.
    pub c_in: usize,
    /// Output channels.
    pub c_out: usize,
    /// Kernel rows.
    pub kh: usize,
    /// Kernel columns.
    pub kw: usize,
    /// Step in rows and columns.
    pub stride: usize,
    /// Zeros around every side.
    pub padding: usize,
}

impl Conv2dShape {
    /// Panics unless the kernel fits in the padded input and memory can hold each tensor.
    pub fn check(&self) {
        let &Self { n, h, w, c_in, c_out, kh, kw, stride, padding } = self;
        assert!(stride > 0 && kh > 0 && kw > 0, "stride and kernel: at least 1, got {self:?}");
        let padded = |len: usize| padding.checked_mul(2).and_then(|margins| margins.checked_add(len));
        let fits = |kernel: usize, len: usize| padded(len).is_some_and(|len| kernel <= len);
        assert!(fits(kh, h) && fits(kw, w), "kernel: no larger than the padded input, got {self:?}");
        product([n, h, w, c_in]);
        product([n, self.out_h(), self.out_w(), c_out]);
        product([c_out.div_ceil(self.block_width()), kh, kw, c_in, self.block_width()]);
    }

    /// Output rows.
    pub fn out_h(&self) -> usize {
        (self.h + 2 * self.padding - self.kh) / self.stride + 1
    }

    /// Output columns.
    pub fn out_w(&self) -> usize {
        (self.w + 2 * self.padding - self.kw) / self.stride + 1
    }

    /// Length of `x`.
    pub fn x_len(&self) -> usize {
        self.n * self.h * self.w * self.c_in
    }

    /// [`block_width`] of these weights.
    pub fn block_width(&self) -> usize {
        block_width(self.c_out)
    }

    /// Length of a block of weights.
    pub fn block_len(&self) -> usize {
        self.kh * self.kw * self.c_in * self.block_width()
    }

    /// Length of `weight`.
    pub fn weight_len(&self) -> usize {
        self.c_out.div_ceil(self.block_width()) * self.block_len()
    }

    /// Place of the weight from input channel `c` to output channel `o` at tap `ky * kw + kx`.
    pub fn weight_index(&self, tap: usize, c: usize, o: usize) -> usize {
        let width = self.block_width();
        o / width * self.block_len() + (c * self.kh * self.kw + tap) * width + o % width
    }

    /// Those of `k` taps for which output place `o` reads inside of the input's `0..len`, in one dimension.
    pub(crate) fn taps_inside(&self, o: usize, k: usize, len: usize) -> Range<usize> {
        let origin = o * self.stride;
        let first = self.padding.saturating_sub(origin).min(k);
        first..(len + self.padding).saturating_sub(origin).clamp(first, k)
    }

    /// The convolution of `dy` that is the input gradient: the kernel turned round, with input and output channels
    /// exchanged; for a stride of 1, square kernels and less padding than taps.
    pub(crate) fn turned(&self) -> Self {
        Self {
            h: self.out_h(),
            w: self.out_w(),
            c_in: self.c_out,
            c_out: self.c_in,
            padding: self.kh - 1 - self.padding,
            ..*self
        }
    }

    /// Length of `y`.
    pub fn y_len(&self) -> usize {
        self.n * self.out_h() * self.out_w() * self.c_out
    }
}

#[cfg(test)]
mod tests;
