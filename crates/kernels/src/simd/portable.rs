//! Plain arrays that the compiler vectorises; the meaning of `wasm.rs` without relaxed SIMD.

use super::U32x4;
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

impl F32x4 {
    /// Every lane `value`.
    #[inline(always)]
    pub fn splat(value: f32) -> Self {
        Self([value; 4])
    }

    /// Lanes from an array.
    #[inline(always)]
    pub fn from_array(lanes: [f32; 4]) -> Self {
        Self(lanes)
    }

    /// Lanes to an array.
    #[inline(always)]
    pub fn to_array(self) -> [f32; 4] {
        self.0
    }

    /// Lane `l` of vector `v` becomes lane `v` of vector `l`.
    #[inline(always)]
    pub fn transpose(vectors: [Self; 4]) -> [Self; 4] {
        core::array::from_fn(|l| Self(vectors.map(|vector| vector.0[l])))
    }

    /// Loads four values.
    ///
    /// # Safety
    /// `source` must be valid for reading four `f32`; no alignment is needed beyond `f32`'s.
    #[inline(always)]
    pub unsafe fn load_ptr(source: *const f32) -> Self {
        // SAFETY: the caller's contract; [f32; 4] has f32's alignment.
        Self(unsafe { source.cast::<[f32; 4]>().read() })
    }

    /// Loads one value into every lane.
    ///
    /// # Safety
    /// `source` must be valid for reading one `f32`.
    #[inline(always)]
    pub unsafe fn splat_ptr(source: *const f32) -> Self {
        // SAFETY: the caller's contract.
        Self::splat(unsafe { source.read() })
    }

    /// Stores four values.
    ///
    /// # Safety
    /// `target` must be valid for writing four `f32`; no alignment is needed beyond `f32`'s.
    #[inline(always)]
    pub unsafe fn store_ptr(self, target: *mut f32) {
        // SAFETY: the caller's contract; [f32; 4] has f32's alignment.
        unsafe { target.cast::<[f32; 4]>().write(self.0) }
    }

    /// Stores the lanes whose bit is set in `mask` (below 16) one after another; the places after them,
    /// up to four in all, get unspecified values.
    ///
    /// # Safety
    /// `target` must be valid for writing four `f32`.
    #[inline(always)]
    pub unsafe fn compress_ptr(self, mask: u32, target: *mut f32) {
        let mut kept = 0;
        for (lane, &v) in self.0.iter().enumerate() {
            // SAFETY: at most `lane` values were kept before, so `kept` is below four.
            unsafe { target.add(kept).write(v) };
            kept += (mask >> lane & 1) as usize;
        }
    }

    /// The same, with the lanes' numbers.
    ///
    /// # Safety
    /// `target` must be valid for writing four `f32`, `target_numbers` for four `u32`.
    #[inline(always)]
    pub unsafe fn compress_with_ptr(self, numbers: U32x4, mask: u32, target: *mut f32, target_numbers: *mut u32) {
        // SAFETY: the caller's contract; of four numbers, those kept are below four.
        unsafe {
            self.compress_ptr(mask, target);
            numbers.compress_ptr(mask, target_numbers);
        }
    }

    /// `self * factor + addend`, rounded twice.
    #[inline(always)]
    pub fn mul_add(self, factor: Self, addend: Self) -> Self {
        self * factor + addend
    }

    /// Lane-wise maximum; unspecified for NaN.
    #[inline(always)]
    pub fn max(self, other: Self) -> Self {
        zip(self, other, |a, b| if a < b { b } else { a })
    }

    /// Lane-wise minimum; unspecified for NaN.
    #[inline(always)]
    pub fn min(self, other: Self) -> Self {
        zip(self, other, |a, b| if b < a { b } else { a })
    }

    /// Lane-wise square root, correctly rounded.
    #[inline(always)]
    pub fn sqrt(self) -> Self {
        Self(self.0.map(f32::sqrt))
    }

    /// Bit `i` set where lane `i` >= the other's.
    #[inline(always)]
    pub fn ge_mask(self, other: Self) -> u32 {
        mask(self, other, |a, b| a >= b)
    }

    /// Bit `i` set where lane `i` > the other's.
    #[inline(always)]
    pub fn gt_mask(self, other: Self) -> u32 {
        mask(self, other, |a, b| a > b)
    }

    /// Bit `i` set where lane `i` == the other's (-0 equals +0).
    #[inline(always)]
    pub fn eq_mask(self, other: Self) -> u32 {
        mask(self, other, |a, b| a == b)
    }

    /// Bit `i` set where lane `i` is NaN.
    #[inline(always)]
    pub fn nan_mask(self) -> u32 {
        mask(self, self, |a, _| a.is_nan())
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
