//! Dense products and convolutions, on one thread. Throughput is in multiplications and additions.

use criterion::{criterion_group, criterion_main, BenchmarkId, Criterion, Throughput};
use kwta_kernels::conv2d::{dense, Conv2dShape};
use kwta_kernels::matmul::matmul;
use std::hint::black_box;

/// Values in [-1, 1).
fn values(len: usize) -> Vec<f32> {
    (0..len).map(|i| (i * 7919 % 1999) as f32 / 1000.0 - 1.0).collect()
}

fn products(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("matmul");
    // Squares, a classifier's last layer, and a stem's matrix of patches.
    for (m, n, k) in [(256, 256, 256), (512, 512, 512), (128, 10, 512), (784, 32, 9)] {
        let (a, b, mut c) = (values(m * k), values(k * n), vec![0.0; m * n]);
        group.throughput(Throughput::Elements((2 * m * n * k) as u64));
        for (layout, at, bt) in [("nn", false, false), ("nt", false, true), ("tn", true, false)] {
            let id = BenchmarkId::new(layout, format!("{m}x{n}x{k}"));
            group.bench_function(id, |bench| bench.iter(|| matmul(m, n, k, black_box(&a), at, &b, bt, &mut c)));
        }
    }
    group.finish();
}

/// One sample of `c_in` channels of `side` x `side`.
fn sample(side: usize, c_in: usize, c_out: usize, kernel: usize, stride: usize) -> Conv2dShape {
    let padding = kernel / 2;
    Conv2dShape { n: 1, h: side, w: side, c_in, c_out, kh: kernel, kw: kernel, stride, padding }
}

fn convolutions(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("conv2d dense");
    // The stages of ResNet-18 on CIFAR, a step between two, its shortcut, and two stems.
    let shapes = [
        sample(32, 64, 64, 3, 1),
        sample(16, 128, 128, 3, 1),
        sample(8, 256, 256, 3, 1),
        Conv2dShape { n: 8, ..sample(4, 512, 512, 3, 1) },
        sample(32, 64, 128, 3, 2),
        sample(32, 64, 128, 1, 2),
        sample(32, 3, 64, 3, 1),
        sample(28, 1, 32, 3, 1),
    ];
    for shape in shapes {
        let Conv2dShape { n, h, c_in, c_out, kh, stride, .. } = shape;
        let (mut x, mut weight, mut y) = (values(shape.x_len()), values(shape.weight_len()), values(shape.y_len()));
        group.throughput(Throughput::Elements((2 * shape.y_len() * kh * kh * c_in) as u64));
        let id = |pass: &str| BenchmarkId::new(pass, format!("{n}x{h}x{h}x{c_in} to {c_out}, {kh}x{kh}/{stride}"));
        group.bench_function(id("forward"), |bench| {
            bench.iter(|| dense::forward(&shape, black_box(&x), &weight, None, &mut y));
        });
        group.bench_function(id("weight gradient"), |bench| {
            bench.iter(|| dense::weight_gradient(&shape, black_box(&x), &y, &mut weight));
        });
        group.bench_function(id("input gradient"), |bench| {
            bench.iter(|| dense::input_gradient(&shape, black_box(&y), &weight, &mut x));
        });
    }
    group.finish();
}

criterion_group!(benches, products, convolutions);
criterion_main!(benches);
