use super::*;
use crate::kwta::{self, Ties};
use crate::reference;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const SHAPE: SparseShape = SparseShape { n: 3, pixels: 10, channels: 7, capacity: 70 };

struct Sample {
    x: Vec<f32>,
    start: Vec<u32>,
    channel: Vec<u32>,
    value: Vec<f32>,
}

impl Sample {
    /// Random numbers, a share of them zero: samples of different counts, and empty pixels.
    fn new() -> Self {
        let x: Vec<f32> = (0..210u32).map(|i| ((i * i * 31 + i * 17) % 101) as f32 / 50.0 - 1.2).collect();
        let x: Vec<f32> = x.iter().enumerate().map(|(i, v)| if i / 7 % 10 == 4 { 0.0 } else { v.max(0.0) }).collect();
        let (mut start, mut channel, mut value) = (vec![0; 33], vec![0; 210], vec![0.0; 210]);
        compress_nonzero(&SHAPE, &x, &mut start, &mut channel, &mut value);
        Self { x, start, channel, value }
    }

    fn pattern(&self) -> Pattern<'_> {
        Pattern::new(SHAPE, &self.start, &self.channel)
    }
}

#[test]
fn compress_nonzero_keeps_what_is_not_zero() {
    let sample = Sample::new();
    let mut y = vec![f32::NAN; 210];
    densify(&sample.pattern(), &sample.value, &mut y);
    assert_eq!(y, sample.x);
    let positive = sample.x.iter().filter(|&&v| v > 0.0).count();
    assert_eq!((0..3).map(|s| sample.pattern().count(s)).sum::<usize>(), positive);
}

#[test]
fn compress_nonzero_keeps_nan_and_negative_zero_in_vectors_and_beside_them() {
    for channels in [3, 8, 67] {
        let shape = SparseShape { n: 1, pixels: 2, channels, capacity: 2 * channels };
        let mut x = vec![0.0; 2 * channels];
        (x[0], x[1], x[channels + 1], x[channels + 2]) = (-1.0, f32::NAN, -0.0, 2.0);
        let (mut start, mut channel) = ([0; 3], vec![0; 2 * channels]);
        let mut value = vec![0.0; 2 * channels];
        compress_nonzero(&shape, &x, &mut start, &mut channel, &mut value);
        assert_eq!((start, &channel[..4]), ([0, 2, 4], &[0, 1, 1, 2][..]));
        assert!(value[0] == -1.0 && value[1].is_nan() && value[3] == 2.0);
        assert_eq!(value[2].to_bits(), (-0.0f32).to_bits());
    }
}

#[test]
fn densify_winners_tells_winners_of_zero_from_what_is_absent() {
    let shape = SparseShape { n: 2, pixels: 2, channels: 2, capacity: 3 };
    let (start, channel) = ([0, 2, 3, 0, 0, 1], [0, 1, 1, 0, 0, 0]);
    let value = [0.0, -1.0, -0.0, 0.0, 9.0, 9.0];
    let (mut y, mut plain) = ([f32::NAN; 8], [f32::NAN; 8]);
    densify_winners(&Pattern::new(shape, &start, &channel), &value, &mut y);
    assert_eq!(y.map(f32::to_bits), [-0.0, -1.0, 0.0, -0.0, 0.0, 0.0, -0.0, 0.0].map(f32::to_bits));
    densify(&Pattern::new(shape, &start, &channel), &value, &mut plain);
    assert_eq!(y, plain);
}

#[test]
fn gather_and_add_to_dense_touch_the_entries_only() {
    let sample = Sample::new();
    let pattern = sample.pattern();
    let dense: Vec<f32> = (0..210).map(|i| i as f32).collect();
    let mut values = vec![-1.0; 210];
    gather(&pattern, &dense, &mut values);
    let mut y = vec![0.5; 210];
    add_to_dense(&pattern, &values, &mut y);
    for s in 0..3 {
        let count = pattern.count(s);
        assert!(values[s * 70..][..count].iter().all(|&v| v >= 0.0));
        assert!(values[s * 70 + count..][..70 - count].iter().all(|&v| v == -1.0));
    }
    for (i, (&y, &x)) in y.iter().zip(&sample.x).enumerate() {
        assert_eq!(y, if x > 0.0 { i as f32 + 0.5 } else { 0.5 });
    }
}

#[test]
fn global_average_and_its_gradient() {
    let sample = Sample::new();
    let (pattern, x) = (sample.pattern(), &sample.x);
    let mut y = vec![f32::NAN; 21];
    global_average(&pattern, &sample.value, &mut y);
    for (i, &y) in y.iter().enumerate() {
        let mean = (0..10).map(|p| x[i / 7 * 70 + p * 7 + i % 7]).sum::<f32>() / 10.0;
        assert!((y - mean).abs() < 1e-6);
    }
    let dy: Vec<f32> = (0..21).map(|i| i as f32).collect();
    let mut dvalues = vec![2.0; 210];
    global_average_gradient(&pattern, &dy, &mut dvalues);
    for s in 0..3 {
        pattern.for_each_entry(s, |entry, _, channel| {
            assert!((dvalues[s * 70 + entry] - dy[s * 7 + channel] / 10.0).abs() < 1e-6);
        });
    }
}

#[test]
fn flatten_is_in_chw_order_and_its_gradient_returns() {
    let sample = Sample::new();
    let (pattern, x) = (sample.pattern(), &sample.x);
    let (mut start, mut channel, mut value) = (vec![0; 6], vec![0; 210], vec![0.0; 210]);
    flatten(&pattern, &sample.value, &mut start, &mut channel, &mut value);
    let flat = Pattern::new(SparseShape { pixels: 1, channels: 70, ..SHAPE }, &start, &channel);
    for s in 0..3 {
        assert!(flat.channels(s).windows(2).all(|pair| pair[0] < pair[1]));
        let mut indices = vec![0; pattern.count(s)];
        chw_indices(&pattern, s, &mut indices);
        assert_eq!(flat.channels(s), indices);
    }
    let mut y = vec![f32::NAN; 210];
    densify(&flat, &value, &mut y);
    for s in 0..3 {
        for c in 0..7 {
            for p in 0..10 {
                assert_eq!(y[s * 70 + c * 10 + p], x[s * 70 + p * 7 + c]);
            }
        }
    }
    let mut back = vec![1.0; 210];
    unflatten_gradient(&pattern, &value, &mut back);
    for s in 0..3 {
        assert_eq!(back[s * 70..][..pattern.count(s)], sample.value[s * 70..][..pattern.count(s)]);
    }
}

#[test]
fn chw_indices_are_those_of_the_oracle() {
    let sample = Sample::new();
    let shape = SparseShape { capacity: 9, ..SHAPE };
    let (mut start, mut channel, mut value) = (vec![0; 33], vec![0; 27], vec![0.0; 27]);
    kwta::forward(&shape, &sample.x, 9, Ties::Lowest, &mut start, &mut channel, &mut value).unwrap();
    let pattern = Pattern::new(shape, &start, &channel);
    for s in 0..3 {
        let mut indices = [0; 9];
        chw_indices(&pattern, s, &mut indices);
        let expected = reference::kwta::winners(10, 7, &sample.x[s * 70..][..70], 9, Ties::Lowest);
        assert!(indices.iter().map(|&i| i as usize).eq(expected));
    }
}

/// What [`Pattern::for_each_entry`] visits of a sample with such starts.
fn visited(start: &[u32]) -> Vec<(usize, usize, usize)> {
    let (pixels, entries) = (start.len() - 1, start[start.len() - 1] as usize);
    let channel: Vec<u32> = (0..entries as u32).map(|entry| 3 * entry % 50).collect();
    let shape = SparseShape { n: 1, pixels, channels: 50, capacity: entries };
    let mut visited = Vec::new();
    Pattern::new(shape, start, &channel).for_each_entry(0, |entry, pixel, c| visited.push((entry, pixel, c)));
    visited
}

#[test]
fn every_entry_is_visited_with_its_pixel() {
    let none: &[u32] = &[0, 0, 0];
    let short: &[u32] = &[0, 0, 2, 2, 2, 3, 7, 7, 7];
    let long: &[u32] = &[0, 0, 12, 12, 31, 32, 32];
    for start in [none, short, &[0, 1, 2, 3], long, &[0, 5, 10], &[0, 5, 9]] {
        let expected: Vec<_> = (0..start.len() - 1)
            .flat_map(|pixel| (start[pixel]..start[pixel + 1]).map(move |entry| (entry, pixel)))
            .map(|(entry, pixel)| (entry as usize, pixel, (3 * entry % 50) as usize))
            .collect();
        assert_eq!(visited(start), expected, "{start:?}");
    }
}

#[test]
#[should_panic(expected = "start: 1 after 2")]
fn starts_that_descend_panic() {
    visited(&[0, 2, 1, 3]);
}
