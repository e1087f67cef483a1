//! A vector of four `f32`, [`Vector`], one type for each instruction set, and what little four `u32` must do beside it;
//! the only place in the project that names intrinsics.
//!
//! `wasm.rs` is simd128, with relaxed multiply-add when the build enables `relaxed-simd`; `sse2.rs` serves
//! native tests and benches on x86-64, `portable.rs`, plain arrays, elsewhere. All round alike (multiply,
//! then add), except for `mul_add` under relaxed SIMD, which is fused.

use core::ops::{Add, Mul, Sub};

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod wasm;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
pub use wasm::{F32x4, U32x4};

#[cfg(target_arch = "x86_64")]
mod sse2;
#[cfg(target_arch = "x86_64")]
pub use sse2::F32x4;

#[cfg(not(any(all(target_arch = "wasm32", target_feature = "simd128"), target_arch = "x86_64")))]
mod portable;
#[cfg(not(any(all(target_arch = "wasm32", target_feature = "simd128"), target_arch = "x86_64")))]
pub use portable::F32x4;

#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
mod numbers;
#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
pub use numbers::U32x4;

/// Lanes of a vector.
pub const LANES: usize = 4;

/// For each mask of kept lanes, the byte order that brings them to the front.
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
static COMPRESS: [[u8; 16]; 16] = {
    let mut table = [[0; 16]; 16];
    let mut mask = 0;
    while mask < 16 {
        let (mut kept, mut lane) = (0, 0);
        while lane < 4 {
            let mut byte = 0;
            while byte < 4 && mask >> lane & 1 == 1 {
                table[mask][4 * kept + byte] = (4 * lane + byte) as u8;
                byte += 1;
            }
            kept += mask >> lane & 1;
            lane += 1;
        }
        mask += 1;
    }
    table
};

/// Four `f32` in one register, and what the kernels do with them: the meaning, the same for every instruction set.
pub trait Vector: Copy + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> {
    /// Every lane `value`.
    fn splat(value: f32) -> Self;

    /// Lanes from an array.
    fn from_array(lanes: [f32; LANES]) -> Self;

    /// Lanes to an array.
    fn to_array(self) -> [f32; LANES];

    /// Lane `l` of vector `v` becomes lane `v` of vector `l`.
    fn transpose(vectors: [Self; LANES]) -> [Self; LANES];

    /// Loads four values.
    ///
    /// # Safety
    /// `source` must be valid for reading four `f32`; no alignment is needed beyond `f32`'s.
    unsafe fn load_ptr(source: *const f32) -> Self;

    /// Loads one value into every lane.
    ///
    /// # Safety
    /// `source` must be valid for reading one `f32`.
    unsafe fn splat_ptr(source: *const f32) -> Self;

    /// Stores four values.
    ///
    /// # Safety
    /// `target` must be valid for writing four `f32`; no alignment is needed beyond `f32`'s.
    unsafe fn store_ptr(self, target: *mut f32);

    /// Stores the lanes whose bit is set in `mask` (below 16) one after another; the places after them,
    /// up to four in all, get unspecified values.
    ///
    /// # Safety
    /// `target` must be valid for writing four `f32`.
    unsafe fn compress_ptr(self, mask: u32, target: *mut f32);

    /// The same, with the lanes' numbers.
    ///
    /// # Safety
    /// `target` must be valid for writing four `f32`, `target_numbers` for four `u32`.
    unsafe fn compress_with_ptr(self, numbers: U32x4, mask: u32, target: *mut f32, target_numbers: *mut u32);

    /// `self * factor + addend`; fused under relaxed SIMD, else rounded twice.
    fn mul_add(self, factor: Self, addend: Self) -> Self;

    /// Lane-wise maximum; unspecified for NaN.
    fn max(self, other: Self) -> Self;

    /// Lane-wise minimum; unspecified for NaN.
    fn min(self, other: Self) -> Self;

    /// Bit `i` set where lane `i` >= the other's.
    fn ge_mask(self, other: Self) -> u32;

    /// Bit `i` set where lane `i` > the other's.
    fn gt_mask(self, other: Self) -> u32;

    /// Bit `i` set where lane `i` == the other's (-0 equals +0).
    fn eq_mask(self, other: Self) -> u32;

    /// Bit `i` set where lane `i` is NaN.
    fn nan_mask(self) -> u32;

    /// Bit `i` set where lane `i` is anything but +0, -0 among it.
    fn bits_mask(self) -> u32;

    /// All lanes zero.
    #[inline(always)]
    fn zero() -> Self {
        Self::splat(0.0)
    }

    /// Loads the first four values of `source`; panics when it is shorter.
    #[inline(always)]
    fn load(source: &[f32]) -> Self {
        assert!(source.len() >= LANES);
        // SAFETY: four values are readable, as just asserted.
        unsafe { Self::load_ptr(source.as_ptr()) }
    }

    /// Stores to the first four places of `target`; panics when it is shorter.
    #[inline(always)]
    fn store(self, target: &mut [f32]) {
        assert!(target.len() >= LANES);
        // SAFETY: four values are writable, as just asserted.
        unsafe { self.store_ptr(target.as_mut_ptr()) }
    }

    /// Sum of the lanes, in a fixed order: (0 + 2) + (1 + 3).
    #[inline(always)]
    fn sum(self) -> f32 {
        let [a, b, c, d] = self.to_array();
        (a + c) + (b + d)
    }
}

#[cfg(test)]
mod tests {
    use super::{F32x4, U32x4, Vector};
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn masks_are_bit_per_lane() {
        let a = F32x4::from_array([1.0, f32::NAN, -0.0, 4.0]);
        let b = F32x4::from_array([1.0, 1.0, 0.0, 3.0]);
        assert_eq!(a.ge_mask(b), 0b1101);
        assert_eq!(a.gt_mask(b), 0b1000);
        assert_eq!(a.eq_mask(b), 0b0101);
        assert_eq!(a.nan_mask(), 0b0010);
        assert_eq!(F32x4::from_array([0.0, f32::NAN, -0.0, 1e-45]).bits_mask(), 0b1110);
    }

    #[test]
    fn compress_keeps_masked_lanes_in_order() {
        let lanes = [1.0, 2.0, 3.0, 4.0];
        for mask in 0..16u32 {
            let mut out = [0.0; 4];
            let (mut with, mut numbers) = ([0.0; 4], [0; 4]);
            // SAFETY: all of these hold four values.
            unsafe {
                let lanes = F32x4::from_array(lanes);
                lanes.compress_ptr(mask, out.as_mut_ptr());
                let counting = U32x4::counting_from(3).plus(4);
                lanes.compress_with_ptr(counting, mask, with.as_mut_ptr(), numbers.as_mut_ptr());
            }
            let expected: Vec<f32> = (0..4).filter(|lane| mask >> lane & 1 == 1).map(|lane| lanes[lane]).collect();
            assert_eq!(out[..expected.len()], expected, "mask {mask:04b}");
            assert_eq!(with[..expected.len()], expected, "mask {mask:04b}");
            let numbers = numbers[..expected.len()].iter().map(|&number| (number - 6) as f32);
            assert!(numbers.eq(expected.iter().copied()), "mask {mask:04b}");
        }
    }

    #[test]
    fn arithmetic_by_lane() {
        let a = F32x4::from_array([1.0, 2.0, 3.0, 4.0]);
        let b = F32x4::splat(2.0);
        assert_eq!((a + b).to_array(), [3.0, 4.0, 5.0, 6.0]);
        assert_eq!((a - b).to_array(), [-1.0, 0.0, 1.0, 2.0]);
        assert_eq!((a * b).to_array(), [2.0, 4.0, 6.0, 8.0]);
        assert_eq!(a.mul_add(b, b).to_array(), [4.0, 6.0, 8.0, 10.0]);
        assert_eq!(a.max(b).to_array(), [2.0, 2.0, 3.0, 4.0]);
        assert_eq!(a.min(b).to_array(), [1.0, 2.0, 2.0, 2.0]);
        assert_eq!(a.sum(), 10.0);
    }

    #[test]
    fn transpose_exchanges_lanes_and_vectors() {
        let at = |v: usize, l: usize| (10 * v + l) as f32;
        let rows = core::array::from_fn(|v| F32x4::from_array(core::array::from_fn(|l| at(v, l))));
        for (l, column) in F32x4::transpose(rows).into_iter().enumerate() {
            assert_eq!(column.to_array(), core::array::from_fn(|v| at(v, l)));
        }
    }
}
