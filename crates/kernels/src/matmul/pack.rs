//! Packing: copies of an operand in the order in which the tile loop reads it.
//!
//! Both operands are seen as *lines* of k values: the rows of A, the columns of B. Packing takes four
//! neighbouring lines, a quad, and interleaves them: value `p` of the quad's line `l` goes to
//! `out[p * step + l]`. A panel of A is one quad (`step` 4), a panel of B two (`step` 8).

use crate::simd::{F32x4, LANES};
use core::ops::Range;

/// Lines packed together.
pub(crate) const QUAD: usize = LANES;

/// A matrix as lines of k values. Implementations exist for stored matrices here and for the patches
/// and weights of a convolution, which are never stored as matrices.
pub(crate) trait Operand: Sync {
    /// Interleaves values `ks` of lines `line .. line + 4` into `out`, see the module. Lines past the
    /// last may hold anything: they only reach outputs that are not kept.
    fn pack_quad(&self, line: usize, ks: Range<usize>, step: usize, out: &mut [f32]);
}

/// Lines stored one after another: `[lines][k]`.
pub(crate) struct LineMajor<'a> {
    pub data: &'a [f32],
    pub lines: usize,
    pub k: usize,
}

impl Operand for LineMajor<'_> {
    fn pack_quad(&self, line: usize, ks: Range<usize>, step: usize, out: &mut [f32]) {
        let quad = core::array::from_fn(|l| {
            let first = (line + l).min(self.lines - 1) * self.k;
            &self.data[first + ks.start..first + ks.end]
        });
        interleave(quad, step, out);
    }
}

/// Lines stored side by side: `[k][lines]`.
pub(crate) struct KMajor<'a> {
    pub data: &'a [f32],
    pub lines: usize,
}

impl Operand for KMajor<'_> {
    fn pack_quad(&self, line: usize, ks: Range<usize>, step: usize, out: &mut [f32]) {
        let count = QUAD.min(self.lines - line);
        for (p, out) in ks.zip(out.chunks_mut(step)) {
            let source = &self.data[p * self.lines + line..][..count];
            if count == QUAD {
                F32x4::load(source).store(out);
            } else {
                out[..count].copy_from_slice(source);
            }
        }
    }
}

/// `out[p * step + l] = lines[l][p]`, for four slices of the same length.
pub(crate) fn interleave(lines: [&[f32]; QUAD], step: usize, out: &mut [f32]) {
    let len = lines[0].len();
    if len == 0 {
        return;
    }
    assert!(lines.iter().all(|line| line.len() == len) && step >= QUAD && out.len() >= (len - 1) * step + QUAD);
    let vectors = len / LANES * LANES;
    let out = out.as_mut_ptr();
    for p in (0..vectors).step_by(LANES) {
        // SAFETY: p + 4 <= len, the length of every line; the last store ends at (p + 3) * step + 4.
        unsafe {
            let rows = lines.map(|line| F32x4::load_ptr(line.as_ptr().add(p)).to_array());
            for i in 0..LANES {
                F32x4::from_array(rows.map(|row| row[i])).store_ptr(out.add((p + i) * step));
            }
        }
    }
    for p in vectors..len {
        for (l, line) in lines.iter().enumerate() {
            // SAFETY: p < len, and p * step + l < (len - 1) * step + 4.
            unsafe { out.add(p * step + l).write(*line.get_unchecked(p)) };
        }
    }
}
