//! Naive matrix product.

/// `c [m][n] = op(a) op(b)`; `a` is `[m][k]` or, transposed, `[k][m]`; `b` is `[k][n]` or, transposed, `[n][k]`.
pub fn matmul(m: usize, n: usize, k: usize, a: &[f32], a_transposed: bool, b: &[f32], b_transposed: bool) -> Vec<f32> {
    let at = |i: usize, p: usize| f64::from(a[if a_transposed { p * m + i } else { i * k + p }]);
    let bt = |p: usize, j: usize| f64::from(b[if b_transposed { j * k + p } else { p * n + j }]);
    (0..m * n).map(|index| (0..k).map(|p| at(index / n, p) * bt(p, index % n)).sum::<f64>() as f32).collect()
}
