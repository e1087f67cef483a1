//! k-WTA by sorting.

use crate::kwta::Ties;

/// C,H,W indices of the winners among one sample's `x [pixels][channels]`, ascending.
pub fn winners(pixels: usize, channels: usize, x: &[f32], k: usize, ties: Ties) -> Vec<usize> {
    let at = |chw: usize| x[chw % pixels * channels + chw / pixels];
    let mut order: Vec<usize> = (0..pixels * channels).collect();
    // Stable: equal values, zeros of either sign included, stay in C,H,W order.
    order.sort_by(|&a, &b| at(b).partial_cmp(&at(a)).expect("no NaN"));
    let threshold = at(order[k - 1]);
    let count = if ties == Ties::Keep { order.iter().take_while(|&&i| at(i) >= threshold).count() } else { k };
    let mut winners = order[..count].to_vec();
    winners.sort_unstable();
    winners
}

/// The dense result, `[pixels][channels]`: winners keep their value, the others become zero.
pub fn forward(pixels: usize, channels: usize, x: &[f32], k: usize, ties: Ties) -> Vec<f32> {
    let mut y = vec![0.0; x.len()];
    for chw in winners(pixels, channels, x, k, ties) {
        let place = chw % pixels * channels + chw / pixels;
        y[place] = x[place];
    }
    y
}
