//! Exports of `kwta_kernels::sparse`. Every function begins with the sizes and the pattern of its operand.

use crate::export::export;
use kwta_kernels::sizes::product;
use kwta_kernels::sparse::{self, concat_shape, Pattern, SparseShape};

/// Sizes of a second batch beside that of `pattern`.
fn beside(pattern: &Pattern, channels: usize, capacity: usize) -> SparseShape {
    SparseShape { channels, capacity, ..pattern.shape }
}

export! {
    /// Expands to dense `y`.
    fn sparse_densify(
        pattern: Pattern,
        values: &[f32; pattern.shape.entries_len()],
        y: &mut [f32; pattern.shape.dense_len()]
    ) {
        sparse::densify(&pattern, values, y);
    }

    /// The same, with -0 for entries of zero.
    fn sparse_densify_winners(
        pattern: Pattern,
        values: &[f32; pattern.shape.entries_len()],
        y: &mut [f32; pattern.shape.dense_len()]
    ) {
        sparse::densify_winners(&pattern, values, y);
    }

    /// Adds the entries to dense `y`.
    fn sparse_add(
        pattern: Pattern,
        values: &[f32; pattern.shape.entries_len()],
        y: &mut [f32; pattern.shape.dense_len()]
    ) {
        sparse::add_to_dense(&pattern, values, y);
    }

    /// Takes the values of dense `x` at the entries.
    fn sparse_gather(
        pattern: Pattern,
        x: &[f32; pattern.shape.dense_len()],
        values: &mut [f32; pattern.shape.entries_len()]
    ) {
        sparse::gather(&pattern, x, values);
    }

    /// Smallest entry of each sample.
    fn sparse_minimum(
        pattern: Pattern,
        values: &[f32; pattern.shape.entries_len()],
        minimum: &mut [f32; pattern.shape.n]
    ) {
        sparse::minimum(&pattern, values, minimum);
    }

    /// Mean over pixels, `y [n][channels]`.
    fn sparse_global_average(
        pattern: Pattern,
        values: &[f32; pattern.shape.entries_len()],
        y: &mut [f32; product([pattern.shape.n, pattern.shape.channels])]
    ) {
        sparse::global_average(&pattern, values, y);
    }

    /// Gradient of [`sparse_global_average`] at the entries.
    fn sparse_global_average_gradient(
        pattern: Pattern,
        dy: &[f32; product([pattern.shape.n, pattern.shape.channels])],
        dvalues: &mut [f32; pattern.shape.entries_len()]
    ) {
        sparse::global_average_gradient(&pattern, dy, dvalues);
    }

    /// The same entries as one pixel in C,H,W order.
    fn sparse_flatten(
        pattern: Pattern,
        values: &[f32; pattern.shape.entries_len()],
        flat_start: &mut [u32; product([pattern.shape.n, 2])],
        flat_channel: &mut [u32; pattern.shape.entries_len()],
        flat_value: &mut [f32; pattern.shape.entries_len()]
    ) {
        sparse::flatten(&pattern, values, flat_start, flat_channel, flat_value);
    }

    /// Brings a gradient of flattened entries back to their old order.
    fn sparse_unflatten_gradient(
        pattern: Pattern,
        dflat: &[f32; pattern.shape.entries_len()],
        dvalues: &mut [f32; pattern.shape.entries_len()]
    ) {
        sparse::unflatten_gradient(&pattern, dflat, dvalues);
    }

    /// C,H,W indices of the entries of one sample, ascending.
    fn sparse_chw_indices(pattern: Pattern, sample: usize, indices: &mut [u32; pattern.count(sample)]) {
        sparse::chw_indices(&pattern, sample, indices);
    }

    /// The entries of two batches with the channels of the first before those of the second.
    fn sparse_concat(
        a: Pattern,
        a_values: &[f32; a.shape.entries_len()],
        b_channels: usize,
        b_capacity: usize,
        b_start: &[u32; beside(&a, b_channels, b_capacity).start_len()],
        b_channel: &[u32; beside(&a, b_channels, b_capacity).entries_len()],
        b_values: &[f32; b_channel.len()],
        joined_start: &mut [u32; b_start.len()],
        joined_channel: &mut [u32; concat_shape(&a.shape, &beside(&a, b_channels, b_capacity)).entries_len()],
        joined_values: &mut [f32; joined_channel.len()]
    ) {
        let b = Pattern::new(beside(&a, b_channels, b_capacity), b_start, b_channel);
        sparse::concat(&a, a_values, &b, b_values, joined_start, joined_channel, joined_values);
    }

    /// Gradient of [`sparse_concat`] at the entries of both.
    fn sparse_split(
        a: Pattern,
        b_channels: usize,
        b_capacity: usize,
        b_start: &[u32; beside(&a, b_channels, b_capacity).start_len()],
        b_channel: &[u32; beside(&a, b_channels, b_capacity).entries_len()],
        dvalues: &[f32; concat_shape(&a.shape, &beside(&a, b_channels, b_capacity)).entries_len()],
        da: &mut [f32; a.shape.entries_len()],
        db: &mut [f32; b_channel.len()]
    ) {
        let b = Pattern::new(beside(&a, b_channels, b_capacity), b_start, b_channel);
        sparse::split(&a, &b, dvalues, da, db);
    }

    /// Expands to the channels of dense `y` from `first` on.
    fn sparse_write_channels(
        pattern: Pattern,
        values: &[f32; pattern.shape.entries_len()],
        first: usize,
        all_channels: usize,
        y: &mut [f32; product([pattern.shape.n, pattern.shape.pixels, all_channels])]
    ) {
        sparse::write_entries(&pattern, values, first, all_channels, y);
    }

    /// Takes the values of the channels of dense `y` from `first` on, at the entries.
    fn sparse_read_channels(
        pattern: Pattern,
        values: &mut [f32; pattern.shape.entries_len()],
        first: usize,
        all_channels: usize,
        y: &[f32; product([pattern.shape.n, pattern.shape.pixels, all_channels])]
    ) {
        sparse::read_entries(&pattern, values, first, all_channels, y);
    }

    /// The channels of `y` from `first` on become those of `x`.
    fn write_channels(
        rows: usize,
        channels: usize,
        x: &[f32; product([rows, channels])],
        first: usize,
        all_channels: usize,
        y: &mut [f32; product([rows, all_channels])]
    ) {
        sparse::write_channels(channels, x, first, all_channels, y);
    }

    /// `x` becomes the channels of `y` from `first` on.
    fn read_channels(
        rows: usize,
        channels: usize,
        x: &mut [f32; product([rows, channels])],
        first: usize,
        all_channels: usize,
        y: &[f32; product([rows, all_channels])]
    ) {
        sparse::read_channels(channels, x, first, all_channels, y);
    }
}
