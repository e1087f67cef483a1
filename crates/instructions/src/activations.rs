//! Selection of the k largest, and k-WTA's output in compressed form.

use crate::{case, values};
use kwta_kernels::kwta::{self, Ties};
use kwta_kernels::select::{kth_largest, scratch_len};
use kwta_kernels::sparse::{Pattern, SparseShape};
use std::hint::black_box;

const N: usize = 65_536;
const K: usize = 6_553;

pub fn cases() {
    let mut scratch = vec![0.0; scratch_len(N)];
    for (order, values) in [("random", values(N)), ("against the sample", against_the_sample())] {
        case(&format!("select {K} of {N}, {order}"), || {
            black_box(kth_largest(black_box(&values), K, &mut scratch));
        });
    }
    let x = values(N);
    let mut winners = Winners::new(1_024, 64, K);
    case(&format!("k-WTA forward 1024x64, k = {K}"), || winners.choose(black_box(&x)));
}

/// What the first sample of `kth_largest` draws lies beyond all other values.
fn against_the_sample() -> Vec<f32> {
    let mut values = values(N);
    let count = 4 * N.isqrt();
    let stretch = (N / count) as u64;
    for i in 0..count {
        let hash = u64::from((i as u32).wrapping_mul(0x9e37_79b9));
        values[i * stretch as usize + ((hash * stretch) >> 32) as usize] = 2.0 + i as f32;
    }
    values
}

/// The k-WTA output of one sample.
pub struct Winners {
    shape: SparseShape,
    start: Vec<u32>,
    channel: Vec<u32>,
    pub value: Vec<f32>,
}

impl Winners {
    pub fn new(pixels: usize, channels: usize, k: usize) -> Self {
        let shape = SparseShape { n: 1, pixels, channels, capacity: k };
        let start = vec![0; shape.start_len()];
        Self { shape, start, channel: vec![0; k], value: vec![0.0; k] }
    }

    /// One tenth of random values.
    pub fn tenth(pixels: usize, channels: usize) -> Self {
        let mut winners = Self::new(pixels, channels, pixels * channels / 10);
        winners.choose(&values(pixels * channels));
        winners
    }

    fn choose(&mut self, x: &[f32]) {
        let Self { shape, start, channel, value } = self;
        kwta::forward(shape, x, shape.capacity, Ties::Lowest, start, channel, value).expect("no NaN");
    }

    pub fn pattern(&self) -> Pattern<'_> {
        Pattern::new(self.shape, &self.start, &self.channel)
    }
}
