//! What attacks do between two passes, on images of 3x32x32.

use crate::{case, values};
use kwta_kernels::attack::antithetic::{add_directions, queries};
use kwta_kernels::attack::ball::{l2_step, linf_step, Layout};
use std::hint::black_box;

const LAYOUT: Layout = Layout { n: 8, pixels: 1024, channels: 3 };

pub fn cases() {
    let len = LAYOUT.n * LAYOUT.pixels * LAYOUT.channels;
    let (x, gradient) = (values(len), values(len));
    let mut adversarial = x.clone();
    case("linf step 8x3x32x32", || linf_step(black_box(&mut adversarial), &gradient, &x, 0.01, 0.03));
    case("l2 step 8x3x32x32", || l2_step(&LAYOUT, black_box(&mut adversarial), &gradient, &x, 0.1, 0.5));
    let size = len / LAYOUT.n;
    let (mut directions, mut points) = (vec![0.0; 8 * size], vec![0.0; 16 * size]);
    case("antithetic queries, 8 pairs of 3x32x32", || {
        queries(1, 2, 0, 0.03, &x[..size], black_box(&mut directions), &mut points);
    });
    let mut sums = vec![0.0; size];
    case("antithetic sum, 8 pairs of 3x32x32", || add_directions(&[0.5; 8], &directions, black_box(&mut sums)));
}
