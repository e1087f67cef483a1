//! Antithetic sampling: pairs of points on both sides of one, and the weighted sum of the directions between them.
//!
//! The gradient of a loss L smoothed by noise of deviation sigma is the mean over standard normal u of
//! `(L(x + sigma u) - L(x - sigma u)) u / (2 sigma)`. [`queries`] makes the points, the caller asks for their losses,
//! and [`add_directions`] sums up. The directions are kept in between: drawing them again takes several times as long
//! as reading them.

use crate::parallel::for_each_chunk_mut;
use crate::rng;

/// Values of one piece of work: a pair's part of it stays in L1 while all pairs pass.
const PIECE: usize = 512;

/// Directions `first .. first + pairs` of a stream of normal values, into `directions [pairs][size]`, and the points on
/// both sides of `point [size]`, into `queries [2][pairs][size]`: first all `point + sigma * direction`, then all
/// `point - sigma * direction`. Direction `j` are the values from `j * size` on.
pub fn queries(
    seed: u64,
    stream: u64,
    first: u64,
    sigma: f64,
    point: &[f32],
    directions: &mut [f32],
    queries: &mut [f32],
) {
    let size = point.len();
    assert!(size > 0 && directions.len().is_multiple_of(size), "directions: points of {size} values");
    assert_eq!(queries.len(), 2 * directions.len(), "queries: two for each direction");
    rng::normal(seed, stream, first * size as u64, directions);
    let pairs = directions.len() / size;
    for_each_chunk_mut(queries, size, |i, query| {
        let direction = &directions[i % pairs * size..][..size];
        let sigma = if i < pairs { sigma } else { -sigma };
        for ((query, &base), &along) in query.iter_mut().zip(point).zip(direction) {
            *query = (f64::from(base) + sigma * f64::from(along)) as f32;
        }
    });
}

/// `sums += weight * direction`, pair after pair, of `weights [pairs]` and `directions [pairs][sums.len()]`.
pub fn add_directions(weights: &[f64], directions: &[f32], sums: &mut [f64]) {
    let size = sums.len();
    assert_eq!(directions.len(), weights.len() * size, "directions: as many as weights");
    for_each_chunk_mut(sums, PIECE, |i, sums| {
        for (pair, &weight) in weights.iter().enumerate() {
            let direction = &directions[pair * size + i * PIECE..][..sums.len()];
            for (sum, &along) in sums.iter_mut().zip(direction) {
                *sum += weight * f64::from(along);
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference::attack as reference;
    use crate::testing::{assert_same_bits, values};
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn queries_are_those_of_the_oracle() {
        for (size, pairs, first) in [(1, 1, 0), (3, 5, 7), (PIECE + 1, 2, 1), (3072, 3, 128), (4, 0, 9)] {
            let point = values(1, size);
            let (mut directions, mut points) = (vec![f32::NAN; pairs * size], vec![f32::NAN; 2 * pairs * size]);
            queries(5, 1 << 57, first, 8.0 / 255.0, &point, &mut directions, &mut points);
            let mut stream = vec![0.0; (first as usize + pairs) * size];
            rng::normal(5, 1 << 57, 0, &mut stream);
            assert_eq!(directions, stream[first as usize * size..]);
            let expected = reference::queries(8.0 / 255.0, &point, &directions);
            assert!(points.iter().map(|v| v.to_bits()).eq(expected.iter().map(|v| v.to_bits())));
        }
    }

    #[test]
    fn sums_of_any_length_and_number_go_on_where_they_were() {
        for size in [1, 7, PIECE - 1, PIECE, PIECE + 1] {
            for pairs in [0, 1, 2, 9] {
                let directions = values(2, pairs * size);
                let weights: Vec<f64> = values(3, pairs).into_iter().map(|v| f64::from(v) / 3.0).collect();
                let mut sums = vec![0.125; size];
                add_directions(&weights, &directions, &mut sums);
                let expected = reference::add_directions(&weights, &directions, &vec![0.125; size]);
                assert!(sums.iter().map(|v| v.to_bits()).eq(expected.iter().map(|v| v.to_bits())), "{size} {pairs}");
            }
        }
    }

    #[test]
    fn a_weight_that_is_nan_shows() {
        let mut sums = [0.0; 2];
        add_directions(&[1.0, f64::NAN], &[1.0, 2.0, 0.0, 3.0], &mut sums);
        assert!(sums.iter().all(|sum| sum.is_nan()));
    }

    #[test]
    #[should_panic(expected = "directions: as many as weights")]
    fn wrong_length_is_named() {
        add_directions(&[1.0], &[1.0; 3], &mut [0.0; 2]);
    }

    #[test]
    fn same_bits_for_any_threads() {
        assert_same_bits(|| {
            let (mut directions, mut points) = (vec![0.0; 7 * 1500], vec![0.0; 14 * 1500]);
            queries(1, 2, 3, 0.1, &values(1, 1500), &mut directions, &mut points);
            let mut sums = vec![0.0; 1500];
            add_directions(&[0.5, 1.0, -2.0, 3.0, 0.1, 0.0, 1.0], &directions, &mut sums);
            points.extend(sums.iter().map(|&sum| sum as f32));
            points
        });
    }
}
