//! Input gradient of a compressed `dy [n][out_h * out_w][c_out]` for few input channels, in an attack: the patch of `x`
//! that an output pixel sees, or a row of it, stays in registers over the pixel's entries.

use super::Padded;
use crate::conv2d::Conv2dShape;
use crate::parallel::{for_each_piece, Disjoint};
use crate::scratch;
use crate::simd::{F32x4, Vector, LANES};
use crate::sparse::Pattern;

/// Most vectors that stay in registers beside a weight and a value.
const MOST_VECTORS: usize = 12;

/// The part of a patch that is summed at a time, each row of the kernel in whole vectors.
#[derive(Clone, Copy)]
struct Part {
    /// Rows of the kernel: all, or one.
    rows: usize,
    vectors: usize,
}

impl Part {
    fn of(shape: &Conv2dShape) -> Option<Self> {
        let of_row = (shape.kw * shape.c_in).div_ceil(LANES);
        let part = |rows| Self { rows, vectors: rows * of_row };
        [part(shape.kh), part(1)].into_iter().find(|part| (1..=MOST_VECTORS).contains(&part.vectors))
    }
}

/// Whether [`input_gradient_of_entries`] takes such a convolution.
pub fn takes_entries(shape: &Conv2dShape) -> bool {
    Part::of(shape).is_some()
}

/// `dx`, as [`input_gradient`](crate::conv2d::dense::input_gradient), from the gradient `dy_value` at the entries of
/// `dy`; it is zero elsewhere.
pub fn input_gradient_of_entries(shape: &Conv2dShape, dy: &Pattern, dy_value: &[f32], weight: &[f32], dx: &mut [f32]) {
    let part = Part::of(shape);
    let part = part.unwrap_or_else(|| panic!("shape: a row of a patch has more than {MOST_VECTORS} vectors"));
    assert_eq!(dy.shape.n, shape.n, "dy: n");
    assert_eq!(dy.shape.pixels, shape.out_h() * shape.out_w(), "dy: pixels");
    assert_eq!(dy.shape.channels, shape.c_out, "dy: channels");
    assert_eq!(dy_value.len(), dy.shape.entries_len(), "dy_value");
    assert_eq!(weight.len(), shape.weight_len(), "weight");
    assert_eq!(dx.len(), shape.x_len(), "dx");
    let padded = Padded::new(shape);
    let (row, stored_row) = (shape.kw * shape.c_in, part.vectors / part.rows * LANES);
    scratch::with(shape.c_out * shape.kh * stored_row, |patches| {
        patches.fill(0.0);
        for (o, patch) in patches.chunks_exact_mut(shape.kh * stored_row).enumerate() {
            for (i, (_, place)) in padded.terms(shape).enumerate() {
                patch[i / row * stored_row + i % row] = weight[shape.weight_index(0, 0, o) + place];
            }
        }
        let (patches, dx) = (&*patches, &Disjoint::new(dx));
        for_each_piece(shape.n, |s| {
            let len = shape.h * shape.w * shape.c_in;
            // SAFETY: each sample is one piece.
            let dx = unsafe { dx.slice(s * len..(s + 1) * len) };
            let sample = Entries { shape, padded, part, dy, value: &dy_value[s * dy.shape.capacity..], patches, s };
            // The last vector of a row may reach past it.
            scratch::with(padded.len() + LANES, |image| {
                image.fill(0.0);
                match part.vectors {
                    1 => sample.add::<1>(image),
                    2 => sample.add::<2>(image),
                    3 => sample.add::<3>(image),
                    4 => sample.add::<4>(image),
                    5 => sample.add::<5>(image),
                    6 => sample.add::<6>(image),
                    7 => sample.add::<7>(image),
                    8 => sample.add::<8>(image),
                    9 => sample.add::<9>(image),
                    10 => sample.add::<10>(image),
                    11 => sample.add::<11>(image),
                    _ => sample.add::<MOST_VECTORS>(image),
                }
                for (dx, row) in dx.chunks_exact_mut(shape.w * shape.c_in).zip(padded.inner(shape, image)) {
                    dx.copy_from_slice(row);
                }
            });
        });
    });
}

/// One sample's compressed `dy`.
struct Entries<'a> {
    shape: &'a Conv2dShape,
    padded: Padded,
    part: Part,
    dy: &'a Pattern<'a>,
    value: &'a [f32],
    /// `[c_out][kh][vectors of a row]`
    patches: &'a [f32],
    s: usize,
}

impl Entries<'_> {
    /// Adds every output pixel's patch to `image`.
    fn add<const V: usize>(&self, image: &mut [f32]) {
        let (out_w, row_len, rows) = (self.shape.out_w(), self.padded.row_len, self.part.rows);
        let (parts, channels) = (self.shape.kh / rows, self.dy.channels(self.s));
        let of_row = V / rows;
        let places: [usize; V] = core::array::from_fn(|v| v / of_row * row_len + v % of_row * LANES);
        for (pixel, range) in self.dy.starts(self.s).windows(2).enumerate() {
            let range = range[0] as usize..range[1] as usize;
            if range.is_empty() {
                continue;
            }
            let first = self.padded.patch(self.shape, pixel / out_w, pixel % out_w);
            for part in 0..parts {
                let mut acc = [F32x4::zero(); V];
                for (&channel, &value) in channels[range.clone()].iter().zip(&self.value[range.clone()]) {
                    let patch = &self.patches[(channel as usize * parts + part) * V * LANES..][..V * LANES];
                    for (acc, weights) in acc.iter_mut().zip(patch.chunks_exact(LANES)) {
                        *acc = F32x4::splat(value).mul_add(F32x4::load(weights), *acc);
                    }
                }
                let image = &mut image[first + part * rows * row_len..];
                for (acc, place) in acc.into_iter().zip(places) {
                    let target = &mut image[place..][..LANES];
                    (F32x4::load(target) + acc).store(target);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{close, shapes, SHAPE};
    use super::*;
    use crate::reference;
    use crate::sparse::{compress_nonzero, SparseShape};
    use crate::testing::values;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn input_gradient_of_every_density() {
        let rows = [(16, 3, 3, 2, 1), (11, 4, 3, 1, 0), (5, 3, 4, 3, 2), (48, 2, 1, 2, 1)]
            .map(|(c_in, kh, kw, stride, padding)| Conv2dShape { c_in, kh, kw, stride, padding, c_out: 40, ..SHAPE });
        for shape in shapes().chain(rows) {
            assert!(takes_entries(&shape));
            let weight = values(2, shape.weight_len());
            let pixels = shape.out_h() * shape.out_w();
            let sparse = SparseShape { n: shape.n, pixels, channels: shape.c_out, capacity: pixels * shape.c_out };
            for shift in [-2.0, -0.8, 0.0, 2.0] {
                let dy: Vec<f32> = values(4, shape.y_len()).iter().map(|v| (v + shift).max(0.0)).collect();
                let (mut start, mut channel) = (vec![0; sparse.start_len()], vec![u32::MAX; sparse.entries_len()]);
                let mut value = vec![f32::NAN; sparse.entries_len()];
                compress_nonzero(&sparse, &dy, &mut start, &mut channel, &mut value);
                let mut dx = vec![f32::NAN; shape.x_len()];
                let pattern = Pattern::new(sparse, &start, &channel);
                input_gradient_of_entries(&shape, &pattern, &value, &weight, &mut dx);
                close(&dx, &reference::conv2d::input_gradient(&shape, &dy, &weight), &shape, "dx");
            }
        }
    }
}
