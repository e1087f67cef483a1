//! The transforms of F(2x2, 3x3), with 1-D matrices
//!
//! ```text
//! patch                kernel               tile
//! [1  0 -1  0]         [ 1    0    0 ]      [1  1  1  0]
//! [0  1  1  0]         [1/2  1/2  1/2]      [0  1 -1  1]
//! [0 -1  1  0]         [1/2 -1/2  1/2]
//! [0 -1  0  1]         [ 0    0    1 ]
//! ```
//!
//! each applied to columns and rows; gradients take their transposes. Points are in the order `[row][column]`.

use crate::parallel::Disjoint;
use crate::simd::{F32x4, Vector, LANES};
use core::ops::Range;

/// Points of a patch, a kernel or a tile.
pub(super) const POINTS: usize = 16;
/// Most channels of a window.
pub(super) const CHANNELS: usize = 64;

/// `[n][h][w][c]`
pub(super) struct Image<'a> {
    pub data: &'a [f32],
    pub h: usize,
    pub w: usize,
    pub c: usize,
}

/// Some channels of `SIZE` x `SIZE` pixels: those of pixel `(y, x)` begin at `y * row + x * column`.
pub(super) struct Window<'a, const SIZE: usize> {
    data: &'a [f32],
    row: usize,
    column: usize,
}

/// Where the vectors of a window lie, and where their points go: vector `i` is at `i * from` of each pixel, its point `p`
/// goes to `i * to + p * point`.
pub(super) struct Walk {
    pub count: usize,
    pub from: usize,
    pub to: usize,
    pub point: usize,
}

impl<'a> Image<'a> {
    /// Up to `CHANNELS` channels of the pixels from row `top` and column `left` of a sample on, zeros outside. If some
    /// are, all are copied to `buffer`.
    pub fn window<'b, const SIZE: usize>(
        &self,
        sample: usize,
        top: isize,
        left: isize,
        channels: Range<usize>,
        buffer: &'b mut [f32],
    ) -> Window<'b, SIZE>
    where
        'a: 'b,
    {
        let fits = |first: isize, size: usize| first >= 0 && first as usize + SIZE <= size;
        let pixel = |y: usize, x: usize| ((sample * self.h + y) * self.w + x) * self.c;
        if fits(top, self.h) && fits(left, self.w) {
            let first = pixel(top as usize, left as usize) + channels.start;
            return Window { data: &self.data[first..], row: self.w * self.c, column: self.c };
        }
        for (i, target) in buffer.chunks_exact_mut(CHANNELS).take(SIZE * SIZE).enumerate() {
            let (y, x) = (top + (i / SIZE) as isize, left + (i % SIZE) as isize);
            let target = &mut target[..channels.len()];
            if (0..self.h as isize).contains(&y) && (0..self.w as isize).contains(&x) {
                let first = pixel(y as usize, x as usize);
                target.copy_from_slice(&self.data[first + channels.start..first + channels.end]);
            } else {
                target.fill(0.0);
            }
        }
        Window { data: buffer, row: SIZE * CHANNELS, column: CHANNELS }
    }
}

impl<const SIZE: usize> Window<'_, SIZE> {
    /// The same from channel `first` on.
    pub fn skip(&self, first: usize) -> Self {
        Self { data: &self.data[first..], ..*self }
    }

    /// Checks that `walk` stays within the window and, from `first` on, within `target`.
    fn check(&self, walk: &Walk, target: &Disjoint<f32>, first: usize) {
        let last = walk.count.saturating_sub(1);
        assert!(self.data.len() >= (SIZE - 1) * (self.row + self.column) + last * walk.from + LANES);
        assert!(target.len() >= first + (POINTS - 1) * walk.point + last * walk.to + LANES);
    }
}

/// Points of a patch, to `target` from `first` on.
///
/// # Safety
/// No other thread may use the places that `walk` leads to.
#[inline(never)]
pub(super) unsafe fn patch_to_points(patch: &Window<4>, walk: &Walk, target: &Disjoint<f32>, first: usize) {
    patch.check(walk, target, first);
    let rows: [*const f32; 4] = core::array::from_fn(|y| patch.data.as_ptr().wrapping_add(y * patch.row));
    for i in 0..walk.count {
        // SAFETY: `check` has seen the last vector and the last point.
        unsafe {
            let row = |y: usize| -> [F32x4; 4] {
                let pixel = rows[y].add(i * walk.from);
                core::array::from_fn(|x| F32x4::load_ptr(pixel.add(x * patch.column)))
            };
            let target = target.at(first + i * walk.to);
            let write = |y: usize, v: [F32x4; 4]| {
                let points = [v[0] - v[2], v[1] + v[2], v[2] - v[1], v[3] - v[1]];
                for (x, value) in points.into_iter().enumerate() {
                    value.store_ptr(target.add((4 * y + x) * walk.point));
                }
            };
            // Two rows at a time, all that V8 keeps in registers.
            let (a, b) = (row(0), row(2));
            write(0, core::array::from_fn(|x| a[x] - b[x]));
            let (a, b) = (row(1), row(2));
            write(1, core::array::from_fn(|x| a[x] + b[x]));
            write(2, core::array::from_fn(|x| b[x] - a[x]));
            let (a, b) = (row(1), row(3));
            write(3, core::array::from_fn(|x| b[x] - a[x]));
        }
    }
}

/// The gradient by the points of a tile from the one by its outputs: the transpose of [`points_to_tile`].
///
/// # Safety
/// As [`patch_to_points`].
#[inline(never)]
pub(super) unsafe fn tile_to_points(tile: &Window<2>, walk: &Walk, target: &Disjoint<f32>, first: usize) {
    tile.check(walk, target, first);
    let rows: [*const f32; 2] = core::array::from_fn(|y| tile.data.as_ptr().wrapping_add(y * tile.row));
    for i in 0..walk.count {
        // SAFETY: `check` has seen the last vector and the last point.
        unsafe {
            let row = |y: usize| -> [F32x4; 2] {
                let pixel = rows[y].add(i * walk.from);
                [F32x4::load_ptr(pixel), F32x4::load_ptr(pixel.add(tile.column))]
            };
            let target = target.at(first + i * walk.to);
            let [a, b] = [row(0), row(1)];
            let sums = [a, [a[0] + b[0], a[1] + b[1]], [a[0] - b[0], a[1] - b[1]], b];
            for (y, [left, right]) in sums.into_iter().enumerate() {
                for (x, value) in [left, left + right, left - right, right].into_iter().enumerate() {
                    value.store_ptr(target.add((4 * y + x) * walk.point));
                }
            }
        }
    }
}

/// The 2x2 outputs of a tile, by rows, from its points.
#[inline(always)]
pub(super) fn points_to_tile(point: impl Fn(usize) -> F32x4) -> [F32x4; 4] {
    let row = |y: usize| {
        let [a, b, c, d] = [0, 1, 2, 3].map(|x| point(4 * y + x));
        [a + b + c, b - c + d]
    };
    let rows = [row(0), row(1), row(2), row(3)];
    let [top, bottom]: [[F32x4; 2]; 2] = [
        core::array::from_fn(|x| rows[0][x] + rows[1][x] + rows[2][x]),
        core::array::from_fn(|x| rows[1][x] - rows[2][x] + rows[3][x]),
    ];
    [top[0], top[1], bottom[0], bottom[1]]
}

/// Points of a kernel, given by taps.
#[inline(always)]
pub(super) fn kernel_to_points(taps: [F32x4; 9]) -> [F32x4; POINTS] {
    let half = F32x4::splat(0.5);
    let line = |[a, b, c]: [F32x4; 3]| {
        let (ends, middle) = (half * (a + c), half * b);
        [a, ends + middle, ends - middle, c]
    };
    let columns: [[F32x4; 4]; 3] = core::array::from_fn(|x| line([taps[x], taps[3 + x], taps[6 + x]]));
    let mut points = [F32x4::zero(); POINTS];
    for (y, points) in points.chunks_exact_mut(4).enumerate() {
        points.copy_from_slice(&line(columns.map(|column| column[y])));
    }
    points
}

/// The gradient by the taps of a kernel from the one by its points: the transpose of [`kernel_to_points`].
#[inline(always)]
pub(super) fn points_to_kernel(points: [F32x4; POINTS]) -> [F32x4; 9] {
    let half = F32x4::splat(0.5);
    let line = |[a, b, c, d]: [F32x4; 4]| {
        let ends = half * (b + c);
        [a + ends, half * (b - c), ends + d]
    };
    let columns: [[F32x4; 3]; 4] =
        core::array::from_fn(|x| line([points[x], points[4 + x], points[8 + x], points[12 + x]]));
    let mut taps = [F32x4::zero(); 9];
    for (y, taps) in taps.chunks_exact_mut(3).enumerate() {
        taps.copy_from_slice(&line(columns.map(|column| column[y])));
    }
    taps
}
