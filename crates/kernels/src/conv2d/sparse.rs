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
mod taps;

pub use between::input_gradient_between;
pub use forward::forward;
pub use gradients::{gradients, input_gradient, weight_gradient};

use super::block::{keep_order, Lanes};
use super::Conv2dShape;
use crate::sparse::Pattern;

/// An entry as inner loops read it: the place of a row in bytes, and the bits of the entry's value.
type Entry = [u32; 2];

/// `acc + sum of value * row`, in order of the entries; a row are `V * L::WIDTH` values, whose place counts from
/// `base`.
///
/// # Safety
/// Every one of these rows must be valid for reading.
#[inline(always)]
unsafe fn weighted_sum<L: Lanes, const V: usize>(mut acc: [L; V], entries: &[Entry], base: *const f32) -> [L; V] {
    for [place, value] in entries {
        // SAFETY: the caller's contract.
        unsafe {
            let v = L::splat(core::ptr::from_ref(value).cast());
            let row = base.wrapping_byte_add(*place as usize);
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

fn check(shape: &Conv2dShape, pattern: &Pattern) {
    assert_eq!(pattern.shape.n, shape.n, "pattern: n");
    assert_eq!(pattern.shape.pixels, shape.h * shape.w, "pattern: pixels");
    assert_eq!(pattern.shape.channels, shape.c_in, "pattern: channels");
    assert!(shape.stride > 0, "stride");
}

#[cfg(test)]
mod tests;
