//! The k-th largest of n values.

use kwta_kernels::select::{kth_largest, scratch_len};

use crate::{Spec, Task};

pub struct Select {
    values: Vec<f32>,
    work: Vec<f32>,
    scratch: Vec<f32>,
    k: usize,
    kth: f32,
}

impl Select {
    pub fn new(spec: &Spec, input: &mut dyn FnMut(&str) -> Vec<f32>) -> Self {
        let values = input("x");
        Self {
            work: values.clone(),
            scratch: vec![0.0; scratch_len(values.len())],
            k: spec.size("k"),
            kth: 0.0,
            values,
        }
    }
}

impl Task for Select {
    fn variants(&self) -> &'static [&'static str] {
        &["kwta", "select_nth_unstable_by"]
    }

    fn reset(&mut self) {
        self.work.copy_from_slice(&self.values);
    }

    fn run(&mut self, variant: usize) {
        self.kth = match variant {
            0 => kth_largest(&self.values, self.k, &mut self.scratch).value,
            _ => *self.work.select_nth_unstable_by(self.k - 1, |a, b| b.total_cmp(a)).1,
        };
    }

    fn output(&self, _variant: usize) -> Vec<f32> {
        vec![self.kth]
    }
}
