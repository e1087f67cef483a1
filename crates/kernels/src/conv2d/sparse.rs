//! 2-D convolution of compressed inputs: all three passes cost what the entries cost.
//!
//! They work on one block of weights at a time, whose accumulators, up to 32 channels, stay in registers
//! (`block.rs`). Node 20 spills one or two of eight vectors, yet six, which it does not spill, are no faster
//! there and a tenth slower in Node 24: each block repeats the loads of the entries. Linear layers come here as
//! 1x1 convolutions of one pixel.

mod between;
mod forward;
mod gradients;
mod lists;
mod records;
mod taps;

pub use between::input_gradient_between;
pub use forward::forward;
pub use gradients::{gradients, input_gradient, weight_gradient};

use super::block::{keep_order, Lanes};
use super::Conv2dShape;
use crate::parallel::{for_each_piece, Disjoint};
use crate::scratch;
use crate::sparse::{Pattern, SparseShape};
use records::Entry;

/// `acc + sum of value * row`, in order of the entries; a row are `V * L::WIDTH` values, whose place counts from
/// `base`.
///
/// # Safety
/// Every one of these rows must be valid for reading.
#[inline(always)]
unsafe fn weighted_sum<L: Lanes, const V: usize>(mut acc: [L; V], entries: &[Entry], base: *const f32) -> [L; V] {
    for entry in entries {
        // SAFETY: the caller's contract.
        unsafe {
            let v = L::splat(&raw const entry.value);
            let row = base.wrapping_byte_add(entry.place as usize);
            for (i, acc) in acc.iter_mut().enumerate() {
                *acc = v.mul_add(L::load(row.add(i * L::WIDTH)), *acc);
                if i % 2 == 1 {
                    keep_order();
                }
            }
        }
    }
    acc
}

/// Writes the entries as inner loops read them, at the sum, modulo 2^32, of a part of their place by column, of `w`, and
/// one by channel. Every range of `start` and every channel in use is checked.
fn pair(
    pattern: &Pattern,
    value: &[f32],
    w: usize,
    by_column: impl Fn(usize) -> u32,
    by_channel: impl Fn(usize) -> u32,
    entries: &mut [Entry],
) {
    let SparseShape { n, pixels, channels, capacity } = pattern.shape;
    let entries = Disjoint::new(entries);
    scratch::with_u32(pixels + channels, |places| {
        let (columns, rows) = places.split_at_mut(pixels);
        columns.iter_mut().zip((0..w).cycle()).for_each(|(place, x)| *place = by_column(x));
        rows.iter_mut().enumerate().for_each(|(channel, place)| *place = by_channel(channel));
        let (columns, rows) = (&*columns, &*rows);
        for_each_piece(n, |s| {
            let of_sample = s * capacity..s * capacity + pattern.count(s);
            let value = &value[of_sample.clone()];
            // SAFETY: each sample is one piece.
            let entries = unsafe { entries.slice(of_sample) };
            pattern.for_each_entry(s, |entry, pixel, channel| {
                assert!(channel < rows.len(), "channel: {channel} of {}", rows.len());
                entries[entry] = Entry { place: rows[channel].wrapping_add(columns[pixel]), value: value[entry] };
            });
        });
    });
}

fn check(shape: &Conv2dShape, pattern: &Pattern) {
    shape.check();
    assert_eq!(pattern.shape.n, shape.n, "pattern: n");
    assert_eq!(pattern.shape.pixels, shape.h * shape.w, "pattern: pixels");
    assert_eq!(pattern.shape.channels, shape.c_in, "pattern: channels");
}

#[cfg(test)]
mod tests;
