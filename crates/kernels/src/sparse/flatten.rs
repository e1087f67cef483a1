//! Entries in C,H,W order: what `flatten` and users of activation patterns see.
//!
//! Entries stand pixel by pixel; a counting sort over channels gives their C,H,W order, where the index
//! of an entry is `channel * pixels + pixel`.

use super::{OutSample, Pattern};
use crate::parallel::{for_each_piece, Disjoint};
use crate::scratch;

/// Calls `visit(rank, entry, index)` for the entries of sample `s` (in memory order): `rank` is the entry's
/// place in C,H,W order and `index` its C,H,W index.
fn for_each_chw(pattern: &Pattern, s: usize, mut visit: impl FnMut(usize, usize, u32)) {
    let (pixels, channels) = (pattern.shape.pixels, pattern.shape.channels);
    scratch::with_u32(channels, |next| {
        next.fill(0);
        for &channel in pattern.channels(s) {
            next[channel as usize] += 1;
        }
        let mut before = 0;
        for count in next.iter_mut() {
            before += core::mem::replace(count, before);
        }
        pattern.for_each_entry(s, |entry, pixel, channel| {
            visit(next[channel] as usize, entry, (channel * pixels + pixel) as u32);
            next[channel] += 1;
        });
    });
}

/// C,H,W indices of the entries of sample `s`, ascending; `out` holds as many as are in use.
pub fn chw_indices(pattern: &Pattern, s: usize, out: &mut [u32]) {
    assert_eq!(out.len(), pattern.count(s), "out");
    for_each_chw(pattern, s, |rank, _, index| out[rank] = index);
}

/// The same values as one pixel of `channels * pixels` channels in C,H,W order, as `flatten` of an NCHW
/// tensor numbers them: `start [n][2]`, `channel` and `value` `[n][capacity]`.
pub fn flatten(pattern: &Pattern, values: &[f32], start: &mut [u32], channel: &mut [u32], value: &mut [f32]) {
    let shape = super::SparseShape { pixels: 1, channels: pattern.shape.sample_len(), ..pattern.shape };
    assert_eq!(values.len(), shape.entries_len(), "values");
    assert_eq!(start.len(), shape.start_len(), "start");
    assert_eq!(channel.len(), shape.entries_len(), "channel");
    assert_eq!(value.len(), shape.entries_len(), "value");
    let (start, channel, value) = (Disjoint::new(start), Disjoint::new(channel), Disjoint::new(value));
    for_each_piece(shape.n, |s| {
        // SAFETY: each sample is one piece.
        let OutSample { start, channel, value } = unsafe { OutSample::of(&shape, s, &start, &channel, &value) };
        start.copy_from_slice(&[0, pattern.count(s) as u32]);
        let values = &values[s * shape.capacity..];
        for_each_chw(pattern, s, |rank, entry, index| {
            channel[rank] = index;
            value[rank] = values[entry];
        });
    });
}

/// Brings the gradient of [`flatten`]'s entries back: `dvalues[entry] = dflat[rank]`, both `[n][capacity]`.
pub fn unflatten_gradient(pattern: &Pattern, dflat: &[f32], dvalues: &mut [f32]) {
    let shape = pattern.shape;
    assert_eq!(dflat.len(), shape.entries_len(), "dflat");
    assert_eq!(dvalues.len(), shape.entries_len(), "dvalues");
    let dvalues = Disjoint::new(dvalues);
    for_each_piece(shape.n, |s| {
        let first = s * shape.capacity;
        // SAFETY: each sample is one piece.
        let dvalues = unsafe { dvalues.slice(first..first + pattern.count(s)) };
        for_each_chw(pattern, s, |rank, entry, _| {
            dvalues[entry] = dflat[first + rank];
        });
    });
}
