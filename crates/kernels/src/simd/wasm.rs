//! simd128, and relaxed multiply-add where the build enables it.

use super::Vector;
use core::arch::wasm32 as w;
use core::ops::{Add, Mul, Sub};

/// The byte order that brings the lanes of `mask` to the front.
#[inline(always)]
fn kept_first(mask: u32) -> w::v128 {
    let order: &[u8; 16] = &super::COMPRESS[(mask & 15) as usize];
    // SAFETY: `order` holds 16 bytes.
    unsafe { w::v128_load(order.as_ptr().cast()) }
}

/// Bytes by number; all numbers are below 16.
#[inline(always)]
fn swizzle(bytes: w::v128, order: w::v128) -> w::v128 {
    #[cfg(target_feature = "relaxed-simd")]
    {
        w::i8x16_relaxed_swizzle(bytes, order)
    }
    #[cfg(not(target_feature = "relaxed-simd"))]
    {
        w::i8x16_swizzle(bytes, order)
    }
}

/// Four `u32` in one 128-bit register.
#[derive(Clone, Copy)]
pub struct U32x4(w::v128);

impl U32x4 {
    /// Lanes `first`, `first + 1`, ...
    #[inline(always)]
    pub fn counting_from(first: u32) -> Self {
        Self(w::u32x4(first, first + 1, first + 2, first + 3))
    }

    /// `number` more in every lane.
    #[inline(always)]
    pub fn plus(self, number: u32) -> Self {
        Self(w::u32x4_add(self.0, w::u32x4_splat(number)))
    }

    /// Loads four numbers.
    ///
    /// # Safety
    /// `source` must be valid for reading four `u32`; no alignment is needed.
    #[inline(always)]
    pub unsafe fn load_ptr(source: *const u32) -> Self {
        // SAFETY: the caller's contract; v128_load has no alignment requirement.
        Self(unsafe { w::v128_load(source.cast()) })
    }
}

/// Four `f32` in one 128-bit register.
#[derive(Clone, Copy)]
pub struct F32x4(w::v128);

impl Vector for F32x4 {
    #[inline(always)]
    fn splat(value: f32) -> Self {
        Self(w::f32x4_splat(value))
    }

    #[inline(always)]
    fn from_array(lanes: [f32; 4]) -> Self {
        Self(w::f32x4(lanes[0], lanes[1], lanes[2], lanes[3]))
    }

    #[inline(always)]
    fn to_array(self) -> [f32; 4] {
        [
            w::f32x4_extract_lane::<0>(self.0),
            w::f32x4_extract_lane::<1>(self.0),
            w::f32x4_extract_lane::<2>(self.0),
            w::f32x4_extract_lane::<3>(self.0),
        ]
    }

    #[inline(always)]
    fn transpose([a, b, c, d]: [Self; 4]) -> [Self; 4] {
        let pairs =
            |a: Self, b: Self| (w::i32x4_shuffle::<0, 4, 1, 5>(a.0, b.0), w::i32x4_shuffle::<2, 6, 3, 7>(a.0, b.0));
        let ((ab_low, ab_high), (cd_low, cd_high)) = (pairs(a, b), pairs(c, d));
        [
            Self(w::i64x2_shuffle::<0, 2>(ab_low, cd_low)),
            Self(w::i64x2_shuffle::<1, 3>(ab_low, cd_low)),
            Self(w::i64x2_shuffle::<0, 2>(ab_high, cd_high)),
            Self(w::i64x2_shuffle::<1, 3>(ab_high, cd_high)),
        ]
    }

    #[inline(always)]
    unsafe fn load_ptr(source: *const f32) -> Self {
        // SAFETY: the caller's contract; v128_load has no alignment requirement.
        Self(unsafe { w::v128_load(source.cast()) })
    }

    #[inline(always)]
    unsafe fn splat_ptr(source: *const f32) -> Self {
        // SAFETY: the caller's contract.
        Self(unsafe { w::v128_load32_splat(source.cast()) })
    }

    #[inline(always)]
    unsafe fn store_ptr(self, target: *mut f32) {
        // SAFETY: the caller's contract; v128_store has no alignment requirement.
        unsafe { w::v128_store(target.cast(), self.0) }
    }

    #[inline(always)]
    unsafe fn compress_ptr(self, mask: u32, target: *mut f32) {
        // SAFETY: the caller's contract.
        unsafe { w::v128_store(target.cast(), swizzle(self.0, kept_first(mask))) }
    }

    #[inline(always)]
    unsafe fn compress_with_ptr(self, numbers: U32x4, mask: u32, target: *mut f32, target_numbers: *mut u32) {
        let order = kept_first(mask);
        // SAFETY: the caller's contract.
        unsafe {
            w::v128_store(target.cast(), swizzle(self.0, order));
            w::v128_store(target_numbers.cast(), swizzle(numbers.0, order));
        }
    }

    #[inline(always)]
    fn mul_add(self, factor: Self, addend: Self) -> Self {
        #[cfg(target_feature = "relaxed-simd")]
        {
            Self(w::f32x4_relaxed_madd(self.0, factor.0, addend.0))
        }
        #[cfg(not(target_feature = "relaxed-simd"))]
        {
            Self(w::f32x4_add(w::f32x4_mul(self.0, factor.0), addend.0))
        }
    }

    #[inline(always)]
    fn max(self, other: Self) -> Self {
        Self(w::f32x4_pmax(self.0, other.0))
    }

    #[inline(always)]
    fn min(self, other: Self) -> Self {
        Self(w::f32x4_pmin(self.0, other.0))
    }

    #[inline(always)]
    fn ge_mask(self, other: Self) -> u32 {
        u32::from(w::u32x4_bitmask(w::f32x4_ge(self.0, other.0)))
    }

    #[inline(always)]
    fn gt_mask(self, other: Self) -> u32 {
        u32::from(w::u32x4_bitmask(w::f32x4_gt(self.0, other.0)))
    }

    #[inline(always)]
    fn eq_mask(self, other: Self) -> u32 {
        u32::from(w::u32x4_bitmask(w::f32x4_eq(self.0, other.0)))
    }

    #[inline(always)]
    fn nan_mask(self) -> u32 {
        u32::from(w::u32x4_bitmask(w::f32x4_ne(self.0, self.0)))
    }

    #[inline(always)]
    fn bits_mask(self) -> u32 {
        u32::from(w::u32x4_bitmask(w::u32x4_ne(self.0, w::u32x4_splat(0))))
    }
}

impl Add for F32x4 {
    type Output = Self;
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(w::f32x4_add(self.0, other.0))
    }
}

impl Sub for F32x4 {
    type Output = Self;
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self(w::f32x4_sub(self.0, other.0))
    }
}

impl Mul for F32x4 {
    type Output = Self;
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        Self(w::f32x4_mul(self.0, other.0))
    }
}
