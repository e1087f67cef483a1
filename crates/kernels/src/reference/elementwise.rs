//! Layouts, index by index.

/// `[n][c][pixels]` to `[n][pixels][c]`.
pub fn nchw_to_nhwc(c: usize, pixels: usize, x: &[f32]) -> Vec<f32> {
    let index = |i: usize| {
        let (sample, pixel, channel) = (i / (c * pixels), i / c % pixels, i % c);
        (sample * c + channel) * pixels + pixel
    };
    (0..x.len()).map(|i| x[index(i)]).collect()
}
