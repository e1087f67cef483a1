//! The inner loop of every dense product: one tile of `MR` x `NR` outputs held in registers.
//!
//! Eight accumulators of four lanes, two vectors of B and one splat of A are as much as V8 keeps in
//! registers; every larger tile spills.

use crate::simd::{F32x4, Vector, LANES};

/// Rows of a tile, and lines of a packed panel of A.
pub(crate) const MR: usize = 4;
/// Columns of a tile, and lines of a packed panel of B.
pub(crate) const NR: usize = 8;

/// What a tile begins with where there is nothing to add to.
pub(crate) static ZEROS: [f32; NR] = [0.0; NR];

/// `to[r][0..4 * V] = from[r][0..4 * V] + sum over p < kc of a[p][r] * b[p][0..4 * V]`.
///
/// `a` is a packed panel `[kc][MR]`, `b` is `[kc][NR]` of which the first `4 * V` columns are used.
///
/// # Safety
/// `a` is valid for reading `kc * MR` values and `b` for `kc * NR`; each of `from` is valid for
/// reading `4 * V` values and each of `to` for writing as many. `from[r]` may equal `to[r]`.
#[inline(never)]
pub(crate) unsafe fn tile<const V: usize>(
    kc: usize,
    a: *const f32,
    b: *const f32,
    from: [*const f32; MR],
    to: [*mut f32; MR],
) {
    // SAFETY: the caller's contract.
    let sums = unsafe { products::<V>(kc, a, b) };
    for (r, sums) in sums.iter().enumerate() {
        for (v, &sum) in sums.iter().enumerate() {
            // SAFETY: the caller's contract on `from` and `to`.
            unsafe { (sum + F32x4::load_ptr(from[r].add(v * LANES))).store_ptr(to[r].add(v * LANES)) };
        }
    }
}

/// `to[r * row..][..4 * V] = sum over p < kc of a[p][r] * b[p][0..4 * V]`.
///
/// # Safety
/// As [`tile`]'s; `to` is valid for writing `4 * V` values in each of `MR` rows.
#[inline(never)]
pub(crate) unsafe fn new_tile<const V: usize>(kc: usize, a: *const f32, b: *const f32, to: *mut f32, row: usize) {
    // SAFETY: the caller's contract.
    unsafe {
        for (r, sums) in products::<V>(kc, a, b).into_iter().enumerate() {
            for (v, sum) in sums.into_iter().enumerate() {
                sum.store_ptr(to.add(r * row + v * LANES));
            }
        }
    }
}

/// The sums of a tile.
///
/// # Safety
/// `a` is valid for reading `kc * MR` values and `b` for `kc * NR`.
#[inline(always)]
unsafe fn products<const V: usize>(kc: usize, a: *const f32, b: *const f32) -> [[F32x4; V]; MR] {
    let mut sums = [[F32x4::zero(); V]; MR];
    let (mut a, mut b) = (a, b);
    for _ in 0..kc {
        // SAFETY: step p reads values p * MR .. (p + 1) * MR of `a` and p * NR .. (p + 1) * NR of `b`.
        unsafe {
            let columns: [F32x4; V] = core::array::from_fn(|v| F32x4::load_ptr(b.add(v * LANES)));
            for (r, sums) in sums.iter_mut().enumerate() {
                let value = F32x4::splat_ptr(a.add(r));
                for (sum, &column) in sums.iter_mut().zip(&columns) {
                    *sum = value.mul_add(column, *sum);
                }
            }
            a = a.add(MR);
            b = b.add(NR);
        }
    }
    sums
}
