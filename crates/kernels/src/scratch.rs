//! Per-thread buffers that kernels reuse between calls, so that a steady state allocates nothing.

use core::cell::RefCell;
use std::thread::LocalKey;

type Free<T> = RefCell<Vec<Vec<T>>>;

thread_local! {
    static FREE_F32: Free<f32> = const { RefCell::new(Vec::new()) };
    static FREE_U32: Free<u32> = const { RefCell::new(Vec::new()) };
    static FREE_F64: Free<f64> = const { RefCell::new(Vec::new()) };
}

/// Lends `work` a buffer of `len` values whose contents are unspecified. Calls may nest.
pub fn with<R>(len: usize, work: impl FnOnce(&mut [f32]) -> R) -> R {
    lend(&FREE_F32, len, work)
}

/// Lends `work` a buffer of `len` indices whose contents are unspecified. Calls may nest.
pub fn with_u32<R>(len: usize, work: impl FnOnce(&mut [u32]) -> R) -> R {
    lend(&FREE_U32, len, work)
}

/// Lends `work` a buffer of `len` sums whose contents are unspecified. Calls may nest.
pub fn with_f64<R>(len: usize, work: impl FnOnce(&mut [f64]) -> R) -> R {
    lend(&FREE_F64, len, work)
}

/// Buffers begin on a cache line, so that no vector load straddles two.
const LINE: usize = 64;

fn lend<T: Copy + Default, R>(free: &'static LocalKey<Free<T>>, len: usize, work: impl FnOnce(&mut [T]) -> R) -> R {
    if cfg!(kwta_exact_scratch) {
        // For sanitizers (scripts/sanitize.mjs): a buffer of just this length, so that what is read or written past it shows.
        return work(&mut vec![T::default(); len]);
    }
    // The outermost call returns its buffer last, so the same nesting finds the same buffers again.
    let mut buffer = free.with_borrow_mut(Vec::pop).unwrap_or_default();
    let room = len + LINE / size_of::<T>();
    if buffer.len() < room {
        buffer.resize(room, T::default());
    }
    let skip = buffer.as_ptr().align_offset(LINE);
    let result = work(&mut buffer[skip..skip + len]);
    free.with_borrow_mut(|free| free.push(buffer));
    result
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn nested_buffers_are_distinct() {
        super::with(8, |a| {
            a.fill(1.0);
            super::with(4, |b| b.fill(2.0));
            assert!(a.iter().all(|&v| v == 1.0));
        });
        super::with_u32(8, |a| {
            a.fill(1);
            super::with_u32(16, |b| b.fill(2));
            assert!(a.iter().all(|&v| v == 1));
        });
        super::with_f64(3, |a| {
            a.fill(1.0);
            super::with_f64(5, |b| b.fill(2.0));
            assert!(a.iter().all(|&v| v == 1.0));
        });
    }
}
