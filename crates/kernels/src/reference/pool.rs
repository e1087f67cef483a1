//! Pooling, window by window.

use crate::pool::Pool2dShape;

/// Calls `visit(output index, pixel, x)` for each value in each window.
fn for_each_value(shape: &Pool2dShape, x: &[f32], mut visit: impl FnMut(usize, usize, f32)) {
    let Pool2dShape { n, h, w, c, kernel, stride, padding } = *shape;
    for output in 0..n * shape.out_h() * shape.out_w() * c {
        let (channel, rest) = (output % c, output / c);
        let (ox, rest) = (rest % shape.out_w(), rest / shape.out_w());
        let (oy, sample) = (rest % shape.out_h(), rest / shape.out_h());
        for tap in 0..kernel * kernel {
            let (y, x_at) = (oy * stride + tap / kernel, ox * stride + tap % kernel);
            if (padding..padding + h).contains(&y) && (padding..padding + w).contains(&x_at) {
                let pixel = (y - padding) * w + x_at - padding;
                visit(output, pixel, x[(sample * h * w + pixel) * c + channel]);
            }
        }
    }
}

/// `y` and `argmax`, for inputs without NaN.
pub fn max_pool2d(shape: &Pool2dShape, x: &[f32]) -> (Vec<f32>, Vec<u32>) {
    let mut best: Vec<Option<(f32, u32)>> = vec![None; shape.y_len()];
    for_each_value(shape, x, |output, pixel, x| {
        if best[output].is_none_or(|(y, _)| x > y) {
            best[output] = Some((x, pixel as u32));
        }
    });
    best.into_iter().map(Option::unwrap).unzip()
}

/// `y` of the average that counts padding.
pub fn avg_pool2d(shape: &Pool2dShape, x: &[f32]) -> Vec<f32> {
    let mut sum = vec![0.0f64; shape.y_len()];
    for_each_value(shape, x, |output, _, x| sum[output] += f64::from(x));
    sum.into_iter().map(|sum| (sum / (shape.kernel * shape.kernel) as f64) as f32).collect()
}

/// `y [n][channels]`.
pub fn global_average(pixels: usize, channels: usize, x: &[f32]) -> Vec<f32> {
    let mean = |sample: &[f32], c: usize| {
        sample.iter().skip(c).step_by(channels).map(|&v| f64::from(v)).sum::<f64>() / pixels as f64
    };
    x.chunks(pixels * channels).flat_map(|sample| (0..channels).map(move |c| mean(sample, c) as f32)).collect()
}
