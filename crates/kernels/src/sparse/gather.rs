//! Between entries and dense `[n][pixels][channels]`, and the average over pixels. Parallel over samples.

use super::Pattern;
use crate::parallel::{for_each_chunk_mut, for_each_piece, Disjoint};

/// Calls `visit(s, entries, dense)` with the values of each sample's entries in use and its dense values.
fn for_each_sample_mut(
    pattern: &Pattern,
    values: &[f32],
    y: &mut [f32],
    sample_len: usize,
    visit: impl Fn(usize, &[f32], &mut [f32]) + Sync + Send,
) {
    let shape = pattern.shape;
    assert_eq!(values.len(), shape.entries_len(), "values");
    assert_eq!(y.len(), shape.n * sample_len, "y");
    for_each_chunk_mut(y, sample_len, |s, y| visit(s, &values[s * shape.capacity..][..pattern.count(s)], y));
}

/// The same with the roles exchanged: entries are written.
fn for_each_sample_entries_mut(
    pattern: &Pattern,
    values: &mut [f32],
    dense_len: usize,
    sample_len: usize,
    visit: impl Fn(usize, &mut [f32]) + Sync + Send,
) {
    let shape = pattern.shape;
    assert_eq!(values.len(), shape.entries_len(), "values");
    assert_eq!(dense_len, shape.n * sample_len, "dense");
    let values = Disjoint::new(values);
    for_each_piece(shape.n, |s| {
        let first = s * shape.capacity;
        // SAFETY: each sample is one piece.
        visit(s, unsafe { values.slice(first..first + pattern.count(s)) });
    });
}

/// `y [n][pixels][channels]`: the entries at their places, zero elsewhere.
pub fn densify(pattern: &Pattern, values: &[f32], y: &mut [f32]) {
    let channels = pattern.shape.channels;
    for_each_sample_mut(pattern, values, y, pattern.shape.sample_len(), |s, values, y| {
        y.fill(0.0);
        pattern.for_each_entry(s, |entry, pixel, channel| y[pixel * channels + channel] = values[entry]);
    });
}

/// [`densify`] in which entries of zero are -0 and what is absent is +0, so that who sees `y` alone can tell them apart.
pub fn densify_winners(pattern: &Pattern, values: &[f32], y: &mut [f32]) {
    let channels = pattern.shape.channels;
    for_each_sample_mut(pattern, values, y, pattern.shape.sample_len(), |s, values, y| {
        y.fill(0.0);
        pattern.for_each_entry(s, |entry, pixel, channel| {
            let value = values[entry];
            y[pixel * channels + channel] = if value == 0.0 { -0.0 } else { value };
        });
    });
}

/// Adds the entries to `y [n][pixels][channels]` at their places.
pub fn add_to_dense(pattern: &Pattern, values: &[f32], y: &mut [f32]) {
    let channels = pattern.shape.channels;
    for_each_sample_mut(pattern, values, y, pattern.shape.sample_len(), |s, values, y| {
        pattern.for_each_entry(s, |entry, pixel, channel| y[pixel * channels + channel] += values[entry]);
    });
}

/// `values[entry] = dense [n][pixels][channels]` at the entry's place: the gradient of [`densify`].
pub fn gather(pattern: &Pattern, dense: &[f32], values: &mut [f32]) {
    let (channels, sample_len) = (pattern.shape.channels, pattern.shape.sample_len());
    for_each_sample_entries_mut(pattern, values, dense.len(), sample_len, |s, values| {
        let dense = &dense[s * sample_len..][..sample_len];
        pattern.for_each_entry(s, |entry, pixel, channel| {
            values[entry] = dense[pixel * channels + channel];
        });
    });
}

/// Smallest entry of each sample, `[n]`: the threshold of a k-WTA layer.
pub fn minimum(pattern: &Pattern, values: &[f32], smallest: &mut [f32]) {
    for_each_sample_mut(pattern, values, smallest, 1, |_, values, smallest| {
        smallest[0] = values.iter().copied().fold(f32::INFINITY, f32::min);
    });
}

/// `y [n][channels]`: the mean of each channel over the pixels, entries that are absent counting as zero.
pub fn global_average(pattern: &Pattern, values: &[f32], y: &mut [f32]) {
    let scale = 1.0 / pattern.shape.pixels as f32;
    for_each_sample_mut(pattern, values, y, pattern.shape.channels, |s, values, y| {
        y.fill(0.0);
        pattern.channels(s).iter().zip(values).for_each(|(&channel, value)| y[channel as usize] += value);
        y.iter_mut().for_each(|v| *v *= scale);
    });
}

/// `dvalues[entry] = dy [n][channels]` of the entry's channel / pixels.
pub fn global_average_gradient(pattern: &Pattern, dy: &[f32], dvalues: &mut [f32]) {
    let (channels, scale) = (pattern.shape.channels, 1.0 / pattern.shape.pixels as f32);
    for_each_sample_entries_mut(pattern, dvalues, dy.len(), channels, |s, dvalues| {
        let dy = &dy[s * channels..][..channels];
        for (dvalue, &channel) in dvalues.iter_mut().zip(pattern.channels(s)) {
            *dvalue = dy[channel as usize] * scale;
        }
    });
}
