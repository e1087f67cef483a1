//! Exports of `kwta_kernels::rng`. A stream is given by the upper and the lower 32 bits of its number.

use crate::export::export;
use kwta_kernels::rng;

/// Purpose of the streams that the kernels name themselves; others are named by who draws.
const DROPOUT: u8 = 1;

/// The stream of a dropout layer at an optimizer step.
pub(crate) fn dropout_stream(layer: u32, step: u32) -> u64 {
    rng::stream(DROPOUT, step % (1 << 24), layer)
}

pub(crate) fn stream(high: u32, low: u32) -> u64 {
    u64::from(high) << 32 | u64::from(low)
}

export! {
    /// Standard normal values `first .. first + len` of a stream.
    fn normal(seed: f64, stream_high: u32, stream_low: u32, first: f64, len: usize, out: &mut [f32; len]) {
        rng::normal(seed as u64, stream(stream_high, stream_low), first as u64, out);
    }
}
