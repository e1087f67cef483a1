//! 2-D convolution of compressed inputs: all three passes cost what the entries cost.
//!
//! `c_out` is cut into blocks of at most 32 channels, whose accumulators stay in registers
//! ([`for_each_block`]). Linear layers come here as 1x1 convolutions of one pixel.

mod between;
mod forward;
mod input_gradient;
mod taps;
mod weight_gradient;

pub use between::input_gradient_between;
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

/// `acc + sum of values[t] * rows[t]`, in order of t, where `rows[t]` are the `V * L::WIDTH` values from
/// `base + places[t]` on.
///
/// # Safety
/// Every one of these rows must be valid for reading.
#[inline(always)]
unsafe fn weighted_sum<L: Lanes, const V: usize>(
    mut acc: [L; V],
    values: &[f32],
    places: &[u32],
    base: *const f32,
) -> [L; V] {
    for (v, &place) in values.iter().zip(places) {
        // SAFETY: the caller's contract.
        unsafe {
            let v = L::splat(v);
            let row = base.wrapping_add(place as usize);
            for (i, acc) in acc.iter_mut().enumerate() {
                *acc = v.mul_add(L::load(row.add(i * L::WIDTH)), *acc);
            }
        }
    }
    acc
}

/// A pass over one block of output channels.
trait Block {
    /// Treats the `V * L::WIDTH` output channels from `first` on.
    fn run<L: Lanes, const V: usize>(&self, first: usize);
}

/// Vectors of the widest block. Node 20 spills one or two of eight, yet blocks of six, which it does not
/// spill, are no faster there and a tenth slower in Node 24: each block repeats the loads of the entries.
const WIDEST: usize = 8;

/// Cuts `channels` into blocks of about the same width and runs `pass` on each.
fn for_each_block(channels: Range<usize>, pass: &impl Block) {
    let mut first = channels.start;
    let mut vectors = channels.len() / LANES;
    let mut blocks = vectors.div_ceil(WIDEST);
    while blocks > 0 {
        let width = vectors.div_ceil(blocks);
        match width {
            8 => pass.run::<F32x4, 8>(first),
            7 => pass.run::<F32x4, 7>(first),
            6 => pass.run::<F32x4, 6>(first),
            5 => pass.run::<F32x4, 5>(first),
            4 => pass.run::<F32x4, 4>(first),
            3 => pass.run::<F32x4, 3>(first),
            2 => pass.run::<F32x4, 2>(first),
            _ => pass.run::<F32x4, 1>(first),
        }
        first += width * LANES;
        vectors -= width;
        blocks -= 1;
    }
    match channels.end - first {
        3 => pass.run::<f32, 3>(first),
        2 => pass.run::<f32, 2>(first),
        1 => pass.run::<f32, 1>(first),
        _ => {}
    }
}

/// Output channels of a piece, when `channels` are cut into at most `parts`.
fn piece_width(channels: usize, parts: usize) -> usize {
    channels.div_ceil(WIDEST * LANES).div_ceil(parts).max(1) * WIDEST * LANES
}

fn check(shape: &Conv2dShape, pattern: &Pattern) {
    assert_eq!(pattern.shape.n, shape.n, "pattern: n");
    assert_eq!(pattern.shape.pixels, shape.h * shape.w, "pattern: pixels");
    assert_eq!(pattern.shape.channels, shape.c_in, "pattern: channels");
    assert!(shape.stride > 0, "stride");
}

#[cfg(test)]
mod tests;
