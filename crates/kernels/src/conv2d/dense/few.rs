//! First layers: so few input channels and taps that packing operands of a matrix product would cost more than the
//! product. Images get margins, and pixels are multiplied where they lie.
//!
//! - forward: `V` vectors of output channels of two pixels in registers, over all taps;
//! - weight gradient: `V` vectors of two rows in registers, over all pixels of a sample;
//! - input gradient of a compressed `dy`: `few/entries.rs`.

mod entries;

pub use entries::{input_gradient_of_entries, takes_entries};

use crate::conv2d::block::{blocks, run_block, Block, Lanes};
use crate::conv2d::Conv2dShape;
use crate::parallel::{for_each_chunk_mut, Disjoint};
use crate::scratch;

/// Most weights of an output channel.
const MOST: usize = 32;

/// Whether a convolution has so few.
pub(super) fn applies(shape: &Conv2dShape) -> bool {
    (1..=MOST).contains(&taps(shape))
}

fn taps(shape: &Conv2dShape) -> usize {
    shape.kh * shape.kw * shape.c_in
}

/// An image with margins.
#[derive(Clone, Copy)]
struct Padded {
    rows: usize,
    /// Values of a row.
    row_len: usize,
}

impl Padded {
    fn new(shape: &Conv2dShape) -> Self {
        Self { rows: shape.h + 2 * shape.padding, row_len: (shape.w + 2 * shape.padding) * shape.c_in }
    }

    fn len(&self) -> usize {
        self.rows * self.row_len
    }

    /// The rows of the image itself, without margins at the sides.
    fn inner<'a>(&self, shape: &Conv2dShape, padded: &'a mut [f32]) -> impl Iterator<Item = &'a mut [f32]> {
        let (side, len) = (shape.padding * shape.c_in, shape.w * shape.c_in);
        padded.chunks_exact_mut(self.row_len).skip(shape.padding).map(move |row| &mut row[side..side + len])
    }

    fn fill(&self, shape: &Conv2dShape, x: &[f32], padded: &mut [f32]) {
        padded.fill(0.0);
        for (row, x) in self.inner(shape, padded).zip(x.chunks_exact(shape.w * shape.c_in)) {
            row.copy_from_slice(x);
        }
    }

    /// Where the patch of an output pixel begins.
    fn patch(&self, shape: &Conv2dShape, oy: usize, ox: usize) -> usize {
        oy * shape.stride * self.row_len + ox * shape.stride * shape.c_in
    }

    /// For each weight of an output channel, in the order `(ky, kx, c)`: its value's place in a patch, and its row in
    /// a block of weights.
    fn terms(&self, shape: &Conv2dShape) -> impl Iterator<Item = (usize, usize)> + use<> {
        let (row_len, Conv2dShape { c_in, kh, kw, .. }) = (self.row_len, *shape);
        let width = shape.block_width();
        (0..kh * kw * c_in).map(move |i| {
            let (ky, kx, c) = (i / (kw * c_in), i / c_in % kw, i % c_in);
            (ky * row_len + kx * c_in + c, (c * kh * kw + ky * kw + kx) * width)
        })
    }

    /// [`Self::terms`] in an array, of which the first [`taps`] are in use.
    fn all_terms(&self, shape: &Conv2dShape) -> [(usize, usize); MOST] {
        let mut terms = [(0, 0); MOST];
        terms.iter_mut().zip(self.terms(shape)).for_each(|(slot, term)| *slot = term);
        terms
    }
}

/// `y`, as [`super::forward`].
pub(super) fn forward(shape: &Conv2dShape, x: &[f32], weight: &[f32], bias: Option<&[f32]>, y: &mut [f32]) {
    let padded = Padded::new(shape);
    let terms = &padded.all_terms(shape)[..taps(shape)];
    for_each_chunk_mut(y, shape.out_h() * shape.out_w() * shape.c_out, |s, y| {
        let len = shape.h * shape.w * shape.c_in;
        scratch::with(padded.len(), |image| {
            padded.fill(shape, &x[s * len..][..len], image);
            let y = &Disjoint::new(y);
            for block in 0..blocks(shape) {
                run_block(shape, block, &Outputs { shape, padded, image, terms, weight, bias, y });
            }
        });
    });
}

/// The outputs of one sample.
struct Outputs<'a> {
    shape: &'a Conv2dShape,
    padded: Padded,
    image: &'a [f32],
    terms: &'a [(usize, usize)],
    weight: &'a [f32],
    bias: Option<&'a [f32]>,
    y: &'a Disjoint<'a, f32>,
}

impl Block for Outputs<'_> {
    // Two pixels of eight vectors would not stay in registers.
    const WIDEST: usize = 4;

    #[inline(never)]
    fn run<L: Lanes, const V: usize>(&self, first: usize) {
        self.rows::<L, V>(first);
    }
}

impl Outputs<'_> {
    #[inline(always)]
    fn rows<L: Lanes, const V: usize>(&self, first: usize) {
        let (out_h, out_w) = (self.shape.out_h(), self.shape.out_w());
        for oy in 0..out_h {
            for ox in (0..out_w / 2 * 2).step_by(2) {
                self.pixels::<L, V, 2>(first, oy, ox);
            }
            if out_w % 2 == 1 {
                self.pixels::<L, V, 1>(first, oy, out_w - 1);
            }
        }
    }

    #[inline(always)]
    fn pixels<L: Lanes, const V: usize, const P: usize>(&self, first: usize, oy: usize, ox: usize) {
        let Conv2dShape { c_in, c_out, stride, .. } = *self.shape;
        let patch = self.padded.patch(self.shape, oy, ox);
        let last = self.padded.patch(self.shape, oy, ox + P - 1) + self.terms.last().map_or(0, |term| term.0);
        assert!(self.terms.is_empty() || last < self.image.len());
        let image = self.image[patch..].as_ptr();
        let image: [*const f32; P] = core::array::from_fn(|p| image.wrapping_add(p * stride * c_in));
        let weight = self.weight[self.shape.weight_index(0, 0, first)..].as_ptr();
        let mut acc = [[L::zero(); V]; P];
        if let Some(bias) = self.bias {
            let bias = bias[first..first + V * L::WIDTH].as_ptr();
            // SAFETY: the slice holds V * WIDTH values.
            acc = [core::array::from_fn(|v| unsafe { L::load(bias.add(v * L::WIDTH)) }); P];
        }
        for &(place, row) in self.terms {
            // SAFETY: the last place of the last patch lies in the image, and places ascend; a row of a block of
            // weights holds the V * WIDTH values from `first` on.
            unsafe {
                let values = image.map(|image| L::splat(image.add(place)));
                let weight = weight.add(row);
                for v in 0..V {
                    let weight = L::load(weight.add(v * L::WIDTH));
                    for (acc, value) in acc.iter_mut().zip(values) {
                        acc[v] = value.mul_add(weight, acc[v]);
                    }
                }
            }
        }
        let target = (oy * self.shape.out_w() + ox) * c_out + first;
        for (p, acc) in acc.iter().enumerate() {
            // SAFETY: one thread has the sample, and the slice ends before the next begins; it holds V * WIDTH values.
            unsafe {
                let y = self.y.slice(target + p * c_out..target + p * c_out + V * L::WIDTH);
                acc.iter().enumerate().for_each(|(v, acc)| acc.store(y.as_mut_ptr().add(v * L::WIDTH)));
            }
        }
    }
}

/// `dw`, as [`super::weight_gradient`]; the sums of the samples are added up in order.
pub(super) fn weight_gradient(shape: &Conv2dShape, x: &[f32], dy: &[f32], dw: &mut [f32]) {
    let padded = Padded::new(shape);
    let terms = &padded.all_terms(shape)[..taps(shape)];
    dw.fill(0.0);
    scratch::with(shape.n * dw.len(), |partial| {
        for_each_chunk_mut(partial, dw.len(), |s, dw| {
            let (x_len, y_len) = (shape.h * shape.w * shape.c_in, shape.out_h() * shape.out_w() * shape.c_out);
            scratch::with(padded.len(), |image| {
                padded.fill(shape, &x[s * x_len..][..x_len], image);
                dw.fill(0.0);
                let (dy, dw) = (&dy[s * y_len..][..y_len], &Disjoint::new(dw));
                for block in 0..blocks(shape) {
                    run_block(shape, block, &Weights { shape, padded, image, terms, dy, dw });
                }
            });
        });
        for partial in partial.chunks_exact(dw.len()) {
            super::add(partial, dw);
        }
    });
}

/// The weight gradient of one sample.
struct Weights<'a> {
    shape: &'a Conv2dShape,
    padded: Padded,
    image: &'a [f32],
    terms: &'a [(usize, usize)],
    dy: &'a [f32],
    dw: &'a Disjoint<'a, f32>,
}

impl Block for Weights<'_> {
    const WIDEST: usize = 4;

    #[inline(never)]
    fn run<L: Lanes, const V: usize>(&self, first: usize) {
        self.rows::<L, V>(first);
    }
}

impl Weights<'_> {
    #[inline(always)]
    fn rows<L: Lanes, const V: usize>(&self, first: usize) {
        let mut pairs = self.terms.chunks_exact(2);
        for pair in pairs.by_ref() {
            self.sum::<L, V, 2>(first, [pair[0], pair[1]]);
        }
        if let [term] = pairs.remainder() {
            self.sum::<L, V, 1>(first, [*term]);
        }
    }

    #[inline(always)]
    fn sum<L: Lanes, const V: usize, const K: usize>(&self, first: usize, terms: [(usize, usize); K]) {
        let (out_h, out_w, c_out) = (self.shape.out_h(), self.shape.out_w(), self.shape.c_out);
        let step = self.shape.stride * self.shape.c_in;
        let last = self.padded.patch(self.shape, out_h - 1, out_w - 1) + terms[K - 1].0;
        assert!(last < self.image.len() && self.dy.len() == out_h * out_w * c_out && first + V * L::WIDTH <= c_out);
        let mut acc = [[L::zero(); V]; K];
        for oy in 0..out_h {
            let image = self.image[self.padded.patch(self.shape, oy, 0)..].as_ptr();
            let mut image = terms.map(|(place, _)| image.wrapping_add(place));
            let mut dy = self.dy[oy * out_w * c_out + first..].as_ptr();
            for _ in 0..out_w {
                // SAFETY: the last pixel's places lie in the image and in dy, as asserted; places ascend.
                unsafe {
                    let values = image.map(|image| L::splat(image));
                    for v in 0..V {
                        let dy = L::load(dy.add(v * L::WIDTH));
                        for (acc, value) in acc.iter_mut().zip(values) {
                            acc[v] = value.mul_add(dy, acc[v]);
                        }
                    }
                }
                image = image.map(|image| image.wrapping_add(step));
                dy = dy.wrapping_add(c_out);
            }
        }
        let block = self.shape.weight_index(0, 0, first);
        for (acc, (_, row)) in acc.iter().zip(terms) {
            // SAFETY: one thread has the sample, and the slice ends before the next begins; it holds V * WIDTH values.
            unsafe {
                let dw = self.dw.slice(block + row..block + row + V * L::WIDTH);
                acc.iter().enumerate().for_each(|(v, acc)| acc.store(dw.as_mut_ptr().add(v * L::WIDTH)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference;
    use crate::testing::{assert_same_bits, values};
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    pub(super) const SHAPE: Conv2dShape =
        Conv2dShape { n: 3, h: 7, w: 6, c_in: 1, c_out: 16, kh: 3, kw: 3, stride: 1, padding: 1 };

    pub(super) fn shapes() -> impl Iterator<Item = Conv2dShape> {
        let widths = [1, 2, 3, 4, 7, 16, 33].map(|c_out| Conv2dShape { c_out, ..SHAPE });
        let channels = [2, 3].map(|c_in| Conv2dShape { c_in, c_out: 40, ..SHAPE });
        let kernels = [(1, 1, 1, 0), (5, 5, 2, 2), (3, 2, 2, 0), (4, 3, 3, 1), (2, 2, 1, 3)]
            .map(|(kh, kw, stride, padding)| Conv2dShape { kh, kw, stride, padding, ..SHAPE });
        widths.into_iter().chain(channels).chain(kernels).inspect(|shape| assert!(applies(shape)))
    }

    pub(super) fn close(actual: &[f32], expected: &[f32], shape: &Conv2dShape, what: &str) {
        assert_eq!(actual.len(), expected.len());
        for (i, (a, e)) in actual.iter().zip(expected).enumerate() {
            assert!((a - e).abs() <= 1e-5 * (1.0 + e.abs()), "{what}[{i}] = {a}, not {e}: {shape:?}");
        }
    }

    #[test]
    fn forward_and_weight_gradient() {
        for shape in shapes() {
            let (x, weight) = (values(1, shape.x_len()), values(2, shape.weight_len()));
            let (bias, dy) = (values(3, shape.c_out), values(4, shape.y_len()));
            for bias in [None, Some(&bias[..])] {
                let mut y = vec![f32::NAN; shape.y_len()];
                forward(&shape, &x, &weight, bias, &mut y);
                close(&y, &reference::conv2d::forward(&shape, &x, &weight, bias), &shape, "y");
            }
            let mut dw = vec![f32::NAN; shape.weight_len()];
            weight_gradient(&shape, &x, &dy, &mut dw);
            close(&dw, &reference::conv2d::weight_gradient(&shape, &x, &dy), &shape, "dw");
        }
    }

    #[test]
    fn same_bits_for_any_threads() {
        let (x, dy) = (values(1, SHAPE.x_len()), values(4, SHAPE.y_len()));
        assert_same_bits(|| {
            let mut dw = vec![0.0; SHAPE.weight_len()];
            weight_gradient(&SHAPE, &x, &dy, &mut dw);
            dw
        });
    }
}
