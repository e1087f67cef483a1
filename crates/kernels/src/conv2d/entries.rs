//! Input gradient of a dense input where `dy` is compressed: in an attack, before a k-WTA layer. It costs what the
//! entries of `dy` cost.
//!
//! With few input channels it adds up patches of the input (`dense/few/entries.rs`). Otherwise, with a stride of 1, it
//! is a forward pass over the entries (`sparse/forward.rs`) with the kernel turned round and input and output channels
//! exchanged.

use super::{dense, sparse, Conv2dShape};
use crate::parallel::for_each_chunk_mut;
use crate::scratch;
use crate::sparse::Pattern;

/// Whether [`input_gradient`] takes such a convolution.
pub fn apply(shape: &Conv2dShape) -> bool {
    dense::takes_entries(shape) || (shape.stride == 1 && shape.kh == shape.kw && shape.padding < shape.kh)
}

/// `dx [n][h][w][c_in]` from `dy_value` at the entries of `dy [n][out_h * out_w][c_out]`; `dy` is zero elsewhere.
pub fn input_gradient(shape: &Conv2dShape, dy: &Pattern, dy_value: &[f32], weight: &[f32], dx: &mut [f32]) {
    assert!(apply(shape), "shape: neither few channels nor stride 1 and a square kernel, {shape:?}");
    if dense::takes_entries(shape) {
        dense::input_gradient_of_entries(shape, dy, dy_value, weight, dx);
        return;
    }
    assert_eq!(weight.len(), shape.weight_len(), "weight");
    let turned = shape.turned();
    scratch::with(turned.weight_len(), |turned_weight| {
        turn(shape, &turned, weight, turned_weight);
        sparse::forward(&turned, dy, dy_value, turned_weight, None, dx);
    });
}

/// The weights from `turned`'s input channels, the outputs of `shape`, to its output channels, taps in reverse.
fn turn(shape: &Conv2dShape, turned: &Conv2dShape, weight: &[f32], turned_weight: &mut [f32]) {
    let (taps, width) = (shape.kh * shape.kw, turned.block_width());
    for_each_chunk_mut(turned_weight, turned.block_len(), |block, target| {
        let first = block * width;
        let channels = width.min(shape.c_in - first);
        for (row, target) in target.chunks_exact_mut(width).enumerate() {
            let source = shape.weight_index(taps - 1 - row % taps, first, row / taps);
            let (inside, past) = target.split_at_mut(channels);
            for (c, value) in inside.iter_mut().enumerate() {
                *value = weight[source + c * taps * shape.block_width()];
            }
            past.fill(0.0);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference;
    use crate::sparse::{compress_nonzero, SparseShape};
    use crate::testing::{assert_same_bits, values};
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const SHAPE: Conv2dShape =
        Conv2dShape { n: 3, h: 7, w: 6, c_in: 20, c_out: 36, kh: 3, kw: 3, stride: 1, padding: 1 };

    /// `dx` and what it should be, for a `dy` whose share of entries grows with `shift`.
    fn run(shape: &Conv2dShape, shift: f32) -> [Vec<f32>; 2] {
        let pixels = shape.out_h() * shape.out_w();
        let sparse = SparseShape { n: shape.n, pixels, channels: shape.c_out, capacity: pixels * shape.c_out };
        let dy: Vec<f32> = values(4, shape.y_len()).iter().map(|v| (v + shift).max(0.0)).collect();
        let (mut start, mut channel) = (vec![0; sparse.start_len()], vec![u32::MAX; sparse.entries_len()]);
        let mut value = vec![f32::NAN; sparse.entries_len()];
        compress_nonzero(&sparse, &dy, &mut start, &mut channel, &mut value);
        let weight = values(2, shape.weight_len());
        let mut dx = vec![f32::NAN; shape.x_len()];
        input_gradient(shape, &Pattern::new(sparse, &start, &channel), &value, &weight, &mut dx);
        [dx, reference::conv2d::input_gradient(shape, &dy, &weight)]
    }

    #[test]
    fn every_density_width_and_kernel() {
        let channels = [1, 4, 31, 32, 33, 70].map(|c_in| Conv2dShape { c_in, ..SHAPE });
        let kernels =
            [(1, 0), (3, 0), (3, 2), (5, 1)].map(|(k, padding)| Conv2dShape { kh: k, kw: k, padding, ..SHAPE });
        for shape in channels.into_iter().chain(kernels) {
            for shift in [-2.0, -0.8, 0.0, 2.0] {
                let [dx, expected] = run(&shape, shift);
                for (i, (a, e)) in dx.iter().zip(&expected).enumerate() {
                    assert!((a - e).abs() <= 4e-5 * (1.0 + e.abs()), "dx[{i}] = {a}, not {e}: {shape:?}");
                }
            }
        }
    }

    #[test]
    fn strides_and_oblong_kernels_only_for_few_channels() {
        assert!(!apply(&Conv2dShape { stride: 2, ..SHAPE }));
        assert!(!apply(&Conv2dShape { kw: 2, c_in: 30, ..SHAPE }));
        assert!(!apply(&Conv2dShape { padding: 3, ..SHAPE }));
        assert!(apply(&Conv2dShape { stride: 2, c_in: 3, ..SHAPE }));
    }

    #[test]
    fn same_bits_for_any_threads() {
        assert_same_bits(|| run(&SHAPE, -0.5).concat());
    }
}
