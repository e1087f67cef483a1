//! Operations on each value by itself, and changes of layout.
//!
//! Slices are flat and of equal length unless a function says otherwise. Every output value is computed
//! whole by one piece of work, so the result never depends on how the work is cut.

use crate::parallel;
use crate::rng;

/// Values of one piece of work.
const PIECE: usize = 16384;

/// y = max(x, 0); NaN stays NaN.
pub fn relu(x: &[f32], y: &mut [f32]) {
    map(x, "x", y, |x| if x <= 0.0 { 0.0 } else { x });
}

/// Gradient of [`relu`] from its output (or its input): dy where that is not <= 0, else 0.
pub fn relu_backward(y: &[f32], dy: &[f32], dx: &mut [f32]) {
    map2(y, "y", dy, "dy", dx, |y, dy| if y <= 0.0 { 0.0 } else { dy });
}

/// y += x.
pub fn add_in_place(y: &mut [f32], x: &[f32]) {
    assert_eq!(x.len(), y.len(), "x");
    parallel::for_each_chunk_mut(y, PIECE, |i, y| {
        for (y, &x) in y.iter_mut().zip(&x[i * PIECE..]) {
            *y += x;
        }
    });
}

/// Every value of x becomes `value`.
pub fn fill(x: &mut [f32], value: f32) {
    parallel::for_each_chunk_mut(x, PIECE, |_, x| x.fill(value));
}

/// y = (x - mean) / std; x is `[rows][channels]`, mean and std are `[channels]`.
pub fn normalize(channels: usize, x: &[f32], mean: &[f32], std: &[f32], y: &mut [f32]) {
    check_channels(channels, x, std);
    assert_eq!(mean.len(), channels, "mean");
    assert_eq!(y.len(), x.len(), "y");
    for_each_rows(channels, y, |from, y| {
        for (y, x) in y.chunks_mut(channels).zip(x[from..].chunks(channels)) {
            for (((y, &x), &mean), &std) in y.iter_mut().zip(x).zip(mean).zip(std) {
                *y = (x - mean) / std;
            }
        }
    });
}

/// Gradient of [`normalize`]: dx = dy / std.
pub fn normalize_backward(channels: usize, dy: &[f32], std: &[f32], dx: &mut [f32]) {
    check_channels(channels, dy, std);
    assert_eq!(dx.len(), dy.len(), "dx");
    for_each_rows(channels, dx, |from, dx| {
        for (dx, dy) in dx.chunks_mut(channels).zip(dy[from..].chunks(channels)) {
            for ((dx, &dy), &std) in dx.iter_mut().zip(dy).zip(std) {
                *dx = dy / std;
            }
        }
    });
}

/// Zeroes each value with probability `p` and divides the others by 1 - p. Value i is kept when uniform
/// value i of the stream is at least `p`: as the operation is linear and the mask follows from the
/// stream, the same call turns dy into dx.
pub fn dropout(seed: u64, stream: u64, p: f32, x: &[f32], y: &mut [f32]) {
    assert!((0.0..=1.0).contains(&p), "p must be in [0, 1]");
    assert_eq!(x.len(), y.len(), "y");
    let kept = if p < 1.0 { 1.0 / (1.0 - p) } else { 0.0 };
    parallel::for_each_chunk_mut(y, PIECE, |i, y| {
        rng::uniform(seed, stream, (i * PIECE) as u64, y);
        for (y, &x) in y.iter_mut().zip(&x[i * PIECE..]) {
            *y = x * if *y >= p { kept } else { 0.0 };
        }
    });
}

/// `[n][c][h*w]` to `[n][h*w][c]`, with pixels = h * w.
pub fn nchw_to_nhwc(n: usize, c: usize, pixels: usize, x: &[f32], y: &mut [f32]) {
    transpose(n, c, pixels, x, y);
}

/// `[n][h*w][c]` to `[n][c][h*w]`, with pixels = h * w.
pub fn nhwc_to_nchw(n: usize, c: usize, pixels: usize, x: &[f32], y: &mut [f32]) {
    transpose(n, pixels, c, x, y);
}

/// `[n][rows][columns]` to `[n][columns][rows]`.
fn transpose(n: usize, rows: usize, columns: usize, x: &[f32], y: &mut [f32]) {
    const TILE: usize = 16;
    assert_eq!(x.len(), n * rows * columns, "x");
    assert_eq!(y.len(), x.len(), "y");
    let len = rows * columns;
    parallel::for_each_chunk_mut(y, len, |s, y| {
        let x = &x[s * len..(s + 1) * len];
        if rows == 1 || columns == 1 {
            y.copy_from_slice(x);
            return;
        }
        for top in (0..rows).step_by(TILE) {
            let bottom = (top + TILE).min(rows);
            for left in (0..columns).step_by(TILE) {
                for column in left..(left + TILE).min(columns) {
                    let target = &mut y[column * rows + top..column * rows + bottom];
                    for (target, row) in target.iter_mut().zip(top..) {
                        *target = x[row * columns + column];
                    }
                }
            }
        }
    });
}

fn check_channels(channels: usize, x: &[f32], std: &[f32]) {
    assert!(
        channels > 0 && x.len().is_multiple_of(channels),
        "length {} is not a multiple of {channels} channels",
        x.len()
    );
    assert_eq!(std.len(), channels, "std");
}

/// Calls `work(place of its first value, rows)` for groups of whole rows.
pub(crate) fn for_each_rows(channels: usize, y: &mut [f32], work: impl Fn(usize, &mut [f32]) + Sync + Send) {
    let len = PIECE.div_ceil(channels) * channels;
    parallel::for_each_chunk_mut(y, len, |i, y| work(i * len, y));
}

pub(crate) fn map(x: &[f32], name: &str, y: &mut [f32], f: impl Fn(f32) -> f32 + Sync + Send) {
    map2(x, name, x, name, y, |x, _| f(x));
}

pub(crate) fn map2(
    a: &[f32],
    a_name: &str,
    b: &[f32],
    b_name: &str,
    y: &mut [f32],
    f: impl Fn(f32, f32) -> f32 + Sync + Send,
) {
    assert_eq!(a.len(), y.len(), "{a_name}");
    assert_eq!(b.len(), y.len(), "{b_name}");
    parallel::for_each_chunk_mut(y, PIECE, |i, y| {
        for ((y, &a), &b) in y.iter_mut().zip(&a[i * PIECE..]).zip(&b[i * PIECE..]) {
            *y = f(a, b);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference::elementwise as reference;
    use crate::testing::{assert_same_bits, values};
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const LENGTHS: [usize; 8] = [0, 1, 3, 4, 5, PIECE - 1, PIECE, PIECE + 5];

    #[test]
    fn relu_and_its_gradient_at_special_values() {
        let x = [1.5, -1.5, 0.0, -0.0, f32::NAN, f32::INFINITY, f32::NEG_INFINITY];
        let (mut y, mut dx) = ([9.0; 7], [9.0; 7]);
        relu(&x, &mut y);
        assert_eq!(y.map(f32::to_bits)[..4], [1.5, 0.0, 0.0, 0.0].map(f32::to_bits));
        assert!(y[4].is_nan());
        assert_eq!(y[5..], [f32::INFINITY, 0.0]);
        relu_backward(&y, &[2.0; 7], &mut dx);
        assert_eq!(dx, [2.0, 0.0, 0.0, 0.0, 2.0, 2.0, 0.0]);
    }

    #[test]
    fn sums_of_any_length() {
        for len in LENGTHS {
            let (a, b) = (values(1, len), values(2, len));
            let mut y = a.clone();
            add_in_place(&mut y, &b);
            assert_eq!(y, a.iter().zip(&b).map(|(a, b)| a + b).collect::<Vec<_>>());
            fill(&mut y, 3.0);
            assert!(y.iter().all(|&v| v == 3.0));
            relu(&a, &mut y);
            assert_eq!(y, a.iter().map(|v| v.max(0.0)).collect::<Vec<_>>());
        }
    }

    #[test]
    fn normalize_and_its_gradient() {
        for (rows, channels) in [(0, 3), (1, 1), (2, 3), (PIECE / 3 + 2, 3), (3, 17)] {
            let (x, mean) = (values(1, rows * channels), values(2, channels));
            let std: Vec<f32> = values(3, channels).iter().map(|v| v + 1.5).collect();
            let mut y = vec![f32::NAN; x.len()];
            normalize(channels, &x, &mean, &std, &mut y);
            let expected: Vec<f32> =
                x.iter().enumerate().map(|(i, x)| (x - mean[i % channels]) / std[i % channels]).collect();
            assert_eq!(y, expected);
            normalize_backward(channels, &x, &std, &mut y);
            assert_eq!(y, x.iter().enumerate().map(|(i, x)| x / std[i % channels]).collect::<Vec<_>>());
        }
    }

    #[test]
    fn dropout_keeps_the_mean_and_repeats_its_mask() {
        for len in LENGTHS {
            let (ones, x) = (vec![1.0; len], values(1, len));
            let (mut mask, mut y, mut draws) = (vec![f32::NAN; len], vec![f32::NAN; len], vec![0.0; len]);
            dropout(1, 2, 0.25, &ones, &mut mask);
            dropout(1, 2, 0.25, &x, &mut y);
            rng::uniform(1, 2, 0, &mut draws);
            for i in 0..len {
                assert_eq!(mask[i], if draws[i] >= 0.25 { 1.0 / 0.75 } else { 0.0 });
                assert_eq!(y[i], x[i] * mask[i]);
            }
            if len > 1000 {
                assert!((mask.iter().sum::<f32>() / len as f32 - 1.0).abs() < 0.02);
            }
        }
        let mut y = [9.0; 3];
        dropout(1, 2, 1.0, &[1.0, 2.0, 3.0], &mut y);
        assert_eq!(y, [0.0; 3]);
        dropout(1, 2, 0.0, &[1.0, 2.0, 3.0], &mut y);
        assert_eq!(y, [1.0, 2.0, 3.0]);
    }

    #[test]
    fn layouts() {
        for (n, c, pixels) in [(0, 2, 3), (1, 1, 5), (2, 5, 1), (2, 3, 49), (1, 16, 16), (2, 17, 33), (1, 64, 100)] {
            let x = values(1, n * c * pixels);
            let (mut y, mut back) = (vec![f32::NAN; x.len()], vec![f32::NAN; x.len()]);
            nchw_to_nhwc(n, c, pixels, &x, &mut y);
            assert_eq!(y, reference::nchw_to_nhwc(c, pixels, &x));
            nhwc_to_nchw(n, c, pixels, &y, &mut back);
            assert_eq!(back, x);
        }
    }

    #[test]
    fn same_bits_for_any_threads() {
        let x = values(1, 5 * PIECE + 1);
        assert_same_bits(|| {
            let mut y = vec![0.0; x.len()];
            dropout(1, 2, 0.5, &x, &mut y);
            add_in_place(&mut y, &x);
            y
        });
    }
}
