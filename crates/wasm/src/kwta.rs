//! Exports of `kwta_kernels::kwta`.

use crate::memory::{read, write};
use kwta_kernels::kwta::{forward, Ties};
use kwta_kernels::sparse::SparseShape;
use wasm_bindgen::prelude::wasm_bindgen;

/// Compresses dense `x` to its `k` winners per sample; with `keep`, to all values >= the k-th largest.
/// Returns the first sample that holds a NaN, or -1.
#[wasm_bindgen]
pub unsafe fn kwta_forward(
    n: usize,
    pixels: usize,
    channels: usize,
    capacity: usize,
    x: *const f32,
    k: usize,
    keep: bool,
    start: *mut u32,
    channel: *mut u32,
    value: *mut f32,
) -> i32 {
    let shape = SparseShape { n, pixels, channels, capacity };
    let ties = if keep { Ties::Keep } else { Ties::Lowest };
    // SAFETY: the contract of the crate.
    let result = unsafe {
        let (start, channel) = (write(start, shape.start_len()), write(channel, shape.entries_len()));
        forward(&shape, read(x, n * shape.sample_len()), k, ties, start, channel, write(value, shape.entries_len()))
    };
    result.map_or_else(|error| error.sample as i32, |()| -1)
}
