//! Selection, k-WTA and convolutions of its output, on one thread.

use criterion::{criterion_group, criterion_main, BatchSize, BenchmarkId, Criterion, Throughput};
use kwta_kernels::conv2d::{sparse, Conv2dShape};
use kwta_kernels::kwta::{self, Ties};
use kwta_kernels::select::{kth_largest, scratch_len};
use kwta_kernels::sparse::{compress_nonzero, Pattern, SparseShape};
use std::hint::black_box;

/// Values in [-1, 1) without visible order.
fn values(len: usize) -> Vec<f32> {
    let mut state = 0x5851_f42d_4c95_7f2du64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..len).map(|_| next()).collect()
}

fn selection(criterion: &mut Criterion) {
    const N: usize = 65_536;
    const K: usize = 6_553;
    let orders: [(&str, Vec<f32>); 6] = [
        ("random", values(N)),
        ("ascending", (0..N).map(|i| i as f32).collect()),
        ("organ pipe", (0..N).map(|i| i.min(N - i) as f32).collect()),
        ("all equal", vec![0.5; N]),
        ("two values", (0..N).map(|i| f32::from(u8::from(i * 7 % 13 < 6))).collect()),
        ("median-of-3 killer", (0..N).map(median_of_three_killer).collect()),
    ];
    let mut group = criterion.benchmark_group("select 6,553 of 65,536");
    for (name, order) in &orders {
        let mut scratch = vec![0.0; scratch_len(N)];
        group.bench_function(BenchmarkId::new("kth_largest", name), |bench| {
            bench.iter(|| kth_largest(black_box(order), K, &mut scratch));
        });
        group.bench_function(BenchmarkId::new("select_nth_unstable_by", name), |bench| {
            let by_size = |copy: &mut Vec<f32>| *copy.select_nth_unstable_by(K - 1, |a, b| b.total_cmp(a)).1;
            bench.iter_batched_ref(|| order.clone(), by_size, BatchSize::LargeInput);
        });
    }
    group.finish();
}

/// Musser's sequence of even length `N`, on which the median of first, middle and last is a bad pivot.
fn median_of_three_killer(i: usize) -> f32 {
    const HALF: usize = 32_768;
    let v = match i {
        _ if i >= HALF => 2 * (i - HALF) + 2,
        _ if i.is_multiple_of(2) => i + 1,
        _ => HALF + i,
    };
    v as f32
}

/// Compressed activations of one sample.
struct Activations {
    shape: SparseShape,
    start: Vec<u32>,
    channel: Vec<u32>,
    value: Vec<f32>,
}

impl Activations {
    fn new(pixels: usize, channels: usize, capacity: usize) -> Self {
        let shape = SparseShape { n: 1, pixels, channels, capacity };
        let (start, channel) = (vec![0; shape.start_len()], vec![0; capacity]);
        Self { shape, start, channel, value: vec![0.0; capacity] }
    }

    fn kwta(&mut self, x: &[f32]) {
        let Self { shape, start, channel, value } = self;
        kwta::forward(shape, x, shape.capacity, Ties::Lowest, start, channel, value).expect("no NaN");
    }
}

fn activations(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("activation");
    let x = values(65_536);
    group.throughput(Throughput::Elements(65_536));
    let mut winners = Activations::new(1_024, 64, 6_553);
    group.bench_function("k-WTA 1,024 x 64, k = 6,553", |bench| bench.iter(|| winners.kwta(black_box(&x))));
    let mut positive = Activations::new(1_024, 64, 65_536);
    let x: Vec<f32> = x.iter().map(|v| v.max(0.0)).collect();
    group.bench_function("what is not zero of 1,024 x 64", |bench| {
        let Activations { shape, start, channel, value } = &mut positive;
        bench.iter(|| compress_nonzero(shape, black_box(&x), start, channel, value));
    });
    group.finish();
}

fn convolutions(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("conv2d sparse, gamma 0.1");
    // The stages of ResNet-18 on CIFAR, a step between two, and its shortcut.
    for (side, c_in, c_out, kernel, stride) in
        [(32, 64, 64, 3, 1), (16, 128, 128, 3, 1), (8, 256, 256, 3, 1), (32, 64, 128, 3, 2), (32, 64, 128, 1, 2)]
    {
        let padding = kernel / 2;
        let shape = Conv2dShape { n: 1, h: side, w: side, c_in, c_out, kh: kernel, kw: kernel, stride, padding };
        let mut x = Activations::new(side * side, c_in, shape.x_len() / 10);
        x.kwta(&values(shape.x_len()));
        let pattern = Pattern::new(x.shape, &x.start, &x.channel);
        let (mut weight, mut y) = (values(shape.weight_len()), values(shape.y_len()));
        let mut dvalue = vec![0.0; x.value.len()];
        // What a dense pass would take: comparable with the dense benches.
        group.throughput(Throughput::Elements((2 * shape.y_len() * kernel * kernel * c_in) as u64));
        let id =
            |pass: &str| BenchmarkId::new(pass, format!("{side}x{side}x{c_in} to {c_out}, {kernel}x{kernel}/{stride}"));
        group.bench_function(id("forward"), |bench| {
            bench.iter(|| sparse::forward(&shape, &pattern, black_box(&x.value), &weight, None, &mut y));
        });
        group.bench_function(id("weight gradient"), |bench| {
            bench.iter(|| sparse::weight_gradient(&shape, &pattern, black_box(&x.value), &y, &mut weight));
        });
        group.bench_function(id("input gradient"), |bench| {
            bench.iter(|| sparse::input_gradient(&shape, &pattern, black_box(&y), &weight, &mut dvalue));
        });
    }
    group.finish();
}

criterion_group!(benches, selection, activations, convolutions);
criterion_main!(benches);
