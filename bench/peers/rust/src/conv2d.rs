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
    Gradients,
}

pub struct Conv2d {
    shape: Conv2dShape,
    pass: Pass,
    x: Vec<f32>,
    weight: Vec<f32>,
    dy: Vec<f32>,
    compressed: Option<Compressed>,
    y: Vec<f32>,
    dx: Vec<f32>,
    dw: Vec<f32>,
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
        let pass = match spec.text("pass") {
            "forward" => Pass::Forward,
            "inputGradient" => Pass::InputGradient,
            "weightGradient" => Pass::WeightGradient,
            _ => Pass::Gradients,
        };
        let x = channels_last(&input("x"), shape.n, shape.c_in);
        let mut weight = vec![0.0; shape.weight_len()];
        for (place, value) in places(&shape).zip(input("weight")) {
            weight[place] = value;
        }
        let dy = channels_last(&input("dy"), shape.n, shape.c_out);
        let k = size("active");
        let compressed = (k < shape.h * shape.w * shape.c_in).then(|| Compressed::new(&shape, &x, k));
        let (y, dx, dw) = (vec![0.0; shape.y_len()], vec![0.0; shape.x_len()], vec![0.0; shape.weight_len()]);
        Self { shape, pass, x, weight, dy, compressed, y, dx, dw }
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
        let Self { shape, x, weight, dy, y, dx, dw, .. } = self;
        if variant == 0 {
            return match self.pass {
                Pass::Forward => dense::forward(shape, x, weight, None, y),
                Pass::InputGradient => dense::input_gradient(shape, dy, weight, dx),
                Pass::WeightGradient => dense::weight_gradient(shape, x, dy, dw),
                Pass::Gradients => {
                    dense::weight_gradient(shape, x, dy, dw);
                    dense::input_gradient(shape, dy, weight, dx);
                }
            };
        }
        let Compressed { shape: sizes, start, channel, value, gradient } = self.compressed.as_mut().expect("sparse");
        let pattern = Pattern::new(*sizes, start, channel);
        match self.pass {
            Pass::Forward => sparse::forward(shape, &pattern, value, weight, None, y),
            Pass::InputGradient => sparse::input_gradient(shape, &pattern, dy, weight, gradient),
            Pass::WeightGradient => sparse::weight_gradient(shape, &pattern, value, dy, dw),
            Pass::Gradients => sparse::gradients(shape, &pattern, value, dy, weight, dw, gradient),
        }
    }

    fn output(&self, variant: usize) -> Vec<f32> {
        let Self { shape, .. } = self;
        let input_gradient = || match &self.compressed {
            Some(compressed) if variant == 1 => {
                let mut dx = vec![0.0; shape.x_len()];
                densify(&compressed.pattern(), &compressed.gradient, &mut dx);
                channels_first(&dx, shape.n, shape.c_in)
            }
            _ => channels_first(&self.dx, shape.n, shape.c_in),
        };
        let weight_gradient = || places(shape).map(|place| self.dw[place]).collect();
        match self.pass {
            Pass::Forward => channels_first(&self.y, shape.n, shape.c_out),
            Pass::InputGradient => input_gradient(),
            Pass::WeightGradient => weight_gradient(),
            Pass::Gradients => [weight_gradient(), input_gradient()].concat(),
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

/// For each weight in PyTorch's order, `[out][in][taps]`, its place in the kernels'.
fn places(shape: &Conv2dShape) -> impl Iterator<Item = usize> + '_ {
    let taps = shape.kh * shape.kw;
    (0..shape.c_out * shape.c_in * taps).map(move |i| {
        let (out, rest) = (i / (shape.c_in * taps), i % (shape.c_in * taps));
        shape.weight_index(rest % taps, rest / taps, out)
    })
}
