//! SSE2, which every x86-64 has: native tests and benches. Rounds as `wasm.rs` does without relaxed SIMD.

use super::{U32x4, Vector};
use core::arch::x86_64 as x;
use core::ops::{Add, Mul, Sub};

/// Four `f32` in one 128-bit register.
#[derive(Clone, Copy)]
pub struct F32x4(x::__m128);

/// Wraps intrinsics that need nothing but SSE2.
macro_rules! sse2 {
    ($call:expr) => {
        // SAFETY: every x86-64 has SSE2, and these work on registers alone.
        unsafe { $call }
    };
}

impl Vector for F32x4 {
    #[inline(always)]
    fn splat(value: f32) -> Self {
        Self(sse2!(x::_mm_set1_ps(value)))
    }

    #[inline(always)]
    fn from_array(lanes: [f32; 4]) -> Self {
        // SAFETY: the array holds four values.
        unsafe { Self::load_ptr(lanes.as_ptr()) }
    }

    #[inline(always)]
    fn to_array(self) -> [f32; 4] {
        let mut lanes = [0.0; 4];
        // SAFETY: the array holds four values.
        unsafe { self.store_ptr(lanes.as_mut_ptr()) };
        lanes
    }

    #[inline(always)]
    fn transpose([a, b, c, d]: [Self; 4]) -> [Self; 4] {
        let pairs = |a: Self, b: Self| (sse2!(x::_mm_unpacklo_ps(a.0, b.0)), sse2!(x::_mm_unpackhi_ps(a.0, b.0)));
        let ((ab_low, ab_high), (cd_low, cd_high)) = (pairs(a, b), pairs(c, d));
        [
            Self(sse2!(x::_mm_movelh_ps(ab_low, cd_low))),
            Self(sse2!(x::_mm_movehl_ps(cd_low, ab_low))),
            Self(sse2!(x::_mm_movelh_ps(ab_high, cd_high))),
            Self(sse2!(x::_mm_movehl_ps(cd_high, ab_high))),
        ]
    }

    #[inline(always)]
    unsafe fn load_ptr(source: *const f32) -> Self {
        // SAFETY: the caller's contract.
        Self(unsafe { x::_mm_loadu_ps(source) })
    }

    #[inline(always)]
    unsafe fn splat_ptr(source: *const f32) -> Self {
        // SAFETY: the caller's contract.
        Self(unsafe { x::_mm_load1_ps(source) })
    }

    #[inline(always)]
    unsafe fn store_ptr(self, target: *mut f32) {
        // SAFETY: the caller's contract.
        unsafe { x::_mm_storeu_ps(target, self.0) }
    }

    #[inline(always)]
    unsafe fn compress_ptr(self, mask: u32, target: *mut f32) {
        let mut kept = 0;
        for (lane, v) in self.to_array().into_iter().enumerate() {
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
        Self(sse2!(x::_mm_max_ps(self.0, other.0)))
    }

    #[inline(always)]
    fn min(self, other: Self) -> Self {
        Self(sse2!(x::_mm_min_ps(self.0, other.0)))
    }

    #[inline(always)]
    fn ge_mask(self, other: Self) -> u32 {
        sse2!(x::_mm_movemask_ps(x::_mm_cmpge_ps(self.0, other.0))) as u32
    }

    #[inline(always)]
    fn gt_mask(self, other: Self) -> u32 {
        sse2!(x::_mm_movemask_ps(x::_mm_cmpgt_ps(self.0, other.0))) as u32
    }

    #[inline(always)]
    fn eq_mask(self, other: Self) -> u32 {
        sse2!(x::_mm_movemask_ps(x::_mm_cmpeq_ps(self.0, other.0))) as u32
    }

    #[inline(always)]
    fn nan_mask(self) -> u32 {
        sse2!(x::_mm_movemask_ps(x::_mm_cmpunord_ps(self.0, self.0))) as u32
    }

    #[inline(always)]
    fn bits_mask(self) -> u32 {
        15 ^ sse2!(x::_mm_movemask_ps(x::_mm_castsi128_ps(x::_mm_cmpeq_epi32(
            x::_mm_castps_si128(self.0),
            x::_mm_setzero_si128()
        )))) as u32
    }
}

impl Add for F32x4 {
    type Output = Self;
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(sse2!(x::_mm_add_ps(self.0, other.0)))
    }
}

impl Sub for F32x4 {
    type Output = Self;
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self(sse2!(x::_mm_sub_ps(self.0, other.0)))
    }
}

impl Mul for F32x4 {
    type Output = Self;
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        Self(sse2!(x::_mm_mul_ps(self.0, other.0)))
    }
}
