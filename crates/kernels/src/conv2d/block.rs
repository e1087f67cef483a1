//! What the passes over a block of weights share: an inner loop is written once for vectors of output channels and
//! for the single channels that are left, and instantiated for each number of them.

use super::Conv2dShape;
use crate::simd::{F32x4, Vector, LANES};
use core::sync::atomic::{compiler_fence, Ordering};

/// What an inner loop treats as one number: a vector of output channels, or one channel.
pub(super) trait Lanes: Copy {
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
    fn add(self, other: Self) -> Self;
    fn mul(self, other: Self) -> Self;
    /// Of the output channels.
    fn sum(self) -> f32;
}

impl Lanes for F32x4 {
    const WIDTH: usize = LANES;
    #[inline(always)]
    fn zero() -> Self {
        Vector::zero()
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
        Vector::mul_add(self, factor, addend)
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self + other
    }
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        self * other
    }
    #[inline(always)]
    fn sum(self) -> f32 {
        Vector::sum(self)
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
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self + other
    }
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        self * other
    }
    #[inline(always)]
    fn sum(self) -> f32 {
        self
    }
}

/// Loads behind stay behind: V8 has 15 vectors, and the compiler would load all rows before it uses one.
#[inline(always)]
pub(super) fn keep_order() {
    compiler_fence(Ordering::SeqCst);
}

/// A pass over one block of output channels.
pub(super) trait Block {
    /// Most vectors of output channels that it keeps in registers: 8 or 4.
    const WIDEST: usize = 8;
    /// Treats the `V * L::WIDTH` output channels from `first` on.
    fn run<L: Lanes, const V: usize>(&self, first: usize);
}

/// Runs `pass` on the block of weights `block`: on 8 vectors of output channels, or 4, 2, 1 and single channels.
pub(super) fn run_block<B: Block>(shape: &Conv2dShape, block: usize, pass: &B) {
    let first = block * shape.block_width();
    let channels = shape.block_width().min(shape.c_out - first);
    let mut next = first;
    let left = |next: usize| (first + channels - next) / LANES;
    if left(next) >= 8 && B::WIDEST == 8 {
        pass.run::<F32x4, 8>(next);
        next += 8 * LANES;
    }
    while left(next) >= 4 {
        pass.run::<F32x4, 4>(next);
        next += 4 * LANES;
    }
    if left(next) >= 2 {
        pass.run::<F32x4, 2>(next);
        next += 2 * LANES;
    }
    if left(next) >= 1 {
        pass.run::<F32x4, 1>(next);
        next += LANES;
    }
    for channel in next..first + channels {
        pass.run::<f32, 1>(channel);
    }
}

/// Blocks of weights.
pub(super) fn blocks(shape: &Conv2dShape) -> usize {
    shape.c_out.div_ceil(shape.block_width())
}
