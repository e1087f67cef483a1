//! One pass of a convolution, with its input as a dense tensor and, where a k-WTA made it, compressed.

use kwta_kernels::conv2d::{dense, sparse, Conv2dShape};
use kwta_kernels::kwta::{self, Ties};
use kwta_kernels::sparse::{densify, Pattern, SparseShape};

use crate::{Spec, Task};

/// Activations as a k-WTA layer emits them.
struct Compressed {
    shape: SparseShape,
    start: Vec<u32>,
    channel: Vec<u32>,
    value: Vec<f32>,
    gradient: Vec<f32>,
}

impl Compressed {
    fn new(shape: &Conv2dShape, x: &[f32], k: usize) -> Self {
        let shape = SparseShape { n: shape.n, pixels: shape.h * shape.w, channels: shape.c_in, capacity: k };
        let mut start = vec![0; shape.start_len()];
        let mut channel = vec![0; shape.entries_len()];
        let mut value = vec![0.0; shape.entries_len()];
        kwta::forward(&shape, x, k, Ties::Lowest, &mut start, &mut channel, &mut value).expect("no NaN");
        Self { gradient: vec![0.0; shape.entries_len()], shape, start, channel, value }
    }

    fn pattern(&self) -> Pattern<'_> {
        Pattern::new(self.shape, &self.start, &self.channel)
    }
}

enum Pass {
    Forward,
    InputGradient,
    WeightGradient,
}

pub struct Conv2d {
    shape: Conv2dShape,
    pass: Pass,
    x: Vec<f32>,
    weight: Vec<f32>,
    dy: Vec<f32>,
    compressed: Option<Compressed>,
    /// What the pass computes: y, dx or dw.
    result: Vec<f32>,
}

impl Conv2d {
    pub fn new(spec: &Spec, input: &mut dyn FnMut(&str) -> Vec<f32>) -> Self {
        let size = |key| spec.size(key);
        let shape = Conv2dShape {
            n: size("n"),
            h: size("h"),
            w: size("w"),
            c_in: size("in"),
            c_out: size("out"),
            kh: size("kernel"),
            kw: size("kernel"),
            stride: size("stride"),
            padding: size("padding"),
        };
        let (pass, len) = match spec.text("pass") {
            "forward" => (Pass::Forward, shape.y_len()),
            "inputGradient" => (Pass::InputGradient, shape.x_len()),
            _ => (Pass::WeightGradient, shape.weight_len()),
        };
        let x = channels_last(&input("x"), shape.n, shape.c_in);
        let weight = swap_halves(&input("weight"), shape.c_out, shape.c_in);
        let dy = channels_last(&input("dy"), shape.n, shape.c_out);
        let k = size("active");
        let compressed = (k < shape.h * shape.w * shape.c_in).then(|| Compressed::new(&shape, &x, k));
        Self { shape, pass, x, weight, dy, compressed, result: vec![0.0; len] }
    }
}

impl Task for Conv2d {
    fn variants(&self) -> &'static [&'static str] {
        match self.compressed {
            Some(_) => &["dense", "sparse"],
            None => &["dense"],
        }
    }

    fn run(&mut self, variant: usize) {
        let Self { shape, x, weight, dy, result, .. } = self;
        if variant == 0 {
            return match self.pass {
                Pass::Forward => dense::forward(shape, x, weight, None, result),
                Pass::InputGradient => dense::input_gradient(shape, dy, weight, result),
                Pass::WeightGradient => dense::weight_gradient(shape, x, dy, result),
            };
        }
        let Compressed { shape: sizes, start, channel, value, gradient } = self.compressed.as_mut().expect("sparse");
        let pattern = Pattern::new(*sizes, start, channel);
        match self.pass {
            Pass::Forward => sparse::forward(shape, &pattern, value, weight, None, result),
            Pass::InputGradient => sparse::input_gradient(shape, &pattern, dy, weight, gradient),
            Pass::WeightGradient => sparse::weight_gradient(shape, &pattern, value, dy, result),
        }
    }

    fn output(&self, variant: usize) -> Vec<f32> {
        let Self { shape, .. } = self;
        match (&self.pass, &self.compressed) {
            (Pass::InputGradient, Some(compressed)) if variant == 1 => {
                let mut dx = vec![0.0; shape.x_len()];
                densify(&compressed.pattern(), &compressed.gradient, &mut dx);
                channels_first(&dx, shape.n, shape.c_in)
            }
            (Pass::Forward, _) => channels_first(&self.result, shape.n, shape.c_out),
            (Pass::InputGradient, _) => channels_first(&self.result, shape.n, shape.c_in),
            (Pass::WeightGradient, _) => {
                let taps = shape.kh * shape.kw;
                (0..shape.c_out * shape.c_in * taps)
                    .map(|i| {
                        let (out, rest) = (i / (shape.c_in * taps), i % (shape.c_in * taps));
                        let (c_in, tap) = (rest / taps, rest % taps);
                        self.result[(tap * shape.c_in + c_in) * shape.c_out + out]
                    })
                    .collect()
            }
        }
    }
}

/// `[n][c][pixels]` to `[n][pixels][c]`.
fn channels_last(data: &[f32], n: usize, c: usize) -> Vec<f32> {
    let pixels = data.len() / (n * c);
    let mut result = Vec::with_capacity(data.len());
    for sample in data.chunks_exact(c * pixels) {
        result.extend((0..pixels).flat_map(|p| (0..c).map(move |c| sample[c * pixels + p])));
    }
    result
}

/// `[n][pixels][c]` to `[n][c][pixels]`.
fn channels_first(data: &[f32], n: usize, c: usize) -> Vec<f32> {
    channels_last(data, n, data.len() / (n * c))
}

/// `[out][in][taps]` to `[taps][in][out]`.
fn swap_halves(weight: &[f32], c_out: usize, c_in: usize) -> Vec<f32> {
    let taps = weight.len() / (c_out * c_in);
    let at = move |tap, c, out| weight[(out * c_in + c) * taps + tap];
    (0..taps).flat_map(|tap| (0..c_in).flat_map(move |c| (0..c_out).map(move |out| at(tap, c, out)))).collect()
}
