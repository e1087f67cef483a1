//! The one blocked product that matmul and the dense convolutions run: `c = a b (+ bias)`.
//!
//! Operands are packed (`pack.rs`) and multiplied tile by tile (`kernel.rs`), in these loops:
//!
//! ```text
//! slabs of k         B packed once, shared by all threads        [block][panel][kc][NR]
//!   pieces of c      blocks of up to MC rows, spread over the threads
//!     blocks of KC   A packed for the rows of the piece           [quad][kc][MR], in L2
//!       panels of B  one stays in L1 ...
//!         quads of A ... while these pass
//!           tile     MR x NR outputs in registers
//! ```
//!
//! An output's sum runs over k in blocks whose bounds follow from k and n alone. So neither the cut into pieces,
//! which depends on the number of threads, nor the number of rows changes a bit of it: where rows are samples, each
//! has a result of its own. Weight gradients, small outputs with a long k, are instead split along k
//! ([`Product::write_in_parts`]), into parts that follow from all three sizes.

use super::kernel::{tile, MR, NR, ZEROS};
use super::pack::{pack, Operand, QUAD};
use crate::parallel::{for_each_chunk_mut, for_each_piece, threads, Disjoint};
use crate::scratch;
use core::ops::Range;

/// Most k values of a block: a panel of A and one of B fill half of a 32 KB L1.
pub(crate) const KC: usize = 384;
/// Most rows of a piece: with KC, 192 KB of packed A in L2.
pub(crate) const MC: usize = 128;
/// Most values of packed B (1 MB, for L2), unless one block of KC is more already.
const SLAB: usize = 1 << 18;
/// Values of B that one thread packs at a time.
const PACK_CHUNK: usize = 1 << 14;
/// Fewer multiplications than this are done before another thread has woken up.
const PARALLEL_WORK: usize = 1 << 19;
/// Outputs up to which a long k is split, most parts, and fewest k values of a part.
const SPLIT_OUTPUTS: usize = 1 << 14;
const SPLIT_PARTS: usize = 16;
const SPLIT_K: usize = 1024;

/// `c[i][j] = bias[j] + sum over p < k of a[i][p] * b[p][j]`; `c[i][j]` stands at
/// `row_start(i) + column_start(j)`.
pub(crate) struct Product<'a> {
    pub m: usize,
    pub n: usize,
    pub k: usize,
    pub a: &'a dyn Operand,
    pub b: &'a dyn Operand,
    pub bias: Option<&'a [f32]>,
    /// Distinct outputs must have distinct places.
    pub row_start: &'a (dyn Fn(usize) -> usize + Sync),
    /// The columns of a panel, from a multiple of `NR` on, must stand side by side.
    pub column_start: &'a (dyn Fn(usize) -> usize + Sync),
}

impl Product<'_> {
    /// Computes the product into `c`.
    pub(crate) fn write(&self, c: &mut [f32]) {
        if self.m > 0 && self.n > 0 {
            self.sum_over(0..self.k, &Disjoint::new(c));
        }
    }

    /// Computes the product into `c`, the parts of a long k side by side when there are few outputs.
    pub(crate) fn write_in_parts(&self, c: &mut [f32]) {
        let (m, n, k) = (self.m, self.n, self.k);
        let parts = if m * n <= SPLIT_OUTPUTS { (k / SPLIT_K).clamp(1, SPLIT_PARTS) } else { 1 };
        if parts == 1 || m == 0 || n == 0 {
            self.write(c);
            return;
        }
        let c = Disjoint::new(c);
        let part_k = k.div_ceil(parts);
        scratch::with(parts * m * n, |partial| {
            for_each_chunk_mut(partial, m * n, |part, sums| {
                let product = Product { bias: None, row_start: &|i| i * n, column_start: &|j| j, ..*self };
                product.sum_over(part * part_k..k.min((part + 1) * part_k), &Disjoint::new(sums));
            });
            for (i, j) in (0..m).flat_map(|i| (0..n).step_by(NR).map(move |j| (i, j))) {
                let (start, columns) = ((self.row_start)(i) + (self.column_start)(j), j..n.min(j + NR));
                // SAFETY: no piece is running, and this is the only slice that lives.
                let outputs = unsafe { c.slice(start..start + columns.len()) };
                match self.bias {
                    Some(bias) => outputs.copy_from_slice(&bias[columns.clone()]),
                    None => outputs.fill(0.0),
                }
                for sums in partial.chunks_exact(m * n) {
                    let sums = &sums[i * n..][columns.clone()];
                    outputs.iter_mut().zip(sums).for_each(|(total, sum)| *total += sum);
                }
            }
        });
    }

    /// The product restricted to `ks`.
    fn sum_over(&self, ks: Range<usize>, c: &Disjoint<f32>) {
        let panels = self.n.div_ceil(NR);
        let kc = even_part(ks.len(), KC);
        let slab_k = kc * (SLAB / (kc * panels * NR)).max(1);
        let (rows, columns) = self.piece_size(slab_k.min(ks.len()));
        let column_pieces = panels.div_ceil(columns);
        let mut slab = ks.start..ks.end.min(ks.start + slab_k);
        loop {
            scratch::with(slab.len() * panels * NR, |packed_b| {
                let mut rest = &mut *packed_b;
                for block in blocks(&slab, kc) {
                    let (packed, after) = rest.split_at_mut(block.len() * panels * NR);
                    rest = after;
                    self.pack_b(block, packed);
                }
                let packed_b = &*packed_b;
                for_each_piece(self.m.div_ceil(rows) * column_pieces, |piece| {
                    let row = piece / column_pieces * rows;
                    let panel = piece % column_pieces * columns;
                    let piece = Piece {
                        product: self,
                        rows: row..self.m.min(row + rows),
                        panels: panel..panels.min(panel + columns),
                    };
                    piece.run(&slab, kc, slab.start == ks.start, packed_b, c);
                });
            });
            if slab.end == ks.end {
                return;
            }
            slab = slab.end..ks.end.min(slab.end + slab_k);
        }
    }

    /// Rows and panels of a piece: as many pieces as keep every thread busy, but none too small to pay.
    fn piece_size(&self, k: usize) -> (usize, usize) {
        let panels = self.n.div_ceil(NR);
        let threads = threads();
        if threads == 1 || self.m * self.n * k < PARALLEL_WORK {
            return (even_part(self.m, MC).next_multiple_of(MR), panels);
        }
        let rows = self.m.div_ceil(4 * threads).next_multiple_of(MR).clamp(4 * MR, MC);
        let column_pieces = (2 * threads).div_ceil(self.m.div_ceil(rows)).min(panels);
        (rows, panels.div_ceil(column_pieces))
    }

    /// Packs values `block` of every column of B into panels `[panel][kc][NR]`.
    fn pack_b(&self, block: Range<usize>, packed: &mut [f32]) {
        let panel_len = block.len() * NR;
        if block.is_empty() {
            return;
        }
        let group = (PACK_CHUNK / panel_len).max(1);
        for_each_chunk_mut(packed, group * panel_len, |i, chunk| {
            let first = i * group * NR;
            let last = self.n.min(first + group * NR);
            pack(self.b, first..last, block.clone(), NR, chunk);
        });
    }
}

/// A block of outputs that one thread computes.
struct Piece<'a> {
    product: &'a Product<'a>,
    rows: Range<usize>,
    panels: Range<usize>,
}

impl Piece<'_> {
    /// Adds the products over `slab` to the piece's outputs; `first` starts them from the bias or zero.
    fn run(&self, slab: &Range<usize>, kc: usize, first: bool, packed_b: &[f32], c: &Disjoint<f32>) {
        let all_panels = self.product.n.div_ceil(NR);
        let mut starts = [0; MC];
        for (start, row) in starts.iter_mut().zip(self.rows.clone()) {
            *start = (self.product.row_start)(row);
        }
        let starts = &starts[..self.rows.len()];
        scratch::with(self.rows.len().next_multiple_of(MR) * kc, |packed_a| {
            for block in blocks(slab, kc) {
                let kc = block.len();
                if kc > 0 {
                    pack(self.product.a, self.rows.clone(), block.clone(), MR, packed_a);
                }
                let packed_b = &packed_b[(block.start - slab.start) * all_panels * NR..];
                let first = first && block.start == slab.start;
                for panel in self.panels.clone() {
                    let b = &packed_b[panel * kc * NR..][..kc * NR];
                    for (quad, starts) in starts.chunks(MR).enumerate() {
                        let a = &packed_a[quad * kc * MR..][..kc * MR];
                        self.tile(a, b, panel * NR, starts, first, c);
                    }
                }
            }
        });
    }

    /// Adds `a b` to the outputs of up to `MR` rows that begin at `starts`, from `column` on.
    #[inline(always)]
    fn tile(&self, a: &[f32], b: &[f32], column: usize, starts: &[usize], first: bool, c: &Disjoint<f32>) {
        let kc = a.len() / MR;
        let width = NR.min(self.product.n - column);
        let first_place = (self.product.column_start)(column);
        // SAFETY: outputs are distinct, pieces share none of them, and the slice ends before the next one of
        // the same row is made.
        let row = |r: usize| unsafe { c.slice(starts[r] + first_place..starts[r] + first_place + width) };
        let bias = self.product.bias.map(|bias| &bias[column..column + width]);
        if starts.len() == MR && width.is_multiple_of(QUAD) {
            let to = core::array::from_fn(|r| row(r).as_mut_ptr());
            let from = match (first, bias) {
                (true, Some(bias)) => [bias.as_ptr(); MR],
                (true, None) => [ZEROS.as_ptr(); MR],
                (false, _) => to.map(|row| row.cast_const()),
            };
            // SAFETY: `a` and `b` hold kc steps; `to` and `from` point to `width` values.
            unsafe {
                if width == NR {
                    tile::<2>(kc, a.as_ptr(), b.as_ptr(), from, to);
                } else {
                    tile::<1>(kc, a.as_ptr(), b.as_ptr(), from, to);
                }
            }
            return;
        }
        let mut sums = [[0.0; NR]; MR];
        let to = sums.each_mut().map(|row| row.as_mut_ptr());
        // SAFETY: `a` and `b` hold kc steps; `to` and `from` point to NR values.
        unsafe {
            if width > QUAD {
                tile::<2>(kc, a.as_ptr(), b.as_ptr(), [ZEROS.as_ptr(); MR], to);
            } else {
                tile::<1>(kc, a.as_ptr(), b.as_ptr(), [ZEROS.as_ptr(); MR], to);
            }
        }
        for (r, sums) in sums.iter().enumerate().take(starts.len()) {
            let row = row(r);
            for (j, out) in row.iter_mut().enumerate() {
                let before = if first { bias.map_or(0.0, |bias| bias[j]) } else { *out };
                *out = before + sums[j];
            }
        }
    }
}

/// The length of equal parts, each at most `largest`, of which the fewest make up `len`; at least 1.
fn even_part(len: usize, largest: usize) -> usize {
    len.div_ceil(len.div_ceil(largest).max(1)).max(1)
}

/// `range` in blocks of `len`; one empty block when it is empty, so that outputs are still written.
fn blocks(range: &Range<usize>, len: usize) -> impl Iterator<Item = Range<usize>> {
    let (start, end) = (range.start, range.end);
    (0..(end - start).div_ceil(len).max(1)).map(move |i| start + i * len..end.min(start + (i + 1) * len))
}
