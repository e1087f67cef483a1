//! Input gradient of a compressed `dy [n][out_h * out_w][c_out]`, in an attack on a network that begins with k-WTA: the
//! patch of `x` that an output pixel sees stays in registers, over the pixel's entries.

use super::{applies, taps, Padded, MOST};
use crate::conv2d::Conv2dShape;
use crate::parallel::{for_each_piece, Disjoint};
use crate::scratch;
use crate::simd::{F32x4, LANES};
use crate::sparse::Pattern;

/// `dx`, as [`input_gradient`](crate::conv2d::dense::input_gradient), from the gradient `dy_value` at the entries of
/// `dy`; it is zero elsewhere.
pub fn input_gradient_of_entries(shape: &Conv2dShape, dy: &Pattern, dy_value: &[f32], weight: &[f32], dx: &mut [f32]) {
    assert!(applies(shape), "shape: more than {MOST} weights of an output channel");
    assert_eq!(dy.shape.n, shape.n, "dy: n");
    assert_eq!(dy.shape.pixels, shape.out_h() * shape.out_w(), "dy: pixels");
    assert_eq!(dy.shape.channels, shape.c_out, "dy: channels");
    assert_eq!(dy_value.len(), dy.shape.entries_len(), "dy_value");
    assert_eq!(weight.len(), shape.weight_len(), "weight");
    assert_eq!(dx.len(), shape.x_len(), "dx");
    let padded = Padded::new(shape);
    // Of each output channel its weights, in whole vectors.
    let vectors = taps(shape).div_ceil(LANES);
    scratch::with(shape.c_out * vectors * LANES, |patches| {
        patches.fill(0.0);
        for (o, patch) in patches.chunks_exact_mut(vectors * LANES).enumerate() {
            for (slot, (_, row)) in patch.iter_mut().zip(padded.terms(shape)) {
                *slot = weight[shape.weight_index(0, 0, o) + row];
            }
        }
        let (patches, dx) = (&*patches, &Disjoint::new(dx));
        for_each_piece(shape.n, |s| {
            let len = shape.h * shape.w * shape.c_in;
            // SAFETY: each sample is one piece.
            let dx = unsafe { dx.slice(s * len..(s + 1) * len) };
            let sample = Entries { shape, padded, dy, value: &dy_value[s * dy.shape.capacity..], patches, s };
            scratch::with(padded.len(), |image| {
                image.fill(0.0);
                match vectors {
                    0 => {}
                    1 => sample.add::<1>(image),
                    2 => sample.add::<2>(image),
                    3 => sample.add::<3>(image),
                    4 => sample.add::<4>(image),
                    5 => sample.add::<5>(image),
                    6 => sample.add::<6>(image),
                    7 => sample.add::<7>(image),
                    _ => sample.add::<8>(image),
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
    dy: &'a Pattern<'a>,
    value: &'a [f32],
    /// `[c_out][vectors of weights]`
    patches: &'a [f32],
    s: usize,
}

impl Entries<'_> {
    /// Adds every output pixel's patch to `image`.
    fn add<const V: usize>(&self, image: &mut [f32]) {
        let (out_w, run) = (self.shape.out_w(), self.shape.kw * self.shape.c_in);
        let channels = self.dy.channels(self.s);
        for (pixel, range) in self.dy.starts(self.s).windows(2).enumerate() {
            let range = range[0] as usize..range[1] as usize;
            if range.is_empty() {
                continue;
            }
            let mut acc = [F32x4::zero(); V];
            for (&channel, &value) in channels[range.clone()].iter().zip(&self.value[range]) {
                let patch = &self.patches[channel as usize * V * LANES..][..V * LANES];
                for (acc, weights) in acc.iter_mut().zip(patch.chunks_exact(LANES)) {
                    *acc = F32x4::splat(value).mul_add(F32x4::load(weights), *acc);
                }
            }
            let mut patch = [0.0; MOST];
            for (target, acc) in patch.chunks_exact_mut(LANES).zip(acc) {
                acc.store(target);
            }
            let first = self.padded.patch(self.shape, pixel / out_w, pixel % out_w);
            for (ky, patch) in patch[..taps(self.shape)].chunks_exact(run).enumerate() {
                let row = &mut image[first + ky * self.padded.row_len..][..run];
                for (dx, &v) in row.iter_mut().zip(patch) {
                    *dx += v;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{close, shapes};
    use super::*;
    use crate::reference;
    use crate::sparse::{relu_compress, SparseShape};
    use crate::testing::values;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn input_gradient_of_every_density() {
        for shape in shapes() {
            let weight = values(2, shape.weight_len());
            let pixels = shape.out_h() * shape.out_w();
            let sparse = SparseShape { n: shape.n, pixels, channels: shape.c_out, capacity: pixels * shape.c_out };
            for shift in [-2.0, -0.8, 0.0, 2.0] {
                let dy: Vec<f32> = values(4, shape.y_len()).iter().map(|v| (v + shift).max(0.0)).collect();
                let (mut start, mut channel) = (vec![0; sparse.start_len()], vec![u32::MAX; sparse.entries_len()]);
                let mut value = vec![f32::NAN; sparse.entries_len()];
                relu_compress(&sparse, &dy, &mut start, &mut channel, &mut value);
                let mut dx = vec![f32::NAN; shape.x_len()];
                let pattern = Pattern::new(sparse, &start, &channel);
                input_gradient_of_entries(&shape, &pattern, &value, &weight, &mut dx);
                close(&dx, &reference::conv2d::input_gradient(&shape, &dy, &weight), &shape, "dx");
            }
        }
    }
}
