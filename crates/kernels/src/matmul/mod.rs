//! Matrix products.
//!
//! `gemm.rs` is the blocked, threaded driver, which the dense convolutions share; `pack.rs` brings
//! operands into its order; `kernel.rs` is the tile that it spends its time in.

pub(crate) mod gemm;
pub(crate) mod kernel;
pub(crate) mod pack;

use gemm::Product;
use pack::{KMajor, LineMajor, Operand};

/// `c [m][n] = op(a) op(b)`.
///
/// `a` is `[m][k]` or, transposed, `[k][m]`; `b` is `[k][n]` or, transposed, `[n][k]`. With `k` = 0,
/// `c` becomes zero.
pub fn matmul(
    m: usize,
    n: usize,
    k: usize,
    a: &[f32],
    a_transposed: bool,
    b: &[f32],
    b_transposed: bool,
    c: &mut [f32],
) {
    assert_eq!(a.len(), m * k, "a: m * k values");
    assert_eq!(b.len(), k * n, "b: k * n values");
    assert_eq!(c.len(), m * n, "c: m * n values");
    let (a_lines, a_columns) = (LineMajor { data: a, lines: m, k }, KMajor { data: a, lines: m });
    let (b_lines, b_columns) = (LineMajor { data: b, lines: n, k }, KMajor { data: b, lines: n });
    let a: &dyn Operand = if a_transposed { &a_columns } else { &a_lines };
    let b: &dyn Operand = if b_transposed { &b_lines } else { &b_columns };
    Product { m, n, k, a, b, bias: None, row_start: &|i| i * n, column_start: &|j| j }.write_in_parts(c);
}

#[cfg(test)]
mod tests {
    use super::gemm::{KC, MC};
    use super::matmul;
    use crate::reference;
    use crate::testing::{assert_same_bits, values};
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    /// Checks one size in all four layouts; the error may reach 1e-6 of the sum of absolute products.
    fn check(m: usize, n: usize, k: usize) {
        let (a, b) = (values(1, m * k), values(2, k * n));
        let absolute = |v: &[f32]| v.iter().map(|v| v.abs()).collect::<Vec<_>>();
        for (at, bt) in [(false, false), (false, true), (true, false), (true, true)] {
            let mut c = vec![f32::NAN; m * n];
            matmul(m, n, k, &a, at, &b, bt, &mut c);
            let want = reference::matmul::matmul(m, n, k, &a, at, &b, bt);
            let scale = reference::matmul::matmul(m, n, k, &absolute(&a), at, &absolute(&b), bt);
            for i in 0..m * n {
                let error = (c[i] - want[i]).abs();
                assert!(error <= 1e-6 * scale[i], "{m}x{n}x{k} {at} {bt} [{i}]: {} for {}", c[i], want[i]);
            }
        }
    }

    #[test]
    fn every_remainder_of_the_tile() {
        for m in 0..10 {
            for n in 0..18 {
                check(m, n, 5);
            }
        }
    }

    #[test]
    fn around_every_block_size() {
        for k in [0, 1, 2, 3, 4, KC - 1, KC, KC + 1, 2 * KC + 1] {
            check(5, 9, k);
        }
        for m in [MC - 1, MC, MC + 1, 2 * MC + 3] {
            check(m, 12, 7);
        }
        check(3, 1027, 3);
    }

    #[test]
    fn more_than_one_slab_of_b() {
        check(2, 700, 4 * KC + 10);
    }

    #[test]
    fn long_k_is_split_into_parts() {
        for k in [2047, 2048, 20_001] {
            check(9, 16, k);
        }
    }

    #[test]
    fn not_finite_values_reach_exactly_their_rows_and_columns() {
        let (m, n, k) = (6, 10, 40);
        let (mut a, mut b) = (vec![1.0; m * k], vec![1.0; k * n]);
        a[2 * k + 7] = f32::NAN;
        a[3 * k + 1] = f32::INFINITY;
        b[5 * n + 4] = f32::NEG_INFINITY;
        let mut c = vec![0.0; m * n];
        matmul(m, n, k, &a, false, &b, false, &mut c);
        for (i, row) in c.chunks(n).enumerate() {
            for (j, &value) in row.iter().enumerate() {
                let right = match (i, j) {
                    (2, _) | (3, 4) => value.is_nan(),
                    (3, _) => value == f32::INFINITY,
                    (_, 4) => value == f32::NEG_INFINITY,
                    _ => value == k as f32,
                };
                assert!(right, "[{i}][{j}] = {value}");
            }
        }
    }

    #[test]
    #[should_panic(expected = "b: k * n values")]
    fn wrong_length_is_named() {
        matmul(2, 2, 2, &[0.0; 4], false, &[0.0; 3], false, &mut [0.0; 4]);
    }

    #[test]
    fn same_bits_for_any_number_of_threads() {
        for (m, n, k) in [(300, 70, 900), (16, 600, 200), (9, 16, 50_000), (1, 5000, 300)] {
            let (a, b) = (values(3, m * k), values(4, k * n));
            assert_same_bits(|| {
                let mut c = vec![0.0; m * n];
                matmul(m, n, k, &a, false, &b, false, &mut c);
                c
            });
        }
    }
}
