//! Exponentials without branches, so that loops vectorise; multiply and add only, so that every platform gives the same
//! bits.

/// e^x within 2 ulp; x is taken as if within [-87, 88], NaN stays.
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    let (power, rest) = parts(x);
    (1.0 + rest) * power
}

/// e^x - 1 within 3e-7 of itself, near zero too; x is taken as if within [-87, 88], NaN stays.
#[inline(always)]
pub(crate) fn exp_minus_one(x: f32) -> f32 {
    let (power, rest) = parts(x);
    power * rest + (power - 1.0)
}

/// `power * (1 + rest) = e^x`, where `power` is one of two.
///
/// x = k ln 2 + r with |r| < 0.35, where the Taylor series to r^7 leaves 6e-9.
#[inline(always)]
fn parts(x: f32) -> (f32, f32) {
    const LN_2_HIGH: f32 = 0.693_359_4; // 10 bits: times k it is exact
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    const ROUND: f32 = (3 << 22) as f32; // adding it leaves the nearest integer in the low bits
    let x = if x < -87.0 { -87.0 } else { x };
    let x = if x > 88.0 { 88.0 } else { x };
    let shifted = x * core::f32::consts::LOG2_E + ROUND;
    let k = shifted - ROUND;
    let r = (x - k * LN_2_HIGH) - k * LN_2_LOW;
    let cubic = 1.0 / 6.0 + r * (1.0 / 24.0 + r * (1.0 / 120.0 + r * (1.0 / 720.0 + r * (1.0 / 5040.0))));
    let power = f32::from_bits((shifted.to_bits() << 23).wrapping_add(1.0f32.to_bits()));
    (power, r + r * r * (0.5 + r * cubic))
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn exp_is_accurate() {
        for i in -87_000..=88_000 {
            let x = i as f32 / 1000.0;
            let exact = f64::from(x).exp();
            assert!((f64::from(exp(x)) - exact).abs() <= 2.4e-7 * exact, "{x}");
        }
        assert_eq!((exp(0.0), exp(-1e30), exp(f32::INFINITY)), (1.0, exp(-87.0), exp(88.0)));
        assert!(exp(f32::NAN).is_nan() && exp(f32::from_bits(0x7fc0_0001)).is_nan());
    }

    #[test]
    fn exp_minus_one_is_accurate_near_zero_too() {
        for i in -20_000..=20_000 {
            for scale in [1e-3, 1e-6, 1e-12] {
                let x = i as f32 * scale;
                let exact = f64::from(x).exp_m1();
                assert!((f64::from(exp_minus_one(x)) - exact).abs() <= 3e-7 * exact.abs(), "{x}");
            }
        }
        assert_eq!((exp_minus_one(0.0), exp_minus_one(-1e30)), (0.0, -1.0));
        assert!(exp_minus_one(f32::NAN).is_nan());
    }
}
