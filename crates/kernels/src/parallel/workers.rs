//! The one team of a WebAssembly instance: the engine's thread leads, its workers help.

use super::team::Team;
use core::cell::Cell;
use core::sync::atomic::{AtomicUsize, Ordering};

static TEAM: Team = Team::new();
static THREADS: AtomicUsize = AtomicUsize::new(1);

thread_local! {
    /// Whether this thread is in a piece, whose own pieces it then does alone. Helpers always are.
    static IN_PIECE: Cell<bool> = const { Cell::new(false) };
}

/// Threads that work on pieces, the leader among them.
pub fn threads() -> usize {
    THREADS.load(Ordering::Relaxed)
}

/// Says how many threads there are: this one, which alone may start kernels from now on, and those in [`help`].
///
/// `crowded` tells that there are fewer processors.
pub fn set_threads(threads: usize, crowded: bool) {
    THREADS.store(threads, Ordering::Relaxed);
    TEAM.set_crowded(crowded);
}

/// Makes the calling worker a helper; does not return.
pub fn help() {
    IN_PIECE.set(true);
    TEAM.help(|| false);
}

/// Calls `work(0) ... work(pieces - 1)`, in any order and on any thread.
pub fn for_each_piece(pieces: usize, work: impl Fn(usize) + Sync + Send) {
    if pieces < 2 || threads() == 1 || IN_PIECE.get() {
        return (0..pieces).for_each(work);
    }
    IN_PIECE.set(true);
    // SAFETY: only the engine's thread starts kernels (helpers are always in a piece), and not within a piece.
    unsafe { TEAM.lead(pieces, &work) };
    IN_PIECE.set(false);
}
