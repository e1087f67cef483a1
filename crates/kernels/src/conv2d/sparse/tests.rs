use super::*;
use crate::kwta::{self, Ties};
use crate::reference;
use crate::sparse::{add_to_dense, compress_nonzero, densify, SparseShape};
use crate::testing::{assert_same_bits, values};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// A compressed random input with everything a convolution of it needs.
struct Case {
    shape: Conv2dShape,
    sparse: SparseShape,
    start: Vec<u32>,
    channel: Vec<u32>,
    value: Vec<f32>,
    x: Vec<f32>,
    weight: Vec<f32>,
    bias: Vec<f32>,
    dy: Vec<f32>,
}

impl Case {
    /// The `keep` largest of each sample are entries; every third pixel of the first sample is low.
    fn new(shape: Conv2dShape, keep: usize) -> Self {
        let (pixels, channels) = (shape.h * shape.w, shape.c_in);
        let mut x = values(1, shape.x_len());
        for pixel in (0..pixels).step_by(3) {
            x[pixel * channels..][..channels].iter_mut().for_each(|v| *v -= 2.0);
        }
        let sparse = SparseShape { n: shape.n, pixels, channels, capacity: pixels * channels };
        let (mut start, mut channel) = (vec![0; sparse.start_len()], vec![u32::MAX; sparse.entries_len()]);
        let mut value = vec![f32::NAN; sparse.entries_len()];
        if keep == 0 {
            compress_nonzero(&sparse, &vec![0.0; x.len()], &mut start, &mut channel, &mut value);
        } else {
            let keep = keep.min(sparse.sample_len());
            kwta::forward(&sparse, &x, keep, Ties::Lowest, &mut start, &mut channel, &mut value).unwrap();
        }
        densify(&Pattern::new(sparse, &start, &channel), &value, &mut x);
        let weight = values(2, shape.weight_len());
        let (bias, dy) = (values(3, shape.c_out), values(4, shape.y_len()));
        Self { shape, sparse, start, channel, value, x, weight, bias, dy }
    }

    fn pattern(&self) -> Pattern<'_> {
        Pattern::new(self.sparse, &self.start, &self.channel)
    }

    /// `y`, `dw` and `dvalue`.
    fn run(&self) -> [Vec<f32>; 3] {
        let (shape, pattern) = (&self.shape, self.pattern());
        let mut y = vec![f32::NAN; shape.y_len()];
        let mut dw = vec![f32::NAN; shape.weight_len()];
        let mut dvalue = vec![f32::NAN; self.sparse.entries_len()];
        forward(shape, &pattern, &self.value, &self.weight, Some(&self.bias), &mut y);
        weight_gradient(shape, &pattern, &self.value, &self.dy, &mut dw);
        input_gradient(shape, &pattern, &self.dy, &self.weight, &mut dvalue);
        [y, dw, dvalue]
    }

    fn check(&self) {
        let (shape, pattern) = (&self.shape, self.pattern());
        let [y, dw, dvalue] = self.run();
        close(&y, &reference::conv2d::forward(shape, &self.x, &self.weight, Some(&self.bias)), shape, "y");
        close(&dw, &reference::conv2d::weight_gradient(shape, &self.x, &self.dy), shape, "dw");
        self.check_at_entries(&dvalue, &self.dy, "dvalue");
        let (dy, between) = self.run_between();
        self.check_at_entries(&between, &dy, "dvalue from a compressed gradient");

        let mut unbiased = vec![f32::NAN; y.len()];
        forward(shape, &pattern, &self.value, &self.weight, None, &mut unbiased);
        close(&unbiased, &reference::conv2d::forward(shape, &self.x, &self.weight, None), shape, "y without bias");
    }

    /// `dvalue` is the input gradient of `dy` at the entries.
    fn check_at_entries(&self, dvalue: &[f32], dy: &[f32], what: &str) {
        let (shape, pattern) = (&self.shape, self.pattern());
        let dx = reference::conv2d::input_gradient(shape, dy, &self.weight);
        let mut at_entries = vec![0.0; dx.len()];
        add_to_dense(&pattern, dvalue, &mut at_entries);
        let mut expected = vec![0.0; dx.len()];
        for s in 0..shape.n {
            pattern.for_each_entry(s, |_, pixel, channel| {
                let place = (s * self.sparse.pixels + pixel) * shape.c_in + channel;
                expected[place] = dx[place];
            });
        }
        close(&at_entries, &expected, shape, what);
    }

    /// `dy` with its negative values set to zero, and the gradient computed from it compressed.
    fn run_between(&self) -> (Vec<f32>, Vec<f32>) {
        let (shape, pixels) = (&self.shape, self.shape.out_h() * self.shape.out_w());
        let sparse = SparseShape { n: shape.n, pixels, channels: shape.c_out, capacity: pixels * shape.c_out };
        let (mut start, mut channel) = (vec![0; sparse.start_len()], vec![u32::MAX; sparse.entries_len()]);
        let mut value = vec![f32::NAN; sparse.entries_len()];
        let positive: Vec<f32> = self.dy.iter().map(|dy| dy.max(0.0)).collect();
        compress_nonzero(&sparse, &positive, &mut start, &mut channel, &mut value);
        let dy_pattern = Pattern::new(sparse, &start, &channel);
        let mut dvalue = vec![f32::NAN; self.sparse.entries_len()];
        input_gradient_between(shape, &self.pattern(), &dy_pattern, &value, &self.weight, &mut dvalue);
        (positive, dvalue)
    }
}

fn close(actual: &[f32], expected: &[f32], shape: &Conv2dShape, what: &str) {
    for (i, (a, e)) in actual.iter().zip(expected).enumerate() {
        assert!((a - e).abs() <= 1e-5 * (1.0 + e.abs()), "{what}[{i}] = {a}, not {e}: {shape:?}");
    }
}

const SHAPE: Conv2dShape = Conv2dShape { n: 2, h: 7, w: 6, c_in: 5, c_out: 8, kh: 3, kw: 3, stride: 1, padding: 1 };

#[test]
fn kernels_strides_and_paddings() {
    for k in [1, 3, 5, 7] {
        for stride in 1..=3 {
            for padding in 0..=3 {
                for c_out in [3, 8] {
                    let shape = Conv2dShape { kh: k, kw: k, stride, padding, c_out, ..SHAPE };
                    if shape.h + 2 * padding >= k && shape.w + 2 * padding >= k {
                        Case::new(shape, 30).check();
                    }
                }
            }
        }
    }
    for (kh, kw) in [(1, 3), (5, 2), (2, 4)] {
        Case::new(Conv2dShape { kh, kw, stride: 2, ..SHAPE }, 30).check();
    }
}

#[test]
fn every_width_of_block() {
    for c_out in [1, 2, 3, 4, 5, 7, 8, 10, 16, 31, 32, 33, 64, 70] {
        Case::new(Conv2dShape { c_out, ..SHAPE }, 40).check();
    }
}

#[test]
fn every_density() {
    for keep in [0, 1, 20, 7 * 6 * 5] {
        for c_in in [1, 5, 19] {
            Case::new(Conv2dShape { c_in, ..SHAPE }, keep * c_in / 5).check();
        }
    }
}

#[test]
fn batches_larger_than_a_tile() {
    Case::new(Conv2dShape { n: 1, h: 33, w: 17, c_in: 3, ..SHAPE }, 200).check();
    Case::new(Conv2dShape { n: 40, h: 4, w: 4, c_in: 3, stride: 2, ..SHAPE }, 9).check();
}

#[test]
fn more_input_channels_than_a_chunk() {
    for c_in in [227, 228, 500] {
        Case::new(Conv2dShape { h: 3, w: 4, c_in, c_out: 36, ..SHAPE }, 3 * 4 * c_in / 9).check();
    }
}

#[test]
fn linear_layers() {
    let linear = Conv2dShape { h: 1, w: 1, kh: 1, kw: 1, padding: 0, ..SHAPE };
    Case::new(Conv2dShape { n: 1, c_in: 500, c_out: 70, ..linear }, 50).check();
    Case::new(Conv2dShape { n: 300, c_in: 20, c_out: 10, ..linear }, 4).check();
}

#[test]
fn weight_gradient_of_several_rounds() {
    // More values than one round takes.
    let shape = Conv2dShape { n: 9, h: 40, w: 40, c_in: 4, c_out: 160, kh: 1, kw: 1, padding: 1, ..SHAPE };
    let case = Case::new(shape, 300);
    let sample_values = 42 * 42 * 160 + 2 * case.sparse.capacity;
    assert!(9 * sample_values > 1 << 21, "the case no longer needs two rounds");
    let mut dw = vec![f32::NAN; shape.weight_len()];
    weight_gradient(&shape, &case.pattern(), &case.value, &case.dy, &mut dw);
    close(&dw, &reference::conv2d::weight_gradient(&shape, &case.x, &case.dy), &shape, "dw");
}

#[test]
#[should_panic(expected = "channel: 5 of 5")]
fn channels_out_of_range_panic() {
    let mut case = Case::new(SHAPE, 10);
    case.channel[3] = 5;
    forward(&SHAPE, &case.pattern(), &case.value, &case.weight, None, &mut vec![0.0; SHAPE.y_len()]);
}

#[test]
fn bits_do_not_depend_on_threads() {
    for n in [1, 5] {
        let case = Case::new(Conv2dShape { n, h: 12, w: 11, c_in: 20, c_out: 45, ..SHAPE }, 300);
        assert_same_bits(|| {
            let [mut all, dw, dvalue] = case.run();
            all.extend(dw);
            let (_, between) = case.run_between();
            for s in 0..n {
                let entries = s * case.sparse.capacity..s * case.sparse.capacity + case.pattern().count(s);
                all.extend(&dvalue[entries.clone()]);
                all.extend(&between[entries]);
            }
            all
        });
    }
}
