//! What a kernel would take on more threads than there are here: pieces run one by one, and their times are laid out
//! on so many threads in the order in which a team would take them.
//!
//! Left out is what threads do to each other: shared caches and memory, and the start of a kernel (microseconds).

use core::cell::Cell;
use std::time::{Duration, Instant};

thread_local! {
    static THREADS: Cell<usize> = const { Cell::new(1) };
    static IN_PIECE: Cell<bool> = const { Cell::new(false) };
    /// Time of pieces that others would have run meanwhile.
    static SAVED: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

/// Threads that kernels are told of.
pub fn threads() -> usize {
    THREADS.get()
}

/// The time that `work` would take on `threads`.
pub fn time_on(threads: usize, work: impl FnOnce()) -> Duration {
    THREADS.set(threads);
    SAVED.set(Duration::ZERO);
    let start = Instant::now();
    work();
    start.elapsed().saturating_sub(SAVED.get())
}

/// Calls `work(0) ... work(pieces - 1)`, and takes their times.
pub fn for_each_piece(pieces: usize, work: impl Fn(usize) + Sync + Send) {
    if pieces < 2 || threads() == 1 || IN_PIECE.get() {
        return (0..pieces).for_each(work);
    }
    IN_PIECE.set(true);
    let (mut busy, mut all) = (vec![Duration::ZERO; threads()], Duration::ZERO);
    for piece in 0..pieces {
        let start = Instant::now();
        work(piece);
        let time = start.elapsed();
        all += time;
        // Whoever is free first takes it.
        if let Some(first) = busy.iter_mut().min() {
            *first += time;
        }
    }
    SAVED.set(SAVED.get() + all - busy.into_iter().max().unwrap_or_default());
    IN_PIECE.set(false);
}
