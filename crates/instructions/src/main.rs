//! Calls each hot kernel, on one thread, once within [`kwta_counted`], and prints the names of the calls in order.
//!
//! `scripts/instructions.mjs` runs this under callgrind, which collects inside `kwta_counted` alone and writes down
//! what it collected each time `kwta_counted` returns: data and first calls do not count.

mod activations;
mod attacks;
mod convolutions;
mod dense;

use std::hint::black_box;

fn main() {
    activations::cases();
    convolutions::cases();
    dense::cases();
    attacks::cases();
}

/// Counts one call in the steady state: buffers that the kernel keeps are there since a call before.
fn case(name: &str, mut kernel: impl FnMut()) {
    kernel();
    kwta_counted(&mut kernel);
    println!("{name}");
}

/// Callgrind is told this name.
#[no_mangle]
#[inline(never)]
fn kwta_counted(kernel: &mut dyn FnMut()) {
    kernel();
    // Without anything to do after it, the call would be a jump that leaves this function.
    black_box(());
}

/// Values in [-1, 1) without visible order.
fn values(len: usize) -> Vec<f32> {
    let mut state = 0x5851_f42d_4c95_7f2du64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..len).map(|_| next()).collect()
}
