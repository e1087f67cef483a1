//! Exports of `kwta_kernels::matmul`.

use crate::export::export;
use kwta_kernels::sizes::product;

export! {
    /// `c[m][n] = op(a) op(b)`.
    fn matmul(
        m: usize,
        n: usize,
        k: usize,
        a: &[f32; product([m, k])],
        a_transposed: bool,
        b: &[f32; product([k, n])],
        b_transposed: bool,
        c: &mut [f32; product([m, n])]
    ) {
        kwta_kernels::matmul::matmul(m, n, k, a, a_transposed, b, b_transposed, c);
    }
}
