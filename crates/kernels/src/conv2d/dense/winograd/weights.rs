//! Points of the weights, packed as the columns of the products: `[panel of NR lines][point][k][NR]`. Lines are output
//! channels and k runs over input channels, or the other way round for the input gradient.

use super::transforms::{kernel_to_points, POINTS};
use crate::conv2d::Conv2dShape;
use crate::matmul::kernel::NR;
use crate::matmul::pack::{interleave, QUAD};
use crate::parallel::for_each_chunk_mut;
use crate::scratch;
use crate::simd::{F32x4, Vector, LANES};

/// Lines are output channels.
pub(super) fn to_points(shape: &Conv2dShape, weight: &[f32], points: &mut [f32]) {
    let c_in = shape.c_in;
    for_each_chunk_mut(points, POINTS * c_in * NR, |panel, points| {
        for c in 0..c_in {
            for lane in (0..NR).step_by(LANES) {
                let first = shape.weight_index(0, c, panel * NR + lane);
                let taps = core::array::from_fn(|tap| F32x4::load(&weight[first + tap * shape.block_width()..]));
                for (point, value) in kernel_to_points(taps).into_iter().enumerate() {
                    value.store(&mut points[(point * c_in + c) * NR + lane..]);
                }
            }
        }
    });
}

/// Lines are input channels, and the kernel is turned round.
pub(super) fn turned_to_points(shape: &Conv2dShape, weight: &[f32], points: &mut [f32]) {
    /// Output channels transformed before they are brought in order.
    const WIDTH: usize = 32;
    let (c_out, width) = (shape.c_out, shape.block_width());
    for_each_chunk_mut(points, POINTS * c_out * NR, |panel, points| {
        scratch::with(POINTS * NR * WIDTH, |lines| {
            for first in (0..c_out).step_by(width) {
                let len = width.min(c_out - first);
                for c in 0..NR {
                    for o in (0..len).step_by(LANES) {
                        let at = shape.weight_index(0, panel * NR + c, first + o);
                        let taps = core::array::from_fn(|tap| F32x4::load(&weight[at + (8 - tap) * width..]));
                        for (point, value) in kernel_to_points(taps).into_iter().enumerate() {
                            value.store(&mut lines[(point * NR + c) * WIDTH + o..]);
                        }
                    }
                }
                for (point, lines) in lines.chunks_exact(NR * WIDTH).enumerate() {
                    for quad in (0..NR).step_by(QUAD) {
                        let lines = core::array::from_fn(|l| &lines[(quad + l) * WIDTH..][..len]);
                        interleave(lines, NR, &mut points[(point * c_out + first) * NR + quad..]);
                    }
                }
            }
        });
    });
}
