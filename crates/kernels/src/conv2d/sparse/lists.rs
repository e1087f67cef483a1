//! The entries of a round of samples listed by input channel, and `dy` laid out so that each of them finds its
//! rows without a look at borders.
//!
//! - `dy` gets margins of zeros, so that an entry's row of `dy` is its own place minus one of the tap. It is laid
//!   out in blocks of output channels, as weights are.
//! - The input's rows, counted through the round, are cut into tiles, so that a tile's part of a block of `dy` stays
//!   in the L2 cache. A counting sort lists each tile's entries by channel. With a stride, an entry meets only
//!   the taps of its own phase (y and x, modulo stride), so lists are by channel and phase.
//! - A list begins with the entries of the image's top rows and ends with those of the bottom rows, so that taps
//!   which lead these out of the image pass over the rest: for a 4x4 image a sixth less work.

use super::records::{as_records, Entry, Record, Tap};
use crate::conv2d::block::blocks;
use crate::conv2d::Conv2dShape;
use crate::parallel::{for_each_piece, threads, Disjoint};
use crate::scratch;
use crate::simd::{F32x4, Vector, LANES};
use crate::sparse::Pattern;
use core::ops::Range;

/// Output pixels of a tile: enough for lists whose length hides the start of a loop.
const TILE_PIXELS: usize = 1024;

/// Values of a cache line.
const LINE: usize = 16;

/// Rows of the grid that a thread fills at a time.
const FILL_ROWS: usize = 8;

/// Values that the lists and the padded `dy` of a round of samples may take together, for each [`ROUND_THREADS`].
const ROUND_VALUES: usize = 1 << 19;

/// Threads that a round of [`ROUND_VALUES`] has work for: more of them wait for each other too often. No sum depends on
/// where rounds end.
const ROUND_THREADS: usize = 4;

/// `dy` with margins, `[block][sample][rows][columns][width]`: entry (y, x) meets tap (ky, kx) at grid row
/// `(y + padding) / stride + top - ky / stride`, if their phases agree, and alike for columns.
pub(super) struct Grid {
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

    /// The grid row that entries of an input row, counted through the round, meet at tap (0, 0).
    fn row_of(&self, shape: &Conv2dShape, row: usize) -> usize {
        row / shape.h * self.rows + (row % shape.h + shape.padding) / shape.stride + self.top
    }

    /// How far before an entry's place its row of `dy` for tap (ky, kx) lies.
    fn tap(&self, shape: &Conv2dShape, ky: usize, kx: usize) -> usize {
        (ky / shape.stride * self.columns + kx / shape.stride) * shape.block_width()
    }

    /// Copies `dy` of some samples into the grid, whose blocks are `block_len` long: a pixel's values are read once, in
    /// order, for all blocks.
    fn fill(&self, shape: &Conv2dShape, dy: &[f32], block_len: usize, grid: &mut [f32]) {
        let (out_h, row_len, width) = (shape.out_h(), shape.out_w() * shape.c_out, shape.block_width());
        let (grid, grid_row_len) = (Disjoint::new(grid), self.columns * width);
        let rows = block_len / grid_row_len.max(1);
        let row = |i: usize| {
            let (s, r) = (i / self.rows, i % self.rows);
            let inside = (self.top..self.top + out_h).contains(&r);
            for block in 0..blocks(shape) {
                let first = block * block_len + i * grid_row_len;
                // SAFETY: the piece alone has row i of every block, and each slice ends before the next is made.
                let row = unsafe { grid.slice(first..first + grid_row_len) };
                if inside {
                    row[..self.left * width].fill(0.0);
                    row[(self.left + shape.out_w()) * width..].fill(0.0);
                } else {
                    row.fill(0.0);
                }
            }
            if !inside {
                return;
            }
            let dy = &dy[(s * out_h + r - self.top) * row_len..][..row_len];
            for (x, pixel) in dy.chunks_exact(shape.c_out).enumerate() {
                let first = i * grid_row_len + (self.left + x) * width;
                for (block, values) in pixel.chunks(width).enumerate() {
                    let first = first + block * block_len;
                    // SAFETY: as above.
                    copy_values(values, unsafe { grid.slice(first..first + values.len()) });
                }
            }
        };
        for_each_piece(rows.div_ceil(FILL_ROWS), |piece| {
            (piece * FILL_ROWS..rows.min((piece + 1) * FILL_ROWS)).for_each(row);
        });
    }
}

/// `target[..source.len()] = source`, for which a call to the system's copy would be too dear.
#[inline(always)]
pub(super) fn copy_values(source: &[f32], target: &mut [f32]) {
    let (mut from, mut to) = (source.chunks_exact(LANES), target.chunks_exact_mut(LANES));
    for (from, to) in from.by_ref().zip(to.by_ref()) {
        F32x4::load(from).store(to);
    }
    let rest = source.len() / LANES * LANES;
    for (from, to) in source[rest..].iter().zip(&mut target[rest..]) {
        *to = *from;
    }
}

/// A round of samples: their `dy` in the grid, and the lists of their entries.
pub(super) struct Round<'a> {
    pub(super) grid: &'a Grid,
    pub(super) samples: Range<usize>,
    /// Rows of the input, in all samples together.
    rows: usize,
    /// `[block][..]`, see [`Grid`].
    dy: &'a [f32],
    block_len: usize,
    /// Parts of all lists of a tile, plus one.
    starts: usize,
    /// `[tile][starts]`, counted from the first entry of the tile.
    start: &'a [u32],
    /// `[tiles + 1]`, the tiles' first entries.
    first: &'a [u32],
    /// With the place in bytes, in a block of the grid, of the row of `dy` at tap (0, 0), modulo phase.
    entries: &'a [Entry],
    origin: &'a [u32],
}

/// Parts of a list: top rows, others, bottom rows.
const PARTS: usize = 3;

/// The part of the rows of phase `phase_y` that tap 0 brings to output row `row`.
fn part(shape: &Conv2dShape, phase_y: usize, row: usize) -> usize {
    if row >= shape.out_h() {
        2
    } else if row + 1 < taps_of(shape, phase_y) {
        0
    } else {
        1
    }
}

/// Rows of the kernel that belong to phase `phase_y`.
fn taps_of(shape: &Conv2dShape, phase_y: usize) -> usize {
    shape.kh.saturating_sub(phase_y).div_ceil(shape.stride)
}

/// The parts whose rows tap row `ky` does not bring outside: the last tap loses all of the top rows, the first one
/// all of the bottom rows. Others may meet margins.
fn parts(shape: &Conv2dShape, ky: usize) -> Range<usize> {
    let first = usize::from(ky / shape.stride + 1 == taps_of(shape, ky % shape.stride));
    first..if ky < shape.stride { PARTS - 1 } else { PARTS }
}

/// The entries of one tile, channel and phase.
#[derive(Clone)]
pub(super) struct List<'a> {
    /// Bounds of the parts.
    bounds: [usize; PARTS + 1],
    /// Values are zero where they were not given.
    entries: &'a [Entry],
    /// Place in the pattern's values.
    pub(super) origin: &'a [u32],
}

impl<'a> List<'a> {
    /// The entries of the parts from `first` to before `end`, and their places in the list.
    pub(super) fn parts(&self, first: u32, end: u32) -> (Range<usize>, &'a [Entry]) {
        let range = self.bounds[first as usize]..self.bounds[end as usize];
        (range.clone(), &self.entries[range])
    }
}

impl Round<'_> {
    pub(super) fn dy(&self, block: usize) -> &[f32] {
        &self.dy[block * self.block_len..][..self.block_len]
    }

    /// Calls `work` with the taps by phase, found once for all lists: divisions take their time.
    pub(super) fn with_taps<R>(&self, shape: &Conv2dShape, work: impl FnOnce(&[Tap]) -> R) -> R {
        let Conv2dShape { kh, kw, stride, .. } = *shape;
        scratch::with_u32(Tap::NUMBERS * kh * kw, |numbers| {
            let taps = as_records(numbers);
            let mut next = taps.iter_mut();
            for phase in 0..stride * stride {
                for ky in (phase / stride..kh).step_by(stride) {
                    let parts = parts(shape, ky);
                    for kx in (phase % stride..kw).step_by(stride) {
                        *next.next().expect("each tap has one phase") = Tap {
                            phase: phase as u32,
                            first_part: parts.start as u32,
                            end_part: parts.end as u32,
                            in_weights: ((ky * kw + kx) * shape.block_width()) as u32,
                            in_grid: self.grid.tap(shape, ky, kx) as u32,
                        };
                    }
                }
            }
            work(taps)
        })
    }

    /// Reads the part of a block of `dy` that a tile's entries meet, in order: found in lists, its lines would come
    /// from memory one by one.
    pub(super) fn fetch(&self, shape: &Conv2dShape, tile: usize, block: usize) {
        let (first, end) = (tile * tile_rows(shape), ((tile + 1) * tile_rows(shape)).min(self.rows));
        let last = self.grid.row_of(shape, end - 1) + 1;
        let first = (self.grid.row_of(shape, first) + 1).saturating_sub(shape.kh.div_ceil(shape.stride));
        let len = self.grid.columns * shape.block_width();
        let dy = &self.dy(block)[first * len..(last * len).min(self.block_len)];
        let mut sum = F32x4::zero();
        for line in dy.chunks_exact(LINE) {
            sum = sum + F32x4::load(line);
        }
        core::hint::black_box(sum.to_array());
    }

    /// Entries of the channels below `channel`, which may be the number of channels.
    pub(super) fn entries_below(&self, shape: &Conv2dShape, channel: usize) -> usize {
        let part = channel * shape.stride * shape.stride * PARTS;
        (0..self.tiles()).map(|tile| self.start[tile * self.starts + part] as usize).sum()
    }

    pub(super) fn tiles(&self) -> usize {
        self.first.len() - 1
    }

    /// List `channel * phases + phase` of `tile`.
    pub(super) fn list(&self, tile: usize, key: usize) -> List<'_> {
        let starts = &self.start[tile * self.starts..][..self.starts];
        let first = self.first[tile];
        let bounds: [u32; PARTS + 1] = core::array::from_fn(|part| starts[key * PARTS + part]);
        let entries = (first + bounds[0]) as usize..(first + bounds[PARTS]) as usize;
        List {
            bounds: bounds.map(|bound| (bound - bounds[0]) as usize),
            entries: &self.entries[entries.clone()],
            origin: &self.origin[entries],
        }
    }
}

/// Most entries of a list.
pub(super) fn longest_list(shape: &Conv2dShape) -> usize {
    tile_rows(shape) * shape.w
}

fn tile_rows(shape: &Conv2dShape) -> usize {
    (TILE_PIXELS * shape.stride * shape.stride / shape.w.max(1)).max(1)
}

/// Calls `visit` with the batch, in rounds that the caches can hold. `value` may be missing.
pub(super) fn for_each_round(
    shape: &Conv2dShape,
    pattern: &Pattern,
    value: Option<&[f32]>,
    dy: &[f32],
    mut visit: impl FnMut(&Round),
) {
    let grid = Grid::new(shape);
    let sample_values = grid.rows * grid.columns * shape.c_out + 3 * pattern.shape.capacity;
    let most = ROUND_VALUES * threads().div_ceil(ROUND_THREADS);
    let round_samples = (most / sample_values.max(1)).max(TILE_PIXELS / (shape.h * shape.w).max(1)).max(1);
    for first in (0..shape.n).step_by(round_samples) {
        let samples = first..(first + round_samples).min(shape.n);
        let dy = &dy[first * shape.y_len() / shape.n..samples.end * shape.y_len() / shape.n];
        if blocks(shape) == 1 && !grid.has_margins(shape) {
            with_lists(shape, pattern, value, &grid, samples, dy, dy.len(), &mut visit);
        } else {
            let len = samples.len() * grid.rows * grid.columns * shape.block_width();
            scratch::with(blocks(shape) * len, |padded| {
                grid.fill(shape, dy, len, padded);
                with_lists(shape, pattern, value, &grid, samples, padded, len, &mut visit);
            });
        }
    }
}

fn with_lists(
    shape: &Conv2dShape,
    pattern: &Pattern,
    value: Option<&[f32]>,
    grid: &Grid,
    samples: Range<usize>,
    dy: &[f32],
    block_len: usize,
    visit: &mut impl FnMut(&Round),
) {
    let (tile_rows, rows) = (tile_rows(shape), samples.len() * shape.h);
    let (tiles, starts) = (rows.div_ceil(tile_rows), PARTS * shape.c_in * shape.stride * shape.stride + 1);
    assert!(u32::try_from(size_of_val(dy)).is_ok(), "dy: too long");
    assert!(u32::try_from(pattern.shape.entries_len()).is_ok(), "pattern: too long");
    // Room for all entries that there may be, so that buffers stay as they are from batch to batch.
    let entries = samples.len() * pattern.shape.capacity;
    scratch::with_u32(tiles * starts + tiles + 1 + 3 * entries, |indices| {
        let (start, rest) = indices.split_at_mut(tiles * starts);
        let (first, rest) = rest.split_at_mut(tiles + 1);
        let (origin, rest) = rest.split_at_mut(entries);
        let entries = as_records(rest);
        first_entries(shape, pattern, samples.clone(), tile_rows, first);
        let (starts_out, entries_out, origins_out) =
            (Disjoint::new(start), Disjoint::new(entries), Disjoint::new(origin));
        for_each_piece(tiles, |i| {
            let rows = i * tile_rows..((i + 1) * tile_rows).min(rows);
            let range = first[i] as usize..first[i + 1] as usize;
            let tile = Tile { shape, pattern, value, grid, first_sample: samples.start, rows };
            // SAFETY: each tile is one piece, and tiles share no entries.
            unsafe {
                let start = starts_out.slice(i * starts..(i + 1) * starts);
                tile.list(start, entries_out.slice(range.clone()), origins_out.slice(range));
            }
        });
        visit(&Round { grid, samples, rows, dy, block_len, starts, start, first, entries, origin });
    });
}

/// `first[tile] =` entries of the round before `tile`.
fn first_entries(shape: &Conv2dShape, pattern: &Pattern, samples: Range<usize>, tile_rows: usize, first: &mut [u32]) {
    let (mut before, mut tile) = (0, 0);
    for (i, s) in samples.enumerate() {
        while tile * tile_rows < (i + 1) * shape.h {
            first[tile] = before + pattern.starts(s)[(tile * tile_rows - i * shape.h) * shape.w];
            tile += 1;
        }
        before += pattern.count(s) as u32;
    }
    first[tile] = before;
}

/// Some rows of the input, counted through the round.
struct Tile<'a> {
    shape: &'a Conv2dShape,
    pattern: &'a Pattern<'a>,
    value: Option<&'a [f32]>,
    grid: &'a Grid,
    /// The round's first sample.
    first_sample: usize,
    rows: Range<usize>,
}

impl Tile<'_> {
    /// Calls `visit(list, place, origin, channels)` for each pixel that any tap meets: the part of channel 0's lists
    /// that it belongs to, where its row of `dy` lies in a block, and its first entry in the pattern.
    #[inline(always)]
    fn for_each_pixel(&self, mut visit: impl FnMut(usize, u32, u32, &[u32])) {
        let Conv2dShape { h, w, kh, kw, stride, padding, .. } = *self.shape;
        let width = self.shape.block_width();
        for row in self.rows.clone() {
            let (s, y) = (row / h, row % h);
            if (y + padding) % stride >= kh {
                continue;
            }
            let sample = self.first_sample + s;
            let starts = &self.pattern.starts(sample)[y * w..(y + 1) * w + 1];
            let channels = self.pattern.channels(sample);
            let (grid_y, phase_y) = ((y + padding) / stride + self.grid.top, (y + padding) % stride);
            let (mut grid_x, mut phase_x) = (padding / stride + self.grid.left, padding % stride);
            let part = part(self.shape, phase_y, (y + padding) / stride);
            let grid_row = (s * self.grid.rows + grid_y) * self.grid.columns;
            for pixel in starts.windows(2) {
                let entries = pixel[0] as usize..pixel[1] as usize;
                let (place, origin) = (
                    (grid_row + grid_x) * width * size_of::<f32>(),
                    sample * self.pattern.shape.capacity + entries.start,
                );
                if phase_x < kw {
                    visit((phase_y * stride + phase_x) * PARTS + part, place as u32, origin as u32, &channels[entries]);
                }
                phase_x += 1;
                if phase_x == stride {
                    (grid_x, phase_x) = (grid_x + 1, 0);
                }
            }
        }
    }

    /// Counting sort of the entries by channel, phase and part, see [`Round`].
    fn list(&self, start: &mut [u32], entries: &mut [Entry], origin: &mut [u32]) {
        let parts = self.shape.stride * self.shape.stride * PARTS;
        start.fill(0);
        self.for_each_pixel(|list, _, _, channels| {
            for &channel in channels {
                start[channel as usize * parts + list + 1] += 1;
            }
        });
        // start[key + 1] becomes the first place of `key` now, and its end when all are placed.
        let mut before = 0;
        for count in &mut start[1..] {
            before += core::mem::replace(count, before);
        }
        self.for_each_pixel(|list, in_grid, first, channels| {
            for (entry, &channel) in (first..).zip(channels) {
                let next = &mut start[channel as usize * parts + list + 1];
                let value = self.value.map_or(0.0, |value| value[entry as usize]);
                entries[*next as usize] = Entry { place: in_grid, value };
                origin[*next as usize] = entry;
                *next += 1;
            }
        });
    }
}
