//! Which kernel taps join an input place to output places, in one dimension.

use crate::conv2d::Conv2dShape;

/// The taps that bring one input row (or column) to an output row: `first`, and every `stride`-th after it
/// below `end`. The first brings it to row `output`, each next one to the row before.
pub(super) struct Taps {
    pub(super) first: usize,
    pub(super) end: usize,
    pub(super) output: usize,
}

impl Taps {
    /// For input place `i`, `k` taps and output places `0..len`.
    pub(super) fn new(i: usize, k: usize, len: usize, shape: &Conv2dShape) -> Self {
        let place = i + shape.padding;
        let first = place.checked_sub((len - 1) * shape.stride).unwrap_or(place % shape.stride);
        Self { first, end: k.min(place + 1).max(first), output: (place - first) / shape.stride }
    }

    /// The output row to which tap `k` brings it.
    pub(super) fn output_of(&self, k: usize, stride: usize) -> Option<usize> {
        let past = k.checked_sub(self.first)?;
        (k < self.end && past % stride == 0).then(|| self.output - past / stride)
    }
}
