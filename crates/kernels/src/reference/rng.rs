//! Philox4x32-10 word by word, and Box-Muller in `f64`.

fn word(seed: u64, stream: u64, index: u64) -> u32 {
    let low = |v: u64| v & 0xffff_ffff;
    let block = index / 4;
    let mut c = [low(block), block >> 32, low(stream), stream >> 32];
    for round in 0..10 {
        let key_low = low(low(seed) + round * 0x9E37_79B9);
        let key_high = low((seed >> 32) + round * 0xBB67_AE85);
        let (a, b) = (0xD251_1F53 * c[0], 0xCD9E_8D57 * c[2]);
        c = [(b >> 32) ^ c[1] ^ key_low, low(b), (a >> 32) ^ c[3] ^ key_high, low(a)];
    }
    c[(index % 4) as usize] as u32
}

/// Uniform values of a stream.
pub fn uniform(seed: u64, stream: u64, first: u64, out: &mut [f32]) {
    for (i, value) in out.iter_mut().enumerate() {
        *value = (word(seed, stream, first + i as u64) >> 8) as f32 / (1 << 24) as f32;
    }
}

/// Normal values of a stream.
pub fn normal(seed: u64, stream: u64, first: u64, out: &mut [f32]) {
    for (i, value) in out.iter_mut().enumerate() {
        let index = first + i as u64;
        let pair = index / 2 * 2;
        let u = f64::from((word(seed, stream, pair) >> 8) + 1) / f64::from(1 << 24);
        let angle = f64::from(word(seed, stream, pair + 1)) / (1u64 << 32) as f64 * core::f64::consts::TAU;
        let r = (-2.0 * u.ln()).sqrt();
        *value = (if index.is_multiple_of(2) { r * angle.cos() } else { r * angle.sin() }) as f32;
    }
}
