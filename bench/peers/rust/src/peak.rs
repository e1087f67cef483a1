//! What the processor can do at best: multiply-adds that depend on nothing but each other, and copies.

use kwta_kernels::parallel::{for_each_piece, threads};

use crate::{Spec, Task};

/// Independent sums: they hide the latency of any multiply-add and fit its registers.
#[cfg(target_arch = "x86_64")]
const CHAINS: usize = 12;

type Kernel = fn(rounds: usize) -> f32;

/// A kernel that computes `CHAINS` times `c * a + b` in vectors of `$lanes` floats.
#[cfg(target_arch = "x86_64")]
macro_rules! kernel {
    ($name:ident, $lanes:literal, $splat:path, $store:path, |$c:ident, $a:ident, $b:ident| $step:expr) => {
        fn $name(rounds: usize) -> f32 {
            use core::arch::x86_64::*;
            let (factor, term) = core::hint::black_box((0.999, 0.001));
            let mut lanes = [0.0; $lanes];
            // SAFETY: only compiled where the target has these instructions; `lanes` has room for a vector.
            unsafe {
                let ($a, $b) = ($splat(factor), $splat(term));
                let mut sums: [_; CHAINS] = core::array::from_fn(|i| $splat(i as f32));
                for _ in 0..rounds {
                    for sum in &mut sums {
                        let $c = *sum;
                        *sum = $step;
                    }
                }
                for sum in sums {
                    $store(lanes.as_mut_ptr(), sum);
                    core::hint::black_box(&lanes);
                }
            }
            lanes[0]
        }
    };
}

#[cfg(target_arch = "x86_64")]
kernel!(plain, 4, _mm_set1_ps, _mm_storeu_ps, |c, a, b| _mm_add_ps(_mm_mul_ps(c, a), b));
#[cfg(all(target_arch = "x86_64", target_feature = "fma"))]
kernel!(fused_128, 4, _mm_set1_ps, _mm_storeu_ps, |c, a, b| _mm_fmadd_ps(c, a, b));
#[cfg(all(target_arch = "x86_64", target_feature = "fma"))]
kernel!(fused_256, 8, _mm256_set1_ps, _mm256_storeu_ps, |c, a, b| _mm256_fmadd_ps(c, a, b));
#[cfg(all(target_arch = "x86_64", target_feature = "avx512f"))]
kernel!(fused_512, 16, _mm512_set1_ps, _mm512_storeu_ps, |c, a, b| _mm512_fmadd_ps(c, a, b));

/// Name, floats in a vector and code of each kernel this build has; the widest is last.
const KERNELS: &[(&str, usize, Kernel)] = &[
    #[cfg(target_arch = "x86_64")]
    ("mul+add-128", 4, plain),
    #[cfg(all(target_arch = "x86_64", target_feature = "fma"))]
    ("fma-128", 4, fused_128),
    #[cfg(all(target_arch = "x86_64", target_feature = "fma"))]
    ("fma-256", 8, fused_256),
    #[cfg(all(target_arch = "x86_64", target_feature = "avx512f"))]
    ("fma-512", 16, fused_512),
];
const NAMES: [&str; KERNELS.len()] = {
    let mut names = [""; KERNELS.len()];
    let mut i = 0;
    while i < names.len() {
        names[i] = KERNELS[i].0;
        i += 1;
    }
    names
};

/// Floating-point operations of one run.
pub const FLOPS: usize = 1 << 28;

/// Name of the fastest kernel, if there is any.
pub fn fastest() -> Option<&'static str> {
    NAMES.last().copied()
}

pub struct Peak;

impl Task for Peak {
    fn variants(&self) -> &'static [&'static str] {
        &NAMES
    }

    #[cfg(target_arch = "x86_64")]
    fn run(&mut self, variant: usize) {
        let (_, lanes, kernel) = KERNELS[variant];
        for_each_piece(threads(), |_| {
            kernel(FLOPS / threads() / (2 * lanes * CHAINS));
        });
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn run(&mut self, _variant: usize) {}

    fn output(&self, _variant: usize) -> Vec<f32> {
        Vec::new()
    }
}

/// Each thread copies within memory of its own.
pub struct Copy {
    times: usize,
    buffers: Vec<std::sync::Mutex<[Vec<f32>; 2]>>,
}

impl Copy {
    pub fn new(spec: &Spec) -> Self {
        let len = spec.size("bytes") / 4;
        let buffers = (0..threads()).map(|_| [vec![1.0; len], vec![0.0; len]].into()).collect();
        Self { times: spec.size("times") / threads(), buffers }
    }
}

impl Task for Copy {
    fn variants(&self) -> &'static [&'static str] {
        &["copy"]
    }

    fn run(&mut self, _variant: usize) {
        for_each_piece(self.buffers.len(), |i| {
            let mut buffers = self.buffers[i].lock().expect("no panic");
            let [from, to] = &mut *buffers;
            for _ in 0..self.times {
                to.copy_from_slice(core::hint::black_box(from));
                core::hint::black_box(&*to);
            }
        });
    }

    fn output(&self, _variant: usize) -> Vec<f32> {
        Vec::new()
    }
}
