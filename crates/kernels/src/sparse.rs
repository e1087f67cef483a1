//! Compressed activations: what a k-WTA layer emits and the next layers consume.
//!
//! A batch of `n` samples of `pixels` x `channels` values, of which each sample keeps at most
//! `capacity`. Entries of a sample stand pixel by pixel, channels ascending:
//! `start[s * (pixels + 1) + p] .. start[s * (pixels + 1) + p + 1]` are the entries of pixel `p` of
//! sample `s`, counted from the sample's own first entry, which stands at `s * capacity` in
//! `channel`, `value` and every gradient that belongs to the same pattern.

mod compress;
mod concat;
mod flatten;
mod gather;

pub use compress::compress_nonzero;
pub(crate) use compress::{compress_sample, filter_sample, load_up_to_four, Entries, OutSample};
pub use concat::{concat, concat_shape, read_channels, read_entries, split, write_channels, write_entries};
pub use flatten::{chw_indices, flatten, unflatten_gradient};
pub use gather::{add_to_dense, densify, densify_winners, gather, global_average, global_average_gradient, minimum};

use crate::scratch;
use crate::sizes::product;

/// Sizes of a compressed batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SparseShape {
    /// Samples.
    pub n: usize,
    /// Pixels of a sample, h * w.
    pub pixels: usize,
    /// Channels of a pixel.
    pub channels: usize,
    /// Entries reserved for each sample.
    pub capacity: usize,
}

impl SparseShape {
    /// Panics unless memory can hold the batch, dense or compressed.
    pub fn check(&self) {
        let &Self { n, pixels, channels, capacity } = self;
        product([n, pixels, channels]);
        product([n.max(1), pixels, 2]);
        product([n, capacity]);
    }

    /// Values of the dense batch.
    pub fn dense_len(&self) -> usize {
        self.n * self.sample_len()
    }

    /// Values of one dense sample.
    pub fn sample_len(&self) -> usize {
        self.pixels * self.channels
    }

    /// Length of `start`.
    pub fn start_len(&self) -> usize {
        self.n * (self.pixels + 1)
    }

    /// Length of `channel`, `value` and gradients.
    pub fn entries_len(&self) -> usize {
        self.n * self.capacity
    }
}

/// Entries of a pixel, on average, from which on loops go pixel by pixel.
const LONG_RUNS: usize = 5;

/// Where the entries are; shared by values and gradients.
#[derive(Clone, Copy)]
pub struct Pattern<'a> {
    /// Sizes.
    pub shape: SparseShape,
    /// `[n][pixels + 1]`, see the module.
    pub start: &'a [u32],
    /// `[n][capacity]`, the channel of each entry.
    pub channel: &'a [u32],
}

impl<'a> Pattern<'a> {
    /// Checks the lengths; panics with the wrong one.
    pub fn new(shape: SparseShape, start: &'a [u32], channel: &'a [u32]) -> Self {
        shape.check();
        assert_eq!(start.len(), shape.start_len(), "start");
        assert_eq!(channel.len(), shape.entries_len(), "channel");
        Self { shape, start, channel }
    }

    /// `pixels + 1` offsets of sample `s`.
    #[inline]
    pub fn starts(&self, s: usize) -> &'a [u32] {
        &self.start[s * (self.shape.pixels + 1)..(s + 1) * (self.shape.pixels + 1)]
    }

    /// Entries in use in sample `s`.
    #[inline]
    pub fn count(&self, s: usize) -> usize {
        self.starts(s)[self.shape.pixels] as usize
    }

    /// Channels of the entries in use of sample `s`.
    #[inline]
    pub fn channels(&self, s: usize) -> &'a [u32] {
        let first = s * self.shape.capacity;
        &self.channel[first..first + self.count(s)]
    }

    /// Calls `visit(entry, pixel, channel)` for the entries of sample `s`, in order; `entry` counts from
    /// the sample's first.
    #[inline]
    pub fn for_each_entry(&self, s: usize, mut visit: impl FnMut(usize, usize, usize)) {
        let (starts, channels) = (self.starts(s), self.channels(s));
        if channels.len() >= LONG_RUNS * self.shape.pixels {
            for (pixel, range) in starts.windows(2).enumerate() {
                let first = range[0] as usize;
                for (i, &channel) in channels[first..range[1] as usize].iter().enumerate() {
                    visit(first + i, pixel, channel as usize);
                }
            }
            return;
        }
        // The end of every short run would be mispredicted: all in one run, beside which their pixels stand. Of pixels
        // with the same start, only the last has entries.
        scratch::with_u32(channels.len() + 1, |pixel_of| {
            pixel_of.fill(0);
            let mut before = 0;
            for (pixel, &start) in (0..).zip(&starts[..self.shape.pixels]) {
                assert!(before <= start, "start: {start} after {before}");
                pixel_of[start as usize] = pixel;
                before = start;
            }
            let mut pixel = 0;
            for (entry, (&channel, &of_entry)) in channels.iter().zip(&*pixel_of).enumerate() {
                pixel = of_entry.max(pixel);
                visit(entry, pixel as usize, channel as usize);
            }
        });
    }
}

#[cfg(test)]
mod tests;
