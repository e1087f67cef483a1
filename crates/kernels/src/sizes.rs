//! Products of sizes that come from outside.

/// The product of `sizes`; panics when memory cannot hold as many values of eight bytes.
pub fn product<const N: usize>(sizes: [usize; N]) -> usize {
    let all = sizes.iter().try_fold(1usize, |all, &size| all.checked_mul(size));
    match all {
        Some(all) if all <= isize::MAX as usize / 8 => all,
        _ => too_many(&sizes),
    }
}

#[cold]
fn too_many(sizes: &[usize]) -> ! {
    panic!("sizes: {sizes:?} are more values than memory holds");
}

#[cfg(test)]
mod tests {
    use super::product;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn products() {
        assert_eq!((product([]), product([7]), product([0, usize::MAX]), product([2, 3, 4])), (1, 7, 0, 24));
    }

    #[test]
    #[should_panic(expected = "are more values than memory holds")]
    fn a_product_that_does_not_fit_panics() {
        product([3, usize::MAX / 3, 2]);
    }
}
