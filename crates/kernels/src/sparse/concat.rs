//! Channels side by side: two batches `[n][pixels][channels]` become one with the channels of both, those of the first
//! before those of the second. Compressed ones stay compressed: only entries are touched.

use super::{OutSample, Pattern, SparseShape};
use crate::parallel::{for_each_chunk_mut, for_each_piece, Disjoint};

/// Sizes of the batch with the entries of both.
pub fn concat_shape(a: &SparseShape, b: &SparseShape) -> SparseShape {
    assert_eq!((a.n, a.pixels), (b.n, b.pixels), "samples and pixels");
    SparseShape { channels: a.channels + b.channels, capacity: a.capacity + b.capacity, ..*a }
}

/// Calls `visit(from, to, length, second)` for the entries of each pixel of sample `s`: those from `from` on, of the first
/// pattern or the second, stand from `to` on in both together.
fn for_each_run(a: &Pattern, b: &Pattern, s: usize, mut visit: impl FnMut(usize, usize, usize, bool)) {
    let (a, b) = (a.starts(s), b.starts(s));
    for (a, b) in a.windows(2).zip(b.windows(2)) {
        let [a, a_end] = [a[0], a[1]].map(|entry| entry as usize);
        let [b, b_end] = [b[0], b[1]].map(|entry| entry as usize);
        visit(a, a + b, a_end - a, false);
        visit(b, a_end + b, b_end - b, true);
    }
}

/// Both patterns as one, with their values.
pub fn concat(
    a: &Pattern,
    a_values: &[f32],
    b: &Pattern,
    b_values: &[f32],
    start: &mut [u32],
    channel: &mut [u32],
    value: &mut [f32],
) {
    let shape = concat_shape(&a.shape, &b.shape);
    assert_eq!(a_values.len(), a.shape.entries_len(), "a_values");
    assert_eq!(b_values.len(), b.shape.entries_len(), "b_values");
    assert_eq!(start.len(), shape.start_len(), "start");
    assert_eq!(channel.len(), shape.entries_len(), "channel");
    assert_eq!(value.len(), shape.entries_len(), "value");
    let (start, channel, value) = (Disjoint::new(start), Disjoint::new(channel), Disjoint::new(value));
    for_each_piece(shape.n, |s| {
        // SAFETY: each sample is one piece.
        let OutSample { start, channel, value } = unsafe { OutSample::of(&shape, s, &start, &channel, &value) };
        for (start, (&a, &b)) in start.iter_mut().zip(a.starts(s).iter().zip(b.starts(s))) {
            *start = a + b;
        }
        let of_a = (a.channels(s), &a_values[s * a.shape.capacity..]);
        let of_b = (b.channels(s), &b_values[s * b.shape.capacity..]);
        for_each_run(a, b, s, |from, to, len, second| {
            let (channels, values) = if second { of_b } else { of_a };
            let first = if second { a.shape.channels as u32 } else { 0 };
            value[to..to + len].copy_from_slice(&values[from..from + len]);
            for (channel, &own) in channel[to..to + len].iter_mut().zip(&channels[from..from + len]) {
                *channel = first + own;
            }
        });
    });
}

/// Gradient of [`concat`]: the entries of both go back to where they come from.
pub fn split(a: &Pattern, b: &Pattern, dvalues: &[f32], da: &mut [f32], db: &mut [f32]) {
    let shape = concat_shape(&a.shape, &b.shape);
    assert_eq!(dvalues.len(), shape.entries_len(), "dvalues");
    assert_eq!(da.len(), a.shape.entries_len(), "da");
    assert_eq!(db.len(), b.shape.entries_len(), "db");
    let (da, db) = (Disjoint::new(da), Disjoint::new(db));
    for_each_piece(shape.n, |s| {
        let dvalues = &dvalues[s * shape.capacity..];
        let (first_a, first_b) = (s * a.shape.capacity, s * b.shape.capacity);
        // SAFETY: each sample is one piece.
        let (da, db) = unsafe { (da.slice(first_a..first_a + a.count(s)), db.slice(first_b..first_b + b.count(s))) };
        for_each_run(a, b, s, |from, to, len, second| {
            let target = if second { &mut *db } else { &mut *da };
            target[from..from + len].copy_from_slice(&dvalues[to..to + len]);
        });
    });
}

/// Channels of `y [rows][channels]` from `first` on become those of `x [rows][x_channels]`.
pub fn write_channels(x_channels: usize, x: &[f32], first: usize, channels: usize, y: &mut [f32]) {
    check_channels(x_channels, x.len(), first, channels, y.len());
    for_each_chunk_mut(y, ROWS * channels, |i, y| {
        let x = x[i * ROWS * x_channels..].chunks_exact(x_channels);
        for (y, x) in y.chunks_exact_mut(channels).zip(x) {
            y[first..first + x_channels].copy_from_slice(x);
        }
    });
}

/// `x [rows][x_channels]` becomes the channels of `y [rows][channels]` from `first` on: the gradient of [`write_channels`].
pub fn read_channels(x_channels: usize, x: &mut [f32], first: usize, channels: usize, y: &[f32]) {
    check_channels(x_channels, x.len(), first, channels, y.len());
    for_each_chunk_mut(x, ROWS * x_channels, |i, x| {
        let y = y[i * ROWS * channels..].chunks_exact(channels);
        for (x, y) in x.chunks_exact_mut(x_channels).zip(y) {
            x.copy_from_slice(&y[first..first + x_channels]);
        }
    });
}

/// Rows of a piece of work.
const ROWS: usize = 128;

fn check_channels(x_channels: usize, x_len: usize, first: usize, channels: usize, y_len: usize) {
    assert!(x_channels > 0 && first + x_channels <= channels, "channels: {x_channels} from {first} of {channels}");
    assert!(y_len.is_multiple_of(channels), "y");
    assert_eq!(x_len, y_len / channels * x_channels, "x");
}

/// [`write_channels`] of a compressed batch: entries at their places, zero in its other channels.
pub fn write_entries(pattern: &Pattern, values: &[f32], first: usize, channels: usize, y: &mut [f32]) {
    let (shape, own) = (pattern.shape, pattern.shape.channels);
    assert_eq!(values.len(), shape.entries_len(), "values");
    check_channels(own, shape.dense_len(), first, channels, y.len());
    for_each_chunk_mut(y, shape.pixels * channels, |s, y| {
        for row in y.chunks_exact_mut(channels) {
            row[first..first + own].fill(0.0);
        }
        let values = &values[s * shape.capacity..];
        pattern.for_each_entry(s, |entry, pixel, c| y[pixel * channels + first + c] = values[entry]);
    });
}

/// Gradient of [`write_entries`] at the entries.
pub fn read_entries(pattern: &Pattern, values: &mut [f32], first: usize, channels: usize, y: &[f32]) {
    let shape = pattern.shape;
    assert_eq!(values.len(), shape.entries_len(), "values");
    check_channels(shape.channels, shape.dense_len(), first, channels, y.len());
    for_each_chunk_mut(values, shape.capacity, |s, values| {
        let y = &y[s * shape.pixels * channels..];
        pattern.for_each_entry(s, |entry, pixel, c| values[entry] = y[pixel * channels + first + c]);
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sparse::{compress_nonzero, densify, gather};
    use crate::testing::values;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const N: usize = 3;
    const PIXELS: usize = 150;

    struct Sample {
        shape: SparseShape,
        dense: Vec<f32>,
        start: Vec<u32>,
        channel: Vec<u32>,
        value: Vec<f32>,
    }

    impl Sample {
        fn new(seed: u32, channels: usize) -> Self {
            let shape = SparseShape { n: N, pixels: PIXELS, channels, capacity: PIXELS * channels };
            let dense: Vec<f32> = values(seed, shape.dense_len()).iter().map(|v| v.max(0.0)).collect();
            let (mut start, mut channel) = (vec![0; shape.start_len()], vec![0; shape.entries_len()]);
            let mut value = vec![0.0; shape.entries_len()];
            compress_nonzero(&shape, &dense, &mut start, &mut channel, &mut value);
            Self { shape, dense, start, channel, value }
        }

        fn pattern(&self) -> Pattern<'_> {
            Pattern::new(self.shape, &self.start, &self.channel)
        }
    }

    /// Channels side by side, one by one.
    fn naive(a: &Sample, b: &Sample) -> Vec<f32> {
        let rows = a.dense.chunks(a.shape.channels).zip(b.dense.chunks(b.shape.channels));
        rows.flat_map(|(a, b)| [a, b].concat()).collect()
    }

    #[test]
    fn entries_of_both_stand_side_by_side_and_their_gradients_return() {
        for (first, second) in [(1, 1), (3, 5), (16, 2), (1, 33)] {
            let (a, b) = (Sample::new(1, first), Sample::new(2, second));
            let shape = concat_shape(&a.shape, &b.shape);
            let (mut start, mut channel) = (vec![9; shape.start_len()], vec![9; shape.entries_len()]);
            let mut value = vec![f32::NAN; shape.entries_len()];
            concat(&a.pattern(), &a.value, &b.pattern(), &b.value, &mut start, &mut channel, &mut value);
            let pattern = Pattern::new(shape, &start, &channel);
            for s in 0..N {
                let (starts, channels) = (pattern.starts(s), pattern.channels(s));
                let runs = starts.windows(2).map(|range| &channels[range[0] as usize..range[1] as usize]);
                assert!(runs.into_iter().all(|run| run.windows(2).all(|pair| pair[0] < pair[1])));
            }
            let mut dense = vec![f32::NAN; shape.dense_len()];
            densify(&pattern, &value, &mut dense);
            assert_eq!(dense, naive(&a, &b));

            let dy = values(3, shape.dense_len());
            let mut dvalues = vec![f32::NAN; shape.entries_len()];
            gather(&pattern, &dy, &mut dvalues);
            let (mut da, mut db) = (vec![7.0; a.value.len()], vec![7.0; b.value.len()]);
            split(&a.pattern(), &b.pattern(), &dvalues, &mut da, &mut db);
            for (sample, from, found) in [(&a, 0, da), (&b, first, db)] {
                let mut expected = vec![7.0; found.len()];
                read_entries(&sample.pattern(), &mut expected, from, shape.channels, &dy);
                assert_eq!(found, expected);
            }
        }
    }

    #[test]
    fn dense_and_compressed_ones_are_written_side_by_side() {
        let (a, b) = (Sample::new(1, 3), Sample::new(2, 6));
        let mut y = vec![f32::NAN; N * PIXELS * 9];
        write_channels(3, &a.dense, 0, 9, &mut y);
        write_entries(&b.pattern(), &b.value, 3, 9, &mut y);
        assert_eq!(y, naive(&a, &b));
        let (mut back, mut entries) = (vec![f32::NAN; b.dense.len()], vec![0.0; b.value.len()]);
        read_channels(6, &mut back, 3, 9, &y);
        assert_eq!(back, b.dense);
        read_entries(&b.pattern(), &mut entries, 3, 9, &y);
        for s in 0..N {
            let range = s * b.shape.capacity..s * b.shape.capacity + b.pattern().count(s);
            assert_eq!(entries[range.clone()], b.value[range]);
        }
    }

    #[test]
    #[should_panic(expected = "channels: 3 from 2 of 4")]
    fn channels_past_the_end_panic() {
        write_channels(3, &[0.0; 3], 2, 4, &mut [0.0; 4]);
    }
}
