//! 2-D convolution of compressed inputs: all three passes cost what the entries cost.
//!
//! `c_out` is cut into blocks of 32, 16, 8, 4 and at last 3 to 1 channels, whose accumulators stay in
//! registers ([`for_each_block`]). Linear layers come here as 1x1 convolutions of one pixel.

mod forward;
mod input_gradient;
mod weight_gradient;

pub use forward::forward;
pub use input_gradient::input_gradient;
pub use weight_gradient::weight_gradient;

use super::Conv2dShape;
use crate::simd::{F32x4, LANES};
use crate::sparse::Pattern;
use core::ops::Range;

/// What an inner loop treats as one number: a vector of output channels, or one channel.
trait Lanes: Copy {
    /// Output channels.
    const WIDTH: usize;
    fn zero() -> Self;
    /// # Safety
    /// `source` must be valid for reading `WIDTH` values.
    unsafe fn load(source: *const f32) -> Self;
    /// # Safety
    /// `source` must be valid for reading one value.
    unsafe fn splat(source: *const f32) -> Self;
    /// # Safety
    /// `target` must be valid for writing `WIDTH` values.
    unsafe fn store(self, target: *mut f32);
    fn mul_add(self, factor: Self, addend: Self) -> Self;
}

impl Lanes for F32x4 {
    const WIDTH: usize = LANES;
    #[inline(always)]
    fn zero() -> Self {
        F32x4::zero()
    }
    #[inline(always)]
    unsafe fn load(source: *const f32) -> Self {
        // SAFETY: the caller's contract.
        unsafe { F32x4::load_ptr(source) }
    }
    #[inline(always)]
    unsafe fn splat(source: *const f32) -> Self {
        // SAFETY: the caller's contract.
        unsafe { F32x4::splat_ptr(source) }
    }
    #[inline(always)]
    unsafe fn store(self, target: *mut f32) {
        // SAFETY: the caller's contract.
        unsafe { self.store_ptr(target) }
    }
    #[inline(always)]
    fn mul_add(self, factor: Self, addend: Self) -> Self {
        F32x4::mul_add(self, factor, addend)
    }
}

impl Lanes for f32 {
    const WIDTH: usize = 1;
    #[inline(always)]
    fn zero() -> Self {
        0.0
    }
    #[inline(always)]
    unsafe fn load(source: *const f32) -> Self {
        // SAFETY: the caller's contract.
        unsafe { source.read() }
    }
    #[inline(always)]
    unsafe fn splat(source: *const f32) -> Self {
        // SAFETY: the caller's contract.
        unsafe { source.read() }
    }
    #[inline(always)]
    unsafe fn store(self, target: *mut f32) {
        // SAFETY: the caller's contract.
        unsafe { target.write(self) }
    }
    #[inline(always)]
    fn mul_add(self, factor: Self, addend: Self) -> Self {
        self * factor + addend
    }
}

/// A pass over one block of output channels.
trait Block {
    /// Treats the `V * L::WIDTH` output channels from `first` on.
    fn run<L: Lanes, const V: usize>(&self, first: usize);
}

/// Output channels of the widest block.
const WIDEST: usize = 8 * LANES;

/// Cuts `channels` into blocks and runs `pass` on each.
fn for_each_block(channels: Range<usize>, pass: &impl Block) {
    let mut first = channels.start;
    while first < channels.end {
        first += match channels.end - first {
            WIDEST.. => (pass.run::<F32x4, 8>(first), WIDEST).1,
            16.. => (pass.run::<F32x4, 4>(first), 16).1,
            8.. => (pass.run::<F32x4, 2>(first), 8).1,
            4.. => (pass.run::<F32x4, 1>(first), 4).1,
            3 => (pass.run::<f32, 3>(first), 3).1,
            2 => (pass.run::<f32, 2>(first), 2).1,
            _ => (pass.run::<f32, 1>(first), 1).1,
        };
    }
}

fn check(shape: &Conv2dShape, pattern: &Pattern) {
    assert_eq!(pattern.shape.n, shape.n, "pattern: n");
    assert_eq!(pattern.shape.pixels, shape.h * shape.w, "pattern: pixels");
    assert_eq!(pattern.shape.channels, shape.c_in, "pattern: channels");
    assert!(shape.stride > 0, "stride");
}

#[cfg(test)]
mod tests;
