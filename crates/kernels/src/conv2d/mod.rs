//! 2-D convolution (cross-correlation, as in PyTorch), channels last.
//!
//! `dense.rs` takes dense inputs, `sparse.rs` takes compressed ones; both share [`Conv2dShape`].

pub mod dense;
pub mod sparse;

/// Sizes of one convolution over a batch: `x [n][h][w][c_in]`, `weight [kh][kw][c_in][c_out]`,
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

    /// Length of `weight`.
    pub fn weight_len(&self) -> usize {
        self.kh * self.kw * self.c_in * self.c_out
    }

    /// Length of `y`.
    pub fn y_len(&self) -> usize {
        self.n * self.out_h() * self.out_w() * self.c_out
    }
}
