//! k-WTA by sorting.

use crate::kwta::grouped::Scope;
use crate::kwta::Ties;
use crate::sparse::SparseShape;

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

/// The dense result where the winners are chosen in each group, by `keys`, all `[pixels][channels]`.
pub fn grouped(shape: &SparseShape, scope: Scope, x: &[f32], keys: &[f32], k: usize, ties: Ties) -> Vec<f32> {
    let (pixels, channels) = (shape.pixels, shape.channels);
    let all: Vec<usize> = (0..channels).flat_map(|c| (0..pixels).map(move |p| p * channels + c)).collect();
    let mut y = vec![0.0; x.len()];
    for group in 0..scope.groups(shape) {
        let own = |&place: &usize| match scope {
            Scope::Layer => true,
            Scope::Channel => place % channels == group,
            Scope::Pixel => place / channels == group,
        };
        let places: Vec<usize> = all.iter().copied().filter(own).collect();
        let ranked: Vec<f32> = places.iter().map(|&place| keys[place]).collect();
        // As one pixel: its channels are in the order in which ties are broken.
        for i in winners(1, ranked.len(), &ranked, k, ties) {
            y[places[i]] = x[places[i]];
        }
    }
    y
}
