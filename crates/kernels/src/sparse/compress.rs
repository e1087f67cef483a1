//! Dense `[n][pixels][channels]` to entries: four channels a step, chosen by a mask.

use super::SparseShape;
use crate::parallel::{for_each_piece, Disjoint};
use crate::scratch;
use crate::simd::{F32x4, U32x4, Vector, LANES};

/// Values between two looks at the room left.
const BLOCK: usize = 16 * LANES;

/// One sample's entries; see [`super::Pattern`] for the layout.
pub(crate) struct Entries<'a> {
    /// `[pixels + 1]`
    pub start: &'a [u32],
    pub channel: &'a [u32],
    pub value: &'a [f32],
}

/// Where one sample's entries go; see [`super::Pattern`] for the layout.
pub(crate) struct OutSample<'a> {
    /// `[pixels + 1]`
    pub start: &'a mut [u32],
    /// `[capacity]`
    pub channel: &'a mut [u32],
    /// `[capacity]`
    pub value: &'a mut [f32],
}

impl<'a> OutSample<'a> {
    /// Sample `s` of the whole batch's outputs.
    ///
    /// # Safety
    /// While the result lives, no other piece may hold the same sample's.
    pub(crate) unsafe fn of(
        shape: &SparseShape,
        s: usize,
        start: &'a Disjoint<u32>,
        channel: &'a Disjoint<u32>,
        value: &'a Disjoint<f32>,
    ) -> Self {
        let (starts, capacity) = (shape.pixels + 1, shape.capacity);
        // SAFETY: the ranges belong to sample `s` alone, which is this caller's.
        unsafe {
            Self {
                start: start.slice(s * starts..(s + 1) * starts),
                channel: channel.slice(s * capacity..(s + 1) * capacity),
                value: value.slice(s * capacity..(s + 1) * capacity),
            }
        }
    }
}

/// The first four of `values`; missing ones are zero.
#[inline(always)]
pub(crate) fn load_up_to_four(values: &[f32]) -> F32x4 {
    if values.len() >= LANES {
        return F32x4::load(values);
    }
    let mut lanes = [0.0; LANES];
    lanes[..values.len()].copy_from_slice(values);
    F32x4::from_array(lanes)
}

/// Writes the entries of one sample `x [pixels][channels]`: those whose bit `keep` sets, which gets the
/// pixel, the first channel and four values from there (zeros past the last channel; their bits do not count).
///
/// Panics when more entries are kept than fit.
#[inline(always)]
pub(crate) fn compress_sample(
    x: &[f32],
    channels: usize,
    out: &mut OutSample,
    mut keep: impl FnMut(usize, usize, F32x4) -> u32,
) {
    let OutSample { start, channel, value } = out;
    assert_eq!(channel.len(), value.len(), "value");
    let capacity = value.len();
    let mut count = 0;
    start[0] = 0;
    for (pixel, row) in x.chunks_exact(channels).enumerate() {
        for (block, values) in row.chunks(BLOCK).enumerate() {
            let first = block * BLOCK;
            if count + BLOCK <= capacity && values.len() % LANES == 0 {
                let mut numbers = U32x4::counting_from(first as u32);
                for (i, lanes) in values.chunks_exact(LANES).enumerate() {
                    let lanes = F32x4::load(lanes);
                    let mask = keep(pixel, first + i * LANES, lanes) & 15;
                    // SAFETY: the block adds at most BLOCK entries, which fit after those before it, and
                    // at most `i * LANES` of them came earlier.
                    unsafe {
                        let (value, channel) = (value.as_mut_ptr().add(count), channel.as_mut_ptr().add(count));
                        lanes.compress_with_ptr(numbers, mask, value, channel);
                    }
                    numbers = numbers.plus(LANES as u32);
                    count += mask.count_ones() as usize;
                }
            } else {
                for (i, lanes) in values.chunks(LANES).enumerate() {
                    let c = first + i * LANES;
                    let mask = keep(pixel, c, load_up_to_four(lanes));
                    for (lane, &v) in lanes.iter().enumerate() {
                        if mask >> lane & 1 == 1 {
                            assert!(count < capacity, "capacity: more than {capacity} entries");
                            channel[count] = (c + lane) as u32;
                            value[count] = v;
                            count += 1;
                        }
                    }
                }
            }
        }
        start[pixel + 1] = count as u32;
    }
}

/// Writes those entries of one sample `from` whose bit `keep` sets, which gets four values at a time (past the last
/// they are anything; their bits do not count).
///
/// Panics when more entries are kept than fit.
#[inline(always)]
pub(crate) fn filter_sample(from: &Entries, out: &mut OutSample, keep: impl Fn(F32x4) -> u32) {
    let OutSample { start, channel, value } = out;
    assert_eq!(channel.len(), value.len(), "value");
    assert_eq!(start.len(), from.start.len(), "start");
    let (capacity, entries) = (value.len(), from.start[from.start.len() - 1] as usize);
    assert!(entries <= from.channel.len().min(from.value.len()) && entries < 1 << 28, "from");
    // Of each four: how many are kept before them, and which of them.
    scratch::with_u32(entries / LANES + 1, |fours| {
        let mut count = 0;
        for (i, four) in fours.iter_mut().enumerate() {
            let first = i * LANES;
            let left = entries - first;
            if left >= LANES && count + LANES <= capacity {
                // SAFETY: four entries are left to read, and there is room for four.
                unsafe {
                    let lanes = F32x4::load_ptr(from.value.as_ptr().add(first));
                    let channels = U32x4::load_ptr(from.channel.as_ptr().add(first));
                    let mask = keep(lanes) & 15;
                    let (value, channel) = (value.as_mut_ptr().add(count), channel.as_mut_ptr().add(count));
                    lanes.compress_with_ptr(channels, mask, value, channel);
                    *four = (count as u32) << LANES | mask;
                    count += mask.count_ones() as usize;
                }
                continue;
            }
            let mask = keep(load_up_to_four(&from.value[first..entries])) & ((1 << left.min(LANES)) - 1);
            *four = (count as u32) << LANES | mask;
            for lane in 0..LANES {
                if mask >> lane & 1 == 1 {
                    assert!(count < capacity, "capacity: more than {capacity} entries");
                    channel[count] = from.channel[first + lane];
                    value[count] = from.value[first + lane];
                    count += 1;
                }
            }
        }
        for (start, &before) in start.iter_mut().zip(from.start) {
            let four = fours[before as usize / LANES];
            let of_four = four & ((1 << (before as usize % LANES)) - 1);
            *start = (four >> LANES) + of_four.count_ones();
        }
    });
}

/// Dense `x [n][pixels][channels]`, compressed: keeps what is not +0. Panics when a sample has more of it than
/// `shape.capacity`.
pub fn compress_nonzero(shape: &SparseShape, x: &[f32], start: &mut [u32], channel: &mut [u32], value: &mut [f32]) {
    let len = shape.sample_len();
    assert_eq!(x.len(), shape.n * len, "x");
    assert_eq!(start.len(), shape.start_len(), "start");
    assert_eq!(channel.len(), shape.entries_len(), "channel");
    assert_eq!(value.len(), shape.entries_len(), "value");
    let (start, channel, value) = (Disjoint::new(start), Disjoint::new(channel), Disjoint::new(value));
    for_each_piece(shape.n, |s| {
        // SAFETY: each sample is one piece.
        let mut out = unsafe { OutSample::of(shape, s, &start, &channel, &value) };
        compress_sample(&x[s * len..][..len], shape.channels, &mut out, |_, _, v| v.bits_mask());
    });
}
