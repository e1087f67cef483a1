//! Denormal numbers, those below 2^-126: arithmetic on one of them takes a processor a hundred times as long, and
//! WebAssembly cannot tell it to take them for zero.
//!
//! They come from what shrinks step by step and is rounded back up to the smallest number before it reaches zero: weights
//! under weight decay, moments and running statistics of what is dead. So whoever writes such a state that later passes
//! read writes zeros in their place. Gradients and activations are left as they are: an attack may follow the sign of
//! the smallest of them.

/// `value`, or a zero of its sign if it is denormal.
#[inline(always)]
pub(crate) fn flushed(value: f32) -> f32 {
    const SIGN: u32 = 1 << 31;
    let bits = value.to_bits();
    // By whole numbers: comparing denormal ones takes its time, too.
    let kept = if bits & !SIGN < f32::MIN_POSITIVE.to_bits() { SIGN } else { !0 };
    f32::from_bits(bits & kept)
}

/// Makes zeros of the denormal ones of `values`.
pub fn flush(values: &mut [f32]) {
    values.iter_mut().for_each(|value| *value = flushed(*value));
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn denormal_numbers_become_zeros_of_their_sign() {
        let least = f32::MIN_POSITIVE;
        let below = f32::from_bits(least.to_bits() - 1);
        let mut values =
            [1e-40, -1e-40, f32::from_bits(1), below, -below, least, -least, 0.0, -0.0, 1.0, f32::INFINITY];
        let expected = [0.0, -0.0, 0.0, 0.0, -0.0, least, -least, 0.0, -0.0, 1.0, f32::INFINITY];
        flush(&mut values);
        assert_eq!(values.map(f32::to_bits), expected.map(f32::to_bits));
        assert!(flushed(f32::NAN).is_nan() && flushed(-f32::NAN).is_nan());
    }
}
