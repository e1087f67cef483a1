//! Exports of `kwta_kernels::sparse`. Every function begins with the sizes and the pattern of its operand.

use crate::export::export;
use kwta_kernels::sizes::product;
use kwta_kernels::sparse;

export! {
    /// Expands to dense `y`.
    fn sparse_densify(
        pattern: Pattern,
        values: &[f32; pattern.shape.entries_len()],
        y: &mut [f32; pattern.shape.dense_len()]
    ) {
        sparse::densify(&pattern, values, y);
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
}
