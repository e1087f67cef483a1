//! Counter-based random numbers: Philox4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random numbers:
//! as easy as 1, 2, 3", SC 2011).
//!
//! Nothing is carried from one draw to the next: value `i` of a stream is a pure function of
//! `(seed, stream, i)`, so any slice of a stream can be drawn by itself, on any thread.
//!
//! - The key is the seed: words `[seed low, seed high]`.
//! - The counter is `[block low, block high, stream low, stream high]`; block `b` gives the four words
//!   of values `4b .. 4b + 4`.
//! - A uniform value is `(word >> 8) * 2^-24`: in [0, 1), a multiple of 2^-24.
//! - Normal values come from the same words by Box-Muller: words 0 and 1 of a block give values `4b` and
//!   `4b + 1` (radius from the first word, angle from the second), words 2 and 3 the other two.
//!
//! A stream number says what the values are for: see [`stream`]. Anyone who follows this page draws the
//! same uniform values; the normal ones also need the polynomials below, which only multiply, add, divide
//! and take square roots, and so give the same bits on every platform.

use crate::parallel;

/// Blocks drawn together, so that the compiler can work on several at once.
const BATCH: usize = 32;
/// Values of one batch.
const BATCH_VALUES: usize = 4 * BATCH;
/// Values of one piece of work.
const PIECE: usize = 64 * BATCH_VALUES;

/// The number of a stream: what it is for, at which step, for which sample (or layer, or parameter).
/// Bits 56 to 63 hold `purpose`, 32 to 55 `step`, 0 to 31 `index`. Panics when `step` needs more than 24 bits.
pub fn stream(purpose: u8, step: u32, index: u32) -> u64 {
    assert!(step < 1 << 24, "step must be below 2^24, got {step}");
    u64::from(purpose) << 56 | u64::from(step) << 32 | u64::from(index)
}

/// Writes the uniform values `first .. first + out.len()` of `stream`, in [0, 1).
pub fn uniform(seed: u64, stream: u64, first: u64, out: &mut [f32]) {
    draw(seed, stream, first, out, |words, values| {
        for j in 0..BATCH {
            for i in 0..4 {
                values[4 * j + i] = unit(words[i][j]);
            }
        }
    });
}

/// Writes the standard normal values `first .. first + out.len()` of `stream`; at most 5.77 in magnitude.
pub fn normal(seed: u64, stream: u64, first: u64, out: &mut [f32]) {
    draw(seed, stream, first, out, |words, values| {
        for pair in 0..2 {
            let (mut cosines, mut sines) = ([0.0; BATCH], [0.0; BATCH]);
            for j in 0..BATCH {
                (cosines[j], sines[j]) = box_muller(words[2 * pair][j], words[2 * pair + 1][j]);
            }
            for j in 0..BATCH {
                values[4 * j + 2 * pair] = cosines[j];
                values[4 * j + 2 * pair + 1] = sines[j];
            }
        }
    });
}

/// Words of a batch: `words[i][j]` is word `i` of block `j`.
type Words = [[u32; BATCH]; 4];

/// Fills `out` from the batches that cover it; `convert` turns the words of one batch into its values.
fn draw(
    seed: u64,
    stream: u64,
    first: u64,
    out: &mut [f32],
    convert: impl Fn(&Words, &mut [f32; BATCH_VALUES]) + Sync + Send,
) {
    parallel::for_each_chunk_mut(out, PIECE, |piece, out| {
        let mut words = [[0; BATCH]; 4];
        let mut values = [0.0; BATCH_VALUES];
        let mut position = first.wrapping_add((piece * PIECE) as u64);
        let mut rest = out;
        while !rest.is_empty() {
            philox_batch(seed, stream, position / 4, &mut words);
            convert(&words, &mut values);
            let skip = (position % 4) as usize;
            let len = rest.len().min(BATCH_VALUES - skip);
            let (now, later) = rest.split_at_mut(len);
            now.copy_from_slice(&values[skip..skip + len]);
            rest = later;
            position = position.wrapping_add(len as u64);
        }
    });
}

fn philox_batch(seed: u64, stream: u64, first_block: u64, words: &mut Words) {
    let key = [seed as u32, (seed >> 32) as u32];
    for j in 0..BATCH {
        // Opaque, so that the compiler does not vectorise the 64-bit products: on simd128 that is slower.
        let block = core::hint::black_box(first_block.wrapping_add(j as u64));
        let counter = [block as u32, (block >> 32) as u32, stream as u32, (stream >> 32) as u32];
        let result = philox(counter, key);
        for (words, word) in words.iter_mut().zip(result) {
            words[j] = word;
        }
    }
}

/// One block: ten rounds of multiply and mix.
#[inline(always)]
fn philox(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    for _ in 0..10 {
        let a = u64::from(counter[0]) * 0xD251_1F53;
        let b = u64::from(counter[2]) * 0xCD9E_8D57;
        counter = [(b >> 32) as u32 ^ counter[1] ^ key[0], b as u32, (a >> 32) as u32 ^ counter[3] ^ key[1], a as u32];
        key = [key[0].wrapping_add(0x9E37_79B9), key[1].wrapping_add(0xBB67_AE85)];
    }
    counter
}

/// [0, 1) from the upper 24 bits.
#[inline(always)]
fn unit(word: u32) -> f32 {
    (word >> 8) as i32 as f32 * (1.0 / (1 << 24) as f32)
}

/// Two independent normal values from two words.
#[inline(always)]
fn box_muller(radius: u32, angle: u32) -> (f32, f32) {
    // (0, 1] instead of [0, 1), so that the logarithm is finite.
    let u = ((radius >> 8) as i32 + 1) as f32 * (1.0 / (1 << 24) as f32);
    let r = (-2.0 * ln(u)).sqrt();
    let (cos, sin) = cos_sin(angle);
    (r * cos, r * sin)
}

/// Natural logarithm of a positive normal number up to 1, within 2 ulp, without branches.
///
/// x = 2^e * m with m in [sqrt(1/2), sqrt(2)); ln m = 2 artanh(s), s = (m - 1) / (m + 1), |s| < 0.172,
/// where five terms of the series leave 2e-9.
#[inline(always)]
fn ln(x: f32) -> f32 {
    const SQRT_HALF: u32 = 0x3f35_04f3;
    const LN_2_HIGH: f32 = 0.693_359_4; // 10 bits: times an exponent it is exact
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    let shifted = x.to_bits().wrapping_sub(SQRT_HALF);
    let e = (shifted as i32 >> 23) as f32;
    let m = f32::from_bits((shifted & 0x007f_ffff) + SQRT_HALF);
    let s = (m - 1.0) / (m + 1.0);
    let q = s * s;
    let tail = q * (2.0 / 3.0 + q * (2.0 / 5.0 + q * (2.0 / 7.0 + q * (2.0 / 9.0))));
    e * LN_2_HIGH + (2.0 * s + (s * tail + e * LN_2_LOW))
}

/// Cosine and sine of 2 pi * angle / 2^32, within 2 ulp of 1, without branches.
///
/// The nearest quarter turn is taken off, which leaves at most an eighth of a turn, where the Taylor
/// series to x^9 and x^10 leave 3e-9.
#[inline(always)]
fn cos_sin(angle: u32) -> (f32, f32) {
    const UNIT: f32 = core::f32::consts::TAU / (1u64 << 32) as f32;
    let quarter = angle.wrapping_add(1 << 29) >> 30;
    let x = (angle.wrapping_sub(quarter << 30) as i32) as f32 * UNIT;
    let q = x * x;
    let sin = x + x * q * (-1.0 / 6.0 + q * (1.0 / 120.0 + q * (-1.0 / 5040.0 + q * (1.0 / 362_880.0))));
    let cos =
        1.0 + q * (-0.5 + q * (1.0 / 24.0 + q * (-1.0 / 720.0 + q * (1.0 / 40_320.0 + q * (-1.0 / 3_628_800.0)))));
    // A quarter turn takes (cos, sin) to (-sin, cos).
    let swap = 0u32.wrapping_sub(quarter & 1);
    let (c, s) = (cos.to_bits(), sin.to_bits());
    let exchanged = (c ^ s) & swap;
    let cos_sign = (quarter ^ quarter >> 1) << 31;
    let sin_sign = (quarter >> 1) << 31;
    (f32::from_bits(c ^ exchanged ^ cos_sign), f32::from_bits(s ^ exchanged ^ sin_sign))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference::rng as reference;
    use crate::testing::assert_same_bits;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    /// Vectors that the authors publish for philox4x32-10: counter, key, result.
    #[test]
    fn known_answers() {
        assert_eq!(philox([0; 4], [0; 2]), [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]);
        assert_eq!(philox([!0; 4], [!0; 2]), [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd]);
        assert_eq!(
            philox([0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0]),
            [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1]
        );
    }

    #[test]
    fn values_follow_from_seed_stream_and_index() {
        let block = (5 << 32) + 6;
        let words = philox([6, 5, 4, 3], [2, 1]);
        let mut values = [0.0; 4];
        uniform((1 << 32) + 2, (3 << 32) + 4, 4 * block, &mut values);
        assert_eq!(values, words.map(unit));
    }

    #[test]
    fn streams_do_not_collide() {
        assert_eq!(stream(1, 2, 3), 0x0100_0002_0000_0003);
        assert_eq!(stream(255, (1 << 24) - 1, u32::MAX), u64::MAX);
    }

    #[test]
    fn agrees_with_reference() {
        for first in [0, 1, 2, 3, 127, u64::from(u32::MAX) * 4 - 2] {
            for len in [0, 1, 3, 4, 5, 127, 128, 129, PIECE - 1, PIECE + 5] {
                let (mut actual, mut expected) = (vec![0.0; len], vec![0.0; len]);
                uniform(7, 9, first, &mut actual);
                reference::uniform(7, 9, first, &mut expected);
                assert_eq!(actual, expected);
                normal(7, 9, first, &mut actual);
                reference::normal(7, 9, first, &mut expected);
                for (a, e) in actual.iter().zip(&expected) {
                    assert!((a - e).abs() <= 1e-6 * (1.0 + e.abs()), "{a} instead of {e}");
                }
            }
        }
    }

    #[test]
    fn slices_are_independent() {
        let mut whole = vec![0.0; 1000];
        normal(1, 2, 0, &mut whole);
        for (from, to) in [(0, 1), (1, 2), (3, 200), (129, 1000)] {
            let mut part = vec![0.0; to - from];
            normal(1, 2, from as u64, &mut part);
            assert_eq!(part, whole[from..to]);
        }
    }

    #[test]
    fn moments() {
        let mut values = vec![0.0; 1 << 20];
        let moment = |values: &[f32], power: i32| {
            values.iter().map(|&v| f64::from(v).powi(power)).sum::<f64>() / values.len() as f64
        };
        uniform(3, stream(1, 2, 3), 0, &mut values);
        assert!(values.iter().all(|v| (0.0..1.0).contains(v)));
        assert!((moment(&values, 1) - 0.5).abs() < 2e-3);
        assert!((moment(&values, 2) - 1.0 / 3.0).abs() < 2e-3);
        normal(3, stream(1, 2, 4), 0, &mut values);
        assert!(moment(&values, 1).abs() < 4e-3);
        assert!((moment(&values, 2) - 1.0).abs() < 6e-3);
        assert!(moment(&values, 3).abs() < 2e-2);
        assert!((moment(&values, 4) - 3.0).abs() < 5e-2);
        let neighbours: f64 = values.windows(2).map(|w| f64::from(w[0] * w[1])).sum::<f64>() / values.len() as f64;
        assert!(neighbours.abs() < 4e-3);
        assert!(values.iter().cloned().fold(0.0, f32::max) > 4.0);
    }

    #[test]
    fn extremes_are_finite() {
        for radius in [0, 255, 256, u32::MAX] {
            for angle in [0, 1 << 29, (1 << 29) - 1, 1 << 30, 1 << 31, 3 << 30, u32::MAX] {
                let (a, b) = box_muller(radius, angle);
                assert!(a.abs() < 5.78 && b.abs() < 5.78, "{a} {b}");
            }
        }
    }

    #[test]
    fn polynomials_are_accurate() {
        for i in 1..=1u32 << 24 {
            if i % 97 != 0 && i > 4096 && i < (1 << 24) - 4096 {
                continue;
            }
            let x = i as f32 / (1 << 24) as f32;
            let exact = f64::from(x).ln();
            let error = (f64::from(ln(x)) - exact).abs();
            assert!(error <= 2.4e-7 * exact.abs(), "ln {x}: {error:e} of {exact}");
        }
        for i in 0..1u32 << 20 {
            let angle = i << 12 | i;
            let (cos, sin) = cos_sin(angle);
            let exact = f64::from(angle) * core::f64::consts::TAU / (1u64 << 32) as f64;
            assert!((f64::from(cos) - exact.cos()).abs() < 1.2e-7, "cos {exact}");
            assert!((f64::from(sin) - exact.sin()).abs() < 1.2e-7, "sin {exact}");
        }
    }

    /// The sum of the bits was taken from a native run: WebAssembly must give the same.
    #[test]
    fn same_bits_on_every_platform() {
        let mut values = vec![0.0; 100_000];
        normal(1, 2, 3, &mut values);
        let sum = values.iter().fold(0u64, |sum, v| sum.wrapping_mul(31).wrapping_add(u64::from(v.to_bits())));
        assert_eq!(sum, 7_368_156_239_114_656_156);
    }

    #[test]
    fn same_bits_for_any_threads() {
        assert_same_bits(|| {
            let mut values = vec![0.0; 3 * PIECE + 1];
            normal(1, 2, 3, &mut values);
            values
        });
    }
}
