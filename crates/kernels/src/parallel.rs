//! Runs the pieces of a kernel on several threads with feature `threads`, else one by one: natively on the
//! current rayon pool, in WebAssembly on a team of workers (`team.rs`) that wakes faster.
//!
//! How work is cut must never depend on the number of threads where pieces are summed afterwards;
//! it may where every output value is computed whole by one piece.

#[cfg(kwta_simulate)] // scripts/scaling.mjs
pub mod simulation;
#[cfg(feature = "threads")]
#[cfg_attr(not(target_arch = "wasm32"), allow(dead_code))] // tested natively, used in WebAssembly
mod team;
#[cfg(all(feature = "threads", target_arch = "wasm32"))]
mod workers;

#[cfg(all(feature = "threads", target_arch = "wasm32"))]
pub use workers::{for_each_piece, help, set_threads, threads};

#[cfg(kwta_simulate)]
pub use simulation::{for_each_piece, threads};

use core::marker::PhantomData;
use core::ops::Range;

/// Threads that work on pieces.
#[cfg(not(any(kwta_simulate, all(feature = "threads", target_arch = "wasm32"))))]
pub fn threads() -> usize {
    #[cfg(feature = "threads")]
    {
        rayon::current_num_threads()
    }
    #[cfg(not(feature = "threads"))]
    {
        1
    }
}

/// Calls `work(0) ... work(pieces - 1)`, in any order and on any thread.
#[cfg(not(any(kwta_simulate, all(feature = "threads", target_arch = "wasm32"))))]
pub fn for_each_piece(pieces: usize, work: impl Fn(usize) + Sync + Send) {
    #[cfg(feature = "threads")]
    if pieces > 1 && rayon::current_num_threads() > 1 {
        use rayon::prelude::*;
        (0..pieces).into_par_iter().with_max_len(1).for_each(work);
        return;
    }
    (0..pieces).for_each(work);
}

/// Calls `work(i, chunk)` for each chunk of `chunk_len` values (the last may be shorter).
pub fn for_each_chunk_mut<T: Send>(data: &mut [T], chunk_len: usize, work: impl Fn(usize, &mut [T]) + Sync + Send) {
    let shared = Disjoint::new(data);
    for_each_piece(shared.len().div_ceil(chunk_len.max(1)), |i| {
        let range = i * chunk_len..((i + 1) * chunk_len).min(shared.len());
        // SAFETY: the ranges of different pieces do not overlap.
        work(i, unsafe { shared.slice(range) });
    });
}

/// A mutable slice that pieces write to at places no other piece touches.
pub struct Disjoint<'a, T> {
    pointer: *mut T,
    len: usize,
    lifetime: PhantomData<&'a mut [T]>,
}

// SAFETY: access goes through `slice`, whose contract excludes overlap between threads.
unsafe impl<T: Send> Sync for Disjoint<'_, T> {}
// SAFETY: as a `&mut [T]`.
unsafe impl<T: Send> Send for Disjoint<'_, T> {}

impl<'a, T> Disjoint<'a, T> {
    /// Takes over the borrow of `data`.
    pub fn new(data: &'a mut [T]) -> Self {
        Self { pointer: data.as_mut_ptr(), len: data.len(), lifetime: PhantomData }
    }

    /// Values in all.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.len
    }

    /// The address of value `i`, which no other thread may use at the same time; panics past the end.
    #[inline(always)]
    pub fn at(&self, i: usize) -> *mut T {
        assert!(i < self.len);
        self.pointer.wrapping_add(i)
    }

    /// The values in `range`; panics when it reaches past the end.
    ///
    /// # Safety
    /// While the result lives, no other slice that overlaps `range` may exist, on any thread.
    #[allow(clippy::mut_from_ref)]
    pub unsafe fn slice(&self, range: Range<usize>) -> &mut [T] {
        assert!(range.start <= range.end && range.end <= self.len);
        // SAFETY: in bounds as asserted; exclusive by the caller's contract.
        unsafe { core::slice::from_raw_parts_mut(self.pointer.add(range.start), range.end - range.start) }
    }
}
