//! Dense `[n][pixels][channels]` to entries: four channels a step, chosen by a mask.

use super::SparseShape;
use crate::parallel::{for_each_piece, Disjoint};
use crate::simd::{F32x4, LANES};

/// Values between two looks at the room left.
const BLOCK: usize = 16 * LANES;

/// For each mask of kept lanes, the kept lanes' numbers first.
static KEPT_LANES: [[u32; LANES]; 16] = {
    let mut table = [[0; LANES]; 16];
    let mut mask = 0;
    while mask < 16 {
        let (mut kept, mut lane) = (0, 0);
        while lane < LANES {
            if mask >> lane & 1 == 1 {
                table[mask][kept] = lane as u32;
                kept += 1;
            }
            lane += 1;
        }
        mask += 1;
    }
    table
};

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
    out: OutSample,
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
                for (i, lanes) in values.chunks_exact(LANES).enumerate() {
                    let c = first + i * LANES;
                    let lanes = F32x4::load(lanes);
                    let mask = keep(pixel, c, lanes) & 15;
                    let order = KEPT_LANES[mask as usize].map(|lane| lane + c as u32);
                    // SAFETY: the block adds at most BLOCK entries, which fit after those before it, and
                    // at most `i * LANES` of them came earlier.
                    unsafe {
                        channel.as_mut_ptr().add(count).cast::<[u32; LANES]>().write(order);
                        lanes.compress_ptr(mask, value.as_mut_ptr().add(count));
                    }
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

/// ReLU of dense `x [n][pixels][channels]`, compressed: keeps what is greater than zero, and NaN, so that
/// it shows downstream. Panics when a sample has more of them than `shape.capacity`.
pub fn relu_compress(shape: &SparseShape, x: &[f32], start: &mut [u32], channel: &mut [u32], value: &mut [f32]) {
    let len = shape.sample_len();
    assert_eq!(x.len(), shape.n * len, "x");
    assert_eq!(start.len(), shape.start_len(), "start");
    assert_eq!(channel.len(), shape.entries_len(), "channel");
    assert_eq!(value.len(), shape.entries_len(), "value");
    let (start, channel, value) = (Disjoint::new(start), Disjoint::new(channel), Disjoint::new(value));
    for_each_piece(shape.n, |s| {
        // SAFETY: each sample is one piece.
        let out = unsafe { OutSample::of(shape, s, &start, &channel, &value) };
        compress_sample(&x[s * len..][..len], shape.channels, out, |_, _, v| v.gt_mask(F32x4::zero()) | v.nan_mask());
    });
}
