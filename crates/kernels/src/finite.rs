//! Whether values are numbers that arithmetic can go on with.

use crate::parallel::for_each_piece;
use core::sync::atomic::{AtomicBool, Ordering};

/// Values of one piece of work.
const PIECE: usize = 1 << 16;

/// The bits of infinity; larger ones, without the sign, are NaN.
const INFINITY: u32 = 0x7f80_0000;

/// Whether no value is infinite or NaN.
pub fn all_finite(x: &[f32]) -> bool {
    let found = AtomicBool::new(false);
    for_each_piece(x.len().div_ceil(PIECE), |i| {
        let piece = &x[i * PIECE..x.len().min((i + 1) * PIECE)];
        let largest = piece.iter().fold(0, |largest: u32, v| largest.max(v.to_bits() & 0x7fff_ffff));
        if largest >= INFINITY {
            found.store(true, Ordering::Relaxed);
        }
    });
    !found.into_inner()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::values;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn finds_what_is_not_finite_at_any_place() {
        for len in [0, 1, 5, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE + 7] {
            let mut x = values(1, len);
            assert!(all_finite(&x), "{len}");
            for place in [0, len / 2, len.saturating_sub(1)].into_iter().filter(|&place| place < len) {
                let kept = x[place];
                for bad in [f32::NAN, -f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                    x[place] = bad;
                    assert!(!all_finite(&x), "{bad} at {place} of {len}");
                }
                for good in [f32::MAX, f32::MIN, -0.0, f32::from_bits(1)] {
                    x[place] = good;
                    assert!(all_finite(&x), "{good} at {place} of {len}");
                }
                x[place] = kept;
            }
        }
    }
}
