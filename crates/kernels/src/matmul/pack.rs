//! Packing: copies of an operand in the order in which the tile loop reads it.
//!
//! Both operands are seen as *lines* of k values: the rows of A, the columns of B. Packed lines stand in
//! panels of `MR` or `NR`, `[panel][k][lines of the panel]`, and are written four neighbours, a quad, at
//! a time: value `p` of the quad's line `l` goes to `out[p * step + l]`, `step` being the panel's width.

use crate::simd::{F32x4, Vector, LANES};
use core::ops::Range;

/// Lines packed together.
pub(crate) const QUAD: usize = LANES;
/// Quads that share a cache line where lines stand side by side.
pub(crate) const GROUP: usize = 4;

/// A matrix as lines of k values. Implementations exist for stored matrices here and for the patches
/// and weights of a convolution, which are never stored as matrices.
pub(crate) trait Operand: Sync {
    /// Writes values `ks` of lines `line .. line + 4`. Lines past the last may hold anything: they only
    /// reach outputs that are not kept.
    fn pack_quad(&self, line: usize, ks: Range<usize>, step: usize, out: &mut [f32]);

    /// Writes values `ks` of `GROUP` quads from `line` on to the places `out[starts[quad]..]`, if that
    /// is faster than one quad after the other and all these lines exist; else returns false.
    fn pack_group(
        &self,
        _line: usize,
        _ks: Range<usize>,
        _step: usize,
        _starts: [usize; GROUP],
        _out: &mut [f32],
    ) -> bool {
        false
    }
}

/// Packs values `ks` of `lines` into panels of `step` lines.
pub(crate) fn pack(operand: &dyn Operand, lines: Range<usize>, ks: Range<usize>, step: usize, out: &mut [f32]) {
    let start = |line: usize| (line - lines.start) / step * step * ks.len() + (line - lines.start) % step;
    let mut line = lines.start;
    while line < lines.end {
        let starts = core::array::from_fn(|quad| start(line + quad * QUAD));
        if line + GROUP * QUAD <= lines.end && operand.pack_group(line, ks.clone(), step, starts, out) {
            line += GROUP * QUAD;
        } else {
            operand.pack_quad(line, ks.clone(), step, &mut out[starts[0]..]);
            line += QUAD;
        }
    }
}

/// `out[starts[quad] + offset ..][..4] = values[quad * 4 ..][..4]`.
#[inline(always)]
pub(crate) fn spread(values: &[f32; GROUP * QUAD], starts: &[usize; GROUP], offset: usize, out: &mut [f32]) {
    for (values, start) in values.chunks_exact(QUAD).zip(starts) {
        F32x4::load(values).store(&mut out[start + offset..]);
    }
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

    fn pack_group(&self, line: usize, ks: Range<usize>, step: usize, starts: [usize; GROUP], out: &mut [f32]) -> bool {
        for (i, p) in ks.enumerate() {
            let values = self.data[p * self.lines + line..].first_chunk().expect("a whole group");
            spread(values, &starts, i * step, out);
        }
        true
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
            let columns = F32x4::transpose(lines.map(|line| F32x4::load_ptr(line.as_ptr().add(p))));
            for (i, column) in columns.into_iter().enumerate() {
                column.store_ptr(out.add((p + i) * step));
            }
        }
    }
    for p in vectors..len {
        // SAFETY: p < len; the last store ends at (len - 1) * step + 4.
        unsafe { F32x4::from_array(lines.map(|line| *line.get_unchecked(p))).store_ptr(out.add(p * step)) };
    }
}
