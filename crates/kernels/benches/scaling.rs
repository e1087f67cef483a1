//! Gradients of the convolutions of ResNet-18 on CIFAR, batch 128, on many threads, simulated (`npm run scaling`): a line of
//! JSON for each.

#[cfg(not(kwta_simulate))]
fn main() {
    println!("expected RUSTFLAGS with --cfg kwta_simulate, as npm run scaling has it");
}

#[cfg(kwta_simulate)]
fn main() {
    simulated::main();
}

#[cfg(kwta_simulate)]
mod simulated {
    use kwta_kernels::conv2d::{dense, sparse, Conv2dShape};
    use kwta_kernels::kwta::{self, Ties};
    use kwta_kernels::parallel::simulation::time_on;
    use kwta_kernels::sparse::{Pattern, SparseShape};
    use std::time::Duration;

    const BATCH: usize = 128;
    const THREADS: [usize; 6] = [1, 2, 4, 8, 16, 64];
    /// Of which the shortest counts.
    const REPEATS: usize = 5;

    /// Values in [-1, 1) without visible order.
    fn values(len: usize) -> Vec<f32> {
        let mut state = 0x5851_f42d_4c95_7f2du64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / (1 << 23) as f32 - 1.0
        };
        (0..len).map(|_| next()).collect()
    }

    fn print(layer: &str, pass: &str, mut work: impl FnMut()) {
        let mut best = |threads| (0..REPEATS).map(|_| time_on(threads, &mut work)).min().unwrap_or(Duration::ZERO);
        let times = THREADS.map(|threads| format!("\"{threads}\": {:.4}", best(threads).as_secs_f64() * 1e3));
        println!("{{ \"layer\": \"{layer}\", \"pass\": \"{pass}\", \"ms\": {{ {} }} }}", times.join(", "));
    }

    pub fn main() {
        for (side, c_in, c_out, kernel, stride) in [
            (32, 3, 64, 3, 1),
            (32, 64, 64, 3, 1),
            (32, 64, 128, 3, 2),
            (16, 128, 128, 3, 1),
            (32, 64, 128, 1, 2),
            (8, 256, 256, 3, 1),
            (4, 512, 512, 3, 1),
        ] {
            let shape = Conv2dShape {
                n: BATCH,
                h: side,
                w: side,
                c_in,
                c_out,
                kh: kernel,
                kw: kernel,
                stride,
                padding: kernel / 2,
            };
            let layer = format!("{side}x{side}x{c_in} to {c_out}, {kernel}x{kernel}/{stride}");
            let (x, weight, dy) = (values(shape.x_len()), values(shape.weight_len()), values(shape.y_len()));
            let (mut dx, mut dw) = (vec![0.0; x.len()], vec![0.0; weight.len()]);
            print(&layer, "weight gradient", || dense::weight_gradient(&shape, &x, &dy, &mut dw));
            print(&layer, "input gradient", || dense::input_gradient(&shape, &dy, &weight, &mut dx));
            if c_in == 3 {
                continue;
            }
            let entries =
                SparseShape { n: BATCH, pixels: side * side, channels: c_in, capacity: shape.x_len() / BATCH / 10 };
            let (mut start, mut channel) = (vec![0; entries.start_len()], vec![0; entries.entries_len()]);
            let (mut value, mut dvalue) = (vec![0.0; entries.entries_len()], vec![0.0; entries.entries_len()]);
            kwta::forward(&entries, &x, entries.capacity, Ties::Lowest, &mut start, &mut channel, &mut value)
                .expect("no NaN");
            let pattern = Pattern::new(entries, &start, &channel);
            print(&layer, "gradients, gamma 0.1", || {
                sparse::gradients(&shape, &pattern, &value, &dy, &weight, &mut dw, &mut dvalue);
            });
        }
    }
}
