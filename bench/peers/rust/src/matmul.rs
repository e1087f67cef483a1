//! c = a b.

use kwta_kernels::matmul::matmul;

use crate::{Spec, Task};

pub struct Matmul {
    size: [usize; 3],
    a: Vec<f32>,
    b: Vec<f32>,
    c: Vec<f32>,
}

impl Matmul {
    pub fn new(spec: &Spec, input: &mut dyn FnMut(&str) -> Vec<f32>) -> Self {
        let size @ [m, n, _] = ["m", "n", "k"].map(|key| spec.size(key));
        Self { size, a: input("a"), b: input("b"), c: vec![0.0; m * n] }
    }
}

impl Task for Matmul {
    fn variants(&self) -> &'static [&'static str] {
        &["matmul"]
    }

    fn run(&mut self, _variant: usize) {
        let [m, n, k] = self.size;
        matmul(m, n, k, &self.a, false, &self.b, false, &mut self.c);
    }

    fn output(&self, _variant: usize) -> Vec<f32> {
        self.c.clone()
    }
}
