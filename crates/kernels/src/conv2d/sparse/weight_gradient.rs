//! Weight gradient: row `[ky][kx][c]` is a weighted sum of rows of `dy`, one per entry of channel `c`.
//!
//! - `dy` gets margins of zeros, so that an entry's row of `dy` is its own place minus one of the tap and no
//!   tap needs to look at borders.
//! - The input's rows, counted through the batch, are cut into tiles. A counting sort lists each tile's
//!   entries per channel: for a place of `dy` and a value. With a stride, an entry meets only the taps of its
//!   own phase (y and x, modulo stride), so lists are per channel and phase.
//! - Pieces own input channels and output channels. Tile by tile, they carry each row of `dw` in registers
//!   over the tile's list; the tile is small enough for its part of `dy` to stay in the L1 cache.
//!
//! A value of `dw` is summed over its entries in order, by one piece, starting from zero: neither tiles nor
//! pieces show in its bits.

use super::{check, for_each_block, piece_width, weighted_sum, Block, Lanes};
use crate::conv2d::Conv2dShape;
use crate::parallel::{for_each_chunk_mut, for_each_piece, threads, Disjoint};
use crate::scratch;
use crate::sparse::Pattern;
use core::ops::Range;

/// Input pixels of a tile.
const TILE_PIXELS: usize = 512;

/// Values that the lists and the padded `dy` of a round of samples may take together.
const ROUND_VALUES: usize = 1 << 21;

/// `dw [kh][kw][c_in][c_out]` from the entries `pattern`, `value` and `dy [n][out_h][out_w][c_out]`.
pub fn weight_gradient(shape: &Conv2dShape, pattern: &Pattern, value: &[f32], dy: &[f32], dw: &mut [f32]) {
    check(shape, pattern);
    assert_eq!(value.len(), pattern.shape.entries_len(), "value");
    assert_eq!(dy.len(), shape.y_len(), "dy");
    assert_eq!(dw.len(), shape.weight_len(), "dw");
    dw.fill(0.0);
    let grid = Grid::new(shape);
    let sample_values = grid.rows * grid.columns * shape.c_out + 2 * pattern.shape.capacity;
    let round_samples = (ROUND_VALUES / sample_values.max(1)).max(1);
    let dw = Disjoint::new(dw);
    for first in (0..shape.n).step_by(round_samples) {
        let samples = first..(first + round_samples).min(shape.n);
        let dy = &dy[first * shape.y_len() / shape.n..samples.end * shape.y_len() / shape.n];
        if grid.has_margins(shape) {
            scratch::with(samples.len() * grid.rows * grid.columns * shape.c_out, |padded| {
                grid.pad(shape, dy, padded);
                add_round(shape, pattern, value, &grid, samples, padded, &dw);
            });
        } else {
            add_round(shape, pattern, value, &grid, samples, dy, &dw);
        }
    }
}

/// `dy` with margins: entry (y, x) meets tap (ky, kx) at grid row `(y + padding) / stride + top - ky / stride`,
/// if their phases agree, and alike for columns.
struct Grid {
    rows: usize,
    columns: usize,
    top: usize,
    left: usize,
}

impl Grid {
    fn new(shape: &Conv2dShape) -> Self {
        let Conv2dShape { h, w, kh, kw, stride, padding, .. } = *shape;
        let before = |k: usize| ((k - 1) / stride).saturating_sub(padding / stride);
        let len = |input: usize, output: usize, before: usize| before + output.max((input - 1 + padding) / stride + 1);
        let (top, left) = (before(kh), before(kw));
        Self { rows: len(h, shape.out_h(), top), columns: len(w, shape.out_w(), left), top, left }
    }

    fn has_margins(&self, shape: &Conv2dShape) -> bool {
        (self.rows, self.columns) != (shape.out_h(), shape.out_w())
    }

    /// Copies `dy` of some samples into the grid.
    fn pad(&self, shape: &Conv2dShape, dy: &[f32], padded: &mut [f32]) {
        let (out_h, row) = (shape.out_h(), shape.out_w() * shape.c_out);
        let (grid_row, left) = (self.columns * shape.c_out, self.left * shape.c_out);
        for_each_chunk_mut(padded, self.rows * grid_row, |s, padded| {
            for (r, target) in padded.chunks_exact_mut(grid_row).enumerate() {
                if (self.top..self.top + out_h).contains(&r) {
                    let source = &dy[(s * out_h + r - self.top) * row..][..row];
                    target[..left].fill(0.0);
                    target[left..left + row].copy_from_slice(source);
                    target[left + row..].fill(0.0);
                } else {
                    target.fill(0.0);
                }
            }
        });
    }
}

/// The entries of one tile: `start[channel * phases + phase]..start[.. + 1]` of `place` and `value`.
struct List<'a> {
    start: &'a [u32],
    place: &'a [u32],
    value: &'a [f32],
}

/// Adds the contribution of `samples`, whose rows of `dy` in the grid are `dy`.
fn add_round(
    shape: &Conv2dShape,
    pattern: &Pattern,
    value: &[f32],
    grid: &Grid,
    samples: Range<usize>,
    dy: &[f32],
    dw: &Disjoint<f32>,
) {
    let phases = shape.stride * shape.stride;
    let tile_rows = (TILE_PIXELS / shape.w.max(1)).max(1);
    let rows = samples.len() * shape.h;
    let (tiles, starts) = (rows.div_ceil(tile_rows), shape.c_in * phases + 1);
    assert!(u32::try_from(dy.len()).is_ok(), "dy: too long");
    // Entries before each sample of the round.
    let mut before = Vec::with_capacity(samples.len() + 1);
    before.push(0);
    for s in samples.clone() {
        before.push(before[before.len() - 1] + pattern.count(s));
    }
    let entries = before[samples.len()];
    // Entries before a row of the round.
    let entries_before = |row: usize| {
        let s = row / shape.h;
        if s == samples.len() {
            return entries;
        }
        before[s] + pattern.starts(samples.start + s)[row % shape.h * shape.w] as usize
    };
    scratch::with_u32(tiles * starts + entries, |indices| {
        scratch::with(entries, |values| {
            let (start, place) = indices.split_at_mut(tiles * starts);
            let (starts_out, places_out, values_out) =
                (Disjoint::new(start), Disjoint::new(place), Disjoint::new(values));
            for_each_piece(tiles, |tile| {
                let rows = tile * tile_rows..((tile + 1) * tile_rows).min(rows);
                let range = entries_before(rows.start)..entries_before(rows.end);
                // SAFETY: each tile is one piece, and tiles share no entries.
                let (start, place, listed) = unsafe {
                    (
                        starts_out.slice(tile * starts..(tile + 1) * starts),
                        places_out.slice(range.clone()),
                        values_out.slice(range),
                    )
                };
                Tile { shape, pattern, value, grid, first_sample: samples.start, rows }.list(start, place, listed);
            });
            let lists: Vec<List> = (0..tiles)
                .map(|tile| {
                    let range = entries_before(tile * tile_rows)..entries_before(((tile + 1) * tile_rows).min(rows));
                    List {
                        start: &start[tile * starts..(tile + 1) * starts],
                        place: &place[range.clone()],
                        value: &values[range],
                    }
                })
                .collect();
            // Four pieces a thread; where the input has too few channels for that, cut the output's as well.
            let piece_channels = shape.c_in.div_ceil(4 * threads()).max(1);
            let channel_pieces = shape.c_in.div_ceil(piece_channels);
            let width = piece_width(shape.c_out, (4 * threads()).div_ceil(channel_pieces.max(1)));
            for_each_piece(shape.c_out.div_ceil(width) * channel_pieces, |piece| {
                let (column, part) = (piece / channel_pieces, piece % channel_pieces);
                let channels = part * piece_channels..((part + 1) * piece_channels).min(shape.c_in);
                let pass = Channels { shape, grid, lists: &lists, dy, dw, channels };
                for_each_block(column * width..((column + 1) * width).min(shape.c_out), &pass);
            });
        });
    });
}

/// Some rows of the input, counted through the round.
struct Tile<'a> {
    shape: &'a Conv2dShape,
    pattern: &'a Pattern<'a>,
    value: &'a [f32],
    grid: &'a Grid,
    /// The round's first sample.
    first_sample: usize,
    rows: Range<usize>,
}

impl Tile<'_> {
    /// Calls `visit(phase, place, channels, values)` for each pixel; `place` is the offset in the grid's `dy`.
    #[inline(always)]
    fn for_each_pixel(&self, mut visit: impl FnMut(usize, u32, &[u32], &[f32])) {
        let Conv2dShape { h, w, c_out, stride, padding, .. } = *self.shape;
        for row in self.rows.clone() {
            let (s, y) = (row / h, row % h);
            let sample = self.first_sample + s;
            let starts = &self.pattern.starts(sample)[y * w..(y + 1) * w + 1];
            let channels = self.pattern.channels(sample);
            let values = &self.value[sample * self.pattern.shape.capacity..][..channels.len()];
            let (grid_y, phase_y) = ((y + padding) / stride + self.grid.top, (y + padding) % stride);
            let (mut grid_x, mut phase_x) = (padding / stride + self.grid.left, padding % stride);
            let grid_row = (s * self.grid.rows + grid_y) * self.grid.columns;
            for pixel in starts.windows(2) {
                let entries = pixel[0] as usize..pixel[1] as usize;
                let place = (grid_row + grid_x) * c_out;
                visit(phase_y * stride + phase_x, place as u32, &channels[entries.clone()], &values[entries]);
                phase_x += 1;
                if phase_x == stride {
                    (grid_x, phase_x) = (grid_x + 1, 0);
                }
            }
        }
    }

    /// Counting sort of the entries by channel and phase, see [`List`].
    fn list(&self, start: &mut [u32], place: &mut [u32], value: &mut [f32]) {
        let phases = self.shape.stride * self.shape.stride;
        start.fill(0);
        self.for_each_pixel(|phase, _, channels, _| {
            for &channel in channels {
                start[channel as usize * phases + phase + 1] += 1;
            }
        });
        // start[key + 1] becomes the first place of `key` now, and its end when all are placed.
        let mut before = 0;
        for count in &mut start[1..] {
            before += core::mem::replace(count, before);
        }
        self.for_each_pixel(|phase, in_grid, channels, values| {
            for (&channel, &v) in channels.iter().zip(values) {
                let next = &mut start[channel as usize * phases + phase + 1];
                place[*next as usize] = in_grid;
                value[*next as usize] = v;
                *next += 1;
            }
        });
    }
}

struct Channels<'a> {
    shape: &'a Conv2dShape,
    grid: &'a Grid,
    lists: &'a [List<'a>],
    dy: &'a [f32],
    dw: &'a Disjoint<'a, f32>,
    channels: Range<usize>,
}

impl Block for Channels<'_> {
    #[inline(never)]
    fn run<L: Lanes, const V: usize>(&self, first: usize) {
        let Conv2dShape { c_in, c_out, kh, kw, stride, .. } = *self.shape;
        for list in self.lists {
            for c in self.channels.clone() {
                for ky in 0..kh {
                    for kx in 0..kw {
                        let key = (c * stride + ky % stride) * stride + kx % stride;
                        let entries = list.start[key] as usize..list.start[key + 1] as usize;
                        if entries.is_empty() {
                            continue;
                        }
                        let (place, value) = (&list.place[entries.clone()], &list.value[entries]);
                        let target = ((ky * kw + kx) * c_in + c) * c_out + first;
                        // SAFETY: the piece alone has these input and output channels.
                        let dw = unsafe { self.dw.slice(target..target + V * L::WIDTH) };
                        let tap = (ky / stride * self.grid.columns + kx / stride) * c_out;
                        let dy = self.dy.as_ptr().wrapping_sub(tap).wrapping_add(first);
                        // SAFETY: `dw` holds V * WIDTH values. `place` is a row of the grid, and stays one
                        // when `tap` is taken off (see Grid); it holds V * WIDTH values from `first` on.
                        unsafe {
                            let mut acc = [L::zero(); V];
                            for (i, acc) in acc.iter_mut().enumerate() {
                                *acc = L::load(dw.as_ptr().add(i * L::WIDTH));
                            }
                            let acc = weighted_sum(acc, value, place, dy);
                            for (i, acc) in acc.iter().enumerate() {
                                acc.store(dw.as_mut_ptr().add(i * L::WIDTH));
                            }
                        }
                    }
                }
            }
        }
    }
}
