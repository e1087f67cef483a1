//! Plain arrays that the compiler vectorises; the meaning of `wasm.rs` without relaxed SIMD.

use super::{U32x4, Vector};
use core::ops::{Add, Mul, Sub};

/// Four `f32`.
#[derive(Clone, Copy)]
#[repr(C, align(16))]
pub struct F32x4([f32; 4]);

#[inline(always)]
fn mask(a: F32x4, b: F32x4, test: impl Fn(f32, f32) -> bool) -> u32 {
    (0..4).fold(0, |bits, i| bits | u32::from(test(a.0[i], b.0[i])) << i)
}

#[inline(always)]
fn zip(a: F32x4, b: F32x4, f: impl Fn(f32, f32) -> f32) -> F32x4 {
    F32x4([f(a.0[0], b.0[0]), f(a.0[1], b.0[1]), f(a.0[2], b.0[2]), f(a.0[3], b.0[3])])
}

impl Vector for F32x4 {
    #[inline(always)]
    fn splat(value: f32) -> Self {
        Self([value; 4])
    }

    #[inline(always)]
    fn from_array(lanes: [f32; 4]) -> Self {
        Self(lanes)
    }

    #[inline(always)]
    fn to_array(self) -> [f32; 4] {
        self.0
    }

    #[inline(always)]
    fn transpose(vectors: [Self; 4]) -> [Self; 4] {
        core::array::from_fn(|l| Self(vectors.map(|vector| vector.0[l])))
    }

    #[inline(always)]
    unsafe fn load_ptr(source: *const f32) -> Self {
        // SAFETY: the caller's contract; [f32; 4] has f32's alignment.
        Self(unsafe { source.cast::<[f32; 4]>().read() })
    }

    #[inline(always)]
    unsafe fn splat_ptr(source: *const f32) -> Self {
        // SAFETY: the caller's contract.
        Self::splat(unsafe { source.read() })
    }

    #[inline(always)]
    unsafe fn store_ptr(self, target: *mut f32) {
        // SAFETY: the caller's contract; [f32; 4] has f32's alignment.
        unsafe { target.cast::<[f32; 4]>().write(self.0) }
    }

    #[inline(always)]
    unsafe fn compress_ptr(self, mask: u32, target: *mut f32) {
        let mut kept = 0;
        for (lane, &v) in self.0.iter().enumerate() {
            // SAFETY: at most `lane` values were kept before, so `kept` is below four.
            unsafe { target.add(kept).write(v) };
            kept += (mask >> lane & 1) as usize;
        }
    }

    #[inline(always)]
    unsafe fn compress_with_ptr(self, numbers: U32x4, mask: u32, target: *mut f32, target_numbers: *mut u32) {
        // SAFETY: the caller's contract; of four numbers, those kept are below four.
        unsafe {
            self.compress_ptr(mask, target);
            numbers.compress_ptr(mask, target_numbers);
        }
    }

    #[inline(always)]
    fn mul_add(self, factor: Self, addend: Self) -> Self {
        self * factor + addend
    }

    #[inline(always)]
    fn max(self, other: Self) -> Self {
        zip(self, other, |a, b| if a < b { b } else { a })
    }

    #[inline(always)]
    fn min(self, other: Self) -> Self {
        zip(self, other, |a, b| if b < a { b } else { a })
    }

    #[inline(always)]
    fn ge_mask(self, other: Self) -> u32 {
        mask(self, other, |a, b| a >= b)
    }

    #[inline(always)]
    fn gt_mask(self, other: Self) -> u32 {
        mask(self, other, |a, b| a > b)
    }

    #[inline(always)]
    fn eq_mask(self, other: Self) -> u32 {
        mask(self, other, |a, b| a == b)
    }

    #[inline(always)]
    fn nan_mask(self) -> u32 {
        mask(self, self, |a, _| a.is_nan())
    }

    #[inline(always)]
    fn bits_mask(self) -> u32 {
        mask(self, self, |a, _| a.to_bits() != 0)
    }
}

impl Add for F32x4 {
    type Output = Self;
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        zip(self, other, |a, b| a + b)
    }
}

impl Sub for F32x4 {
    type Output = Self;
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        zip(self, other, |a, b| a - b)
    }
}

impl Mul for F32x4 {
    type Output = Self;
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        zip(self, other, |a, b| a * b)
    }
}
