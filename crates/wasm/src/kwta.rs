//! Exports of `kwta_kernels::kwta`.

use crate::export::export;
use kwta_kernels::kwta::{forward, Ties};
use kwta_kernels::sparse::SparseShape;

/// Checked sizes.
fn shape(n: usize, pixels: usize, channels: usize, capacity: usize) -> SparseShape {
    let shape = SparseShape { n, pixels, channels, capacity };
    shape.check();
    shape
}

export! {
    /// Compresses dense `x` to its `k` winners per sample; with `keep`, to all values >= the k-th largest.
    /// Returns the first sample that holds a NaN, or -1.
    fn kwta_forward(
        n: usize,
        pixels: usize,
        channels: usize,
        capacity: usize,
        x: &[f32; shape(n, pixels, channels, capacity).dense_len()],
        k: usize,
        keep: bool,
        start: &mut [u32; shape(n, pixels, channels, capacity).start_len()],
        channel: &mut [u32; shape(n, pixels, channels, capacity).entries_len()],
        value: &mut [f32; channel.len()]
    ) -> i32 {
        let ties = if keep { Ties::Keep } else { Ties::Lowest };
        let result = forward(&shape(n, pixels, channels, capacity), x, k, ties, start, channel, value);
        result.map_or_else(|error| error.sample as i32, |()| -1)
    }
}
