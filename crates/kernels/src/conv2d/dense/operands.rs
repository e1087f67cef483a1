//! A convolution's tensors as operands of a matrix product, packed straight from where they lie: the
//! matrices of patches that the products speak of are never stored.

use crate::conv2d::Conv2dShape;
use crate::matmul::pack::{interleave, spread, Operand, GROUP, QUAD};
use crate::simd::{F32x4, Vector};
use core::ops::Range;

/// One patch of `image` per line, its values in the order `[kh][kw][c]`.
///
/// Line `(sample * grid_h + gy) * grid_w + gx` is the patch whose first pixel stands at row
/// `gy * step + origin_y` and column `gx * step + origin_x`; pixels outside of the image are zero.
pub(super) struct Patches<'a> {
    /// `[n][h][w][c]`
    pub image: &'a [f32],
    pub n: usize,
    pub h: usize,
    pub w: usize,
    pub c: usize,
    pub kh: usize,
    pub kw: usize,
    pub grid_h: usize,
    pub grid_w: usize,
    pub step: usize,
    pub origin_y: isize,
    pub origin_x: isize,
    /// At least `c` zeros, read for pixels outside.
    pub zeros: &'a [f32],
}

/// First pixel of a patch.
#[derive(Clone, Copy)]
struct Corner {
    sample: usize,
    y: isize,
    x: isize,
}

impl Patches<'_> {
    /// The corners of `line .. line + 4`; past the last line, that of the last.
    fn corners(&self, line: usize) -> [Corner; QUAD] {
        let (row, mut gx) = (line / self.grid_w, line % self.grid_w);
        let (mut sample, mut gy) = (row / self.grid_h, row % self.grid_h);
        core::array::from_fn(|_| {
            let corner = Corner {
                sample,
                y: (gy * self.step) as isize + self.origin_y,
                x: (gx * self.step) as isize + self.origin_x,
            };
            if gx + 1 < self.grid_w {
                gx += 1;
            } else if gy + 1 < self.grid_h {
                (gx, gy) = (0, gy + 1);
            } else if sample + 1 < self.n {
                (gx, gy, sample) = (0, 0, sample + 1);
            }
            corner
        })
    }

    /// Whether the whole patch lies in the image.
    fn is_inside(&self, corner: &Corner) -> bool {
        let fits = |first: isize, len: usize, size: usize| first >= 0 && first as usize + len <= size;
        fits(corner.y, self.kh, self.h) && fits(corner.x, self.kw, self.w)
    }

    /// Where the channels of the pixel `(ky, kx)` of a patch begin, if it lies in the image.
    fn pixel(&self, corner: &Corner, ky: usize, kx: usize) -> Option<usize> {
        let (y, x) = (corner.y + ky as isize, corner.x + kx as isize);
        let inside = (0..self.h as isize).contains(&y) && (0..self.w as isize).contains(&x);
        inside.then(|| ((corner.sample * self.h + y as usize) * self.w + x as usize) * self.c)
    }
}

impl Operand for Patches<'_> {
    fn pack_quad(&self, line: usize, ks: Range<usize>, step: usize, out: &mut [f32]) {
        let corners = self.corners(line);
        if corners.iter().all(|corner| self.is_inside(corner)) {
            // Each row of a patch is contiguous.
            let firsts = corners
                .map(|corner| ((corner.sample * self.h + corner.y as usize) * self.w + corner.x as usize) * self.c);
            for_each_run(ks, self.kw * self.c, |ky, run, done| {
                let row = ky * self.w * self.c;
                let lines = firsts.map(|first| &self.image[first + row + run.start..first + row + run.end]);
                interleave(lines, step, &mut out[done * step..]);
            });
        } else {
            for_each_run(ks, self.c, |tap, run, done| {
                let lines = corners.each_ref().map(|corner| match self.pixel(corner, tap / self.kw, tap % self.kw) {
                    Some(first) => &self.image[first + run.start..first + run.end],
                    None => &self.zeros[run.clone()],
                });
                interleave(lines, step, &mut out[done * step..]);
            });
        }
    }
}

/// The same patches the other way round: one line per value `(ky, kx, c)` of a patch, with k running
/// over the patches. Its image is `Patches::image`.
pub(super) struct PatchesTransposed<'a>(pub Patches<'a>);

impl PatchesTransposed<'_> {
    /// Calls `write(p, first)` for each of the patches `ks`, `p` counted from zero, where `first` is the
    /// place in the image of channel 0 of pixel `(ky, kx)` of the patch, or `None` outside.
    fn for_each_pixel(&self, ky: usize, kx: usize, ks: Range<usize>, mut write: impl FnMut(usize, Option<usize>)) {
        let patches = &self.0;
        let step = patches.step;
        // Columns gx of the grid whose pixel lies in the image: lo .. hi.
        let x = patches.origin_x + kx as isize;
        let lo = (-x).max(0) as usize;
        let lo = lo.div_ceil(step).min(patches.grid_w);
        let hi = ((patches.w as isize - x).max(0) as usize).div_ceil(step).clamp(lo, patches.grid_w);
        for_each_run(ks, patches.grid_w, |row, run, done| {
            let (sample, gy) = (row / patches.grid_h, row % patches.grid_h);
            let y = (gy * step) as isize + patches.origin_y + ky as isize;
            let inside = if (0..patches.h as isize).contains(&y) {
                lo.clamp(run.start, run.end)..hi.clamp(run.start, run.end)
            } else {
                run.start..run.start
            };
            let line = (sample * patches.h) as isize + y;
            let mut p = done;
            for _ in run.start..inside.start {
                write(p, None);
                p += 1;
            }
            for gx in inside.clone() {
                let pixel = line * patches.w as isize + (gx * step) as isize + x;
                write(p, Some(pixel as usize * patches.c));
                p += 1;
            }
            for _ in inside.end..run.end {
                write(p, None);
                p += 1;
            }
        });
    }
}

impl Operand for PatchesTransposed<'_> {
    fn pack_quad(&self, line: usize, ks: Range<usize>, step: usize, out: &mut [f32]) {
        let Patches { image, c, kh, kw, .. } = self.0;
        let (tap, channel) = (line / c, line % c);
        if channel + QUAD <= c {
            self.for_each_pixel(tap / kw, tap % kw, ks, |p, first| {
                let values = first.map_or(F32x4::zero(), |first| F32x4::load(&image[first + channel..]));
                values.store(&mut out[p * step..]);
            });
        } else {
            for l in 0..QUAD.min(kh * kw * c - line) {
                let (tap, channel) = ((line + l) / c, (line + l) % c);
                self.for_each_pixel(tap / kw, tap % kw, ks.clone(), |p, first| {
                    out[p * step + l] = first.map_or(0.0, |first| image[first + channel]);
                });
            }
        }
    }

    fn pack_group(&self, line: usize, ks: Range<usize>, step: usize, starts: [usize; GROUP], out: &mut [f32]) -> bool {
        let Patches { image, c, kw, .. } = self.0;
        let (tap, channel) = (line / c, line % c);
        if channel + GROUP * QUAD > c {
            return false;
        }
        self.for_each_pixel(tap / kw, tap % kw, ks, |p, first| {
            let values = first
                .map_or(&[0.0; GROUP * QUAD], |first| image[first + channel..].first_chunk().expect("a whole group"));
            spread(values, &starts, p * step, out);
        });
        true
    }
}

/// The weights as forward passes use them: one line per output channel, k over `(ky, kx, c_in)`.
pub(super) struct OutputWeights<'a> {
    pub shape: &'a Conv2dShape,
    pub weight: &'a [f32],
}

impl OutputWeights<'_> {
    /// The block that has `line`, and the line's place in each of its rows.
    fn block(&self, line: usize) -> (&[f32], usize) {
        let (len, width) = (self.shape.block_len(), self.shape.block_width());
        (&self.weight[line / width * len..][..len], line % width)
    }

    /// Where the rows `ks` of a block begin.
    fn rows(&self, ks: Range<usize>) -> impl Iterator<Item = usize> {
        let Conv2dShape { c_in, kh, kw, .. } = *self.shape;
        let (width, mut tap, mut channel) = (self.shape.block_width(), ks.start / c_in, ks.start % c_in);
        ks.map(move |_| {
            let row = (channel * kh * kw + tap) * width;
            channel += 1;
            if channel == c_in {
                (tap, channel) = (tap + 1, 0);
            }
            row
        })
    }
}

impl Operand for OutputWeights<'_> {
    fn pack_quad(&self, line: usize, ks: Range<usize>, step: usize, out: &mut [f32]) {
        let (block, first) = self.block(line);
        let count = QUAD.min(self.shape.block_width() - first);
        for (row, out) in self.rows(ks).zip(out.chunks_mut(step)) {
            let source = &block[row + first..][..count];
            if count == QUAD {
                F32x4::load(source).store(out);
            } else {
                out[..count].copy_from_slice(source);
            }
        }
    }

    fn pack_group(&self, line: usize, ks: Range<usize>, step: usize, starts: [usize; GROUP], out: &mut [f32]) -> bool {
        let (block, first) = self.block(line);
        if first + GROUP * QUAD > self.shape.block_width() {
            return false;
        }
        for (i, row) in self.rows(ks).enumerate() {
            let values = block[row + first..].first_chunk().expect("a whole group");
            spread(values, &starts, i * step, out);
        }
        true
    }
}

/// The weights as input gradients use them: one line per input channel, k over `(jy, jx, c_out)`.
///
/// `(jy, jx)` counts the taps of one phase, from the last to the first: rows `phase_y`,
/// `phase_y + stride`, ... of the kernel, and columns alike.
pub(super) struct PhaseWeights<'a> {
    pub shape: &'a Conv2dShape,
    pub weight: &'a [f32],
    pub phase_y: usize,
    pub phase_x: usize,
    pub taps_y: usize,
    pub taps_x: usize,
}

impl Operand for PhaseWeights<'_> {
    fn pack_quad(&self, line: usize, ks: Range<usize>, step: usize, out: &mut [f32]) {
        let Conv2dShape { kw, c_in, c_out, stride, .. } = *self.shape;
        for_each_run(ks, c_out, |tap, run, done| {
            let (jy, jx) = (tap / self.taps_x, tap % self.taps_x);
            let ky = self.phase_y + (self.taps_y - 1 - jy) * stride;
            let kx = self.phase_x + (self.taps_x - 1 - jx) * stride;
            let rows = core::array::from_fn(|l| (ky * kw + kx, (line + l).min(c_in - 1)));
            interleave_rows(self.shape, self.weight, rows, run, step, &mut out[done * step..]);
        });
    }
}

/// The weights the other way round: one line per tap and input channel, k over `c_out`.
pub(super) struct TapWeights<'a> {
    pub shape: &'a Conv2dShape,
    pub weight: &'a [f32],
}

impl Operand for TapWeights<'_> {
    fn pack_quad(&self, line: usize, ks: Range<usize>, step: usize, out: &mut [f32]) {
        let Conv2dShape { kh, kw, c_in, .. } = *self.shape;
        let rows = core::array::from_fn(|l| {
            let line = (line + l).min(kh * kw * c_in - 1);
            (line / c_in, line % c_in)
        });
        interleave_rows(self.shape, self.weight, rows, ks, step, out);
    }
}

/// [`interleave`] of output channels `ks` of four weight rows, each of a tap and an input channel.
fn interleave_rows(
    shape: &Conv2dShape,
    weight: &[f32],
    rows: [(usize, usize); QUAD],
    ks: Range<usize>,
    step: usize,
    out: &mut [f32],
) {
    for_each_run(ks, shape.block_width(), |block, run, done| {
        let lines = rows.map(|(tap, channel)| {
            let first = shape.weight_index(tap, channel, block * shape.block_width());
            &weight[first + run.start..first + run.end]
        });
        interleave(lines, step, &mut out[done * step..]);
    });
}

/// Cuts `range` at the multiples of `len`: calls `visit(i, run, done)` where `run` is the part of
/// `range` within `i * len .. (i + 1) * len`, counted from `i * len`, and `done` what came before it.
fn for_each_run(range: Range<usize>, len: usize, mut visit: impl FnMut(usize, Range<usize>, usize)) {
    let (mut i, mut first, mut done) = (range.start / len, range.start % len, 0);
    while done < range.len() {
        let last = len.min(first + range.len() - done);
        visit(i, first..last, done);
        done += last - first;
        (i, first) = (i + 1, 0);
    }
}
