//! A team of threads that wait for the pieces of the next kernel, spinning for a while before they sleep.
//!
//! Kernels follow each other within microseconds, and waking a thread that sleeps costs about a hundred of
//! them in a JavaScript engine: more than many kernels take. So helpers spin between kernels, and who leads
//! never waits for one that sleeps: helpers join a job that is open, and the leader, out of pieces, closes it
//! and waits only for those that joined.
//!
//! A team of more threads than there are processors is *crowded*: who spins there takes the processor from who works.
//! Its helpers sleep at once, and its leader rests while it waits.

use core::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use core::time::Duration;
use std::sync::{Condvar, Mutex};

/// Looks at the state before a helper sleeps: some hundred microseconds.
const SPINS: u32 = 100_000;

/// Looks of a crowded team's leader before it rests, and for how long it does.
const LOOKS: u32 = 100;
const REST: Duration = Duration::from_micros(50);

/// State: bit 0 tells that the job is open, bits 1 to 11 count the helpers in it, the rest counts jobs.
const OPEN: u32 = 1;
const HELPER: u32 = 2;
const HELPERS: u32 = 0xffe;
const JOB: u32 = 0x1000;

/// A closure by address; the leader keeps it alive until no helper is in the job.
#[derive(Clone, Copy)]
struct Job {
    work: *const (dyn Fn(usize) + Sync),
    pieces: usize,
}

/// One leader and its helpers.
pub(super) struct Team {
    state: AtomicU32,
    next: AtomicUsize,
    job: core::cell::UnsafeCell<Option<Job>>,
    sleepers: AtomicU32,
    lock: Mutex<()>,
    opened: Condvar,
    /// Nobody signals it: the leader rests on it for a while.
    rested: Condvar,
    crowded: AtomicBool,
}

// SAFETY: `job` is written only by the leader while no helper is in, and read only by helpers that are.
unsafe impl Sync for Team {}
// SAFETY: as above; the address in `job` is used only while the leader waits.
unsafe impl Send for Team {}

impl Team {
    pub(super) const fn new() -> Self {
        Self {
            state: AtomicU32::new(0),
            next: AtomicUsize::new(0),
            job: core::cell::UnsafeCell::new(None),
            sleepers: AtomicU32::new(0),
            lock: Mutex::new(()),
            opened: Condvar::new(),
            rested: Condvar::new(),
            crowded: AtomicBool::new(false),
        }
    }

    /// Says whether there are fewer processors than threads.
    pub(super) fn set_crowded(&self, crowded: bool) {
        self.crowded.store(crowded, Ordering::Relaxed);
    }

    /// Calls `work(0) ... work(pieces - 1)`, with the help of whoever is awake.
    ///
    /// # Safety
    /// Only one thread may lead at a time, and `work` must not lead again.
    pub(super) unsafe fn lead(&self, pieces: usize, work: &(dyn Fn(usize) + Sync)) {
        // SAFETY: the lifetime is only forgotten: no helper is in the job when this function returns.
        let work = unsafe { core::mem::transmute::<&(dyn Fn(usize) + Sync), &'static (dyn Fn(usize) + Sync)>(work) };
        // SAFETY: the last job is closed and empty, so nobody reads this.
        unsafe { *self.job.get() = Some(Job { work, pieces }) };
        self.next.store(0, Ordering::Relaxed);
        let closed = self.state.load(Ordering::Relaxed);
        self.state.store((closed & !HELPERS).wrapping_add(JOB) | OPEN, Ordering::SeqCst);
        if self.sleepers.load(Ordering::SeqCst) > 0 {
            // Held for a moment, so that no helper is between its last look and its sleep.
            drop(self.lock.lock());
            self.opened.notify_all();
        }
        self.take_pieces(pieces, work);
        self.state.fetch_and(!OPEN, Ordering::AcqRel);
        let mut looks = 0;
        while self.state.load(Ordering::Acquire) & HELPERS != 0 {
            looks += 1;
            if looks >= LOOKS && self.crowded.load(Ordering::Relaxed) {
                self.rest();
            } else {
                core::hint::spin_loop();
            }
        }
    }

    /// Lets others have the processor.
    fn rest(&self) {
        let guard = self.lock.lock().expect("nobody panics while holding it");
        drop(self.rested.wait_timeout(guard, REST));
    }

    /// Helps for ever, or until `stop` says so after a sleep.
    pub(super) fn help(&self, stop: impl Fn() -> bool) {
        let mut last = 0;
        loop {
            let state = self.wait(last, &stop);
            if stop() {
                return;
            }
            if state & OPEN == 0 {
                continue;
            }
            let joined = self.state.compare_exchange(state, state + HELPER, Ordering::AcqRel, Ordering::Relaxed);
            if joined.is_err() {
                continue;
            }
            last = state & !(OPEN | HELPERS);
            // SAFETY: this helper is in the job, so the leader keeps it.
            if let Some(job) = unsafe { *self.job.get() } {
                // SAFETY: as above.
                self.take_pieces(job.pieces, unsafe { &*job.work });
            }
            self.state.fetch_sub(HELPER, Ordering::AcqRel);
        }
    }

    fn take_pieces(&self, pieces: usize, work: &(dyn Fn(usize) + Sync)) {
        loop {
            let piece = self.next.fetch_add(1, Ordering::Relaxed);
            if piece >= pieces {
                return;
            }
            work(piece);
        }
    }

    /// The state once it shows an open job other than `last`.
    fn wait(&self, last: u32, stop: &impl Fn() -> bool) -> u32 {
        let fresh = |state: u32| state & OPEN != 0 && state & !(OPEN | HELPERS) != last;
        let spins = if self.crowded.load(Ordering::Relaxed) { 0 } else { SPINS };
        for _ in 0..spins {
            let state = self.state.load(Ordering::Acquire);
            if fresh(state) {
                return state;
            }
            core::hint::spin_loop();
        }
        self.sleepers.fetch_add(1, Ordering::SeqCst);
        let mut guard = self.lock.lock().expect("nobody panics while holding it");
        let state = loop {
            let state = self.state.load(Ordering::SeqCst);
            if fresh(state) || stop() {
                break state;
            }
            guard = self.opened.wait(guard).expect("nobody panics while holding it");
        };
        drop(guard);
        self.sleepers.fetch_sub(1, Ordering::SeqCst);
        state
    }

    /// Wakes helpers so that they ask `stop`.
    #[cfg(test)]
    fn wake(&self) {
        drop(self.lock.lock());
        self.opened.notify_all();
    }
}

// Natively, where threads can be started at will; in WebAssembly the package's tests use the same code.
#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use super::Team;
    use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    use core::time::Duration;

    /// Runs `lead` with `helpers` threads beside it.
    fn with_team(helpers: usize, lead: impl FnOnce(&Team)) {
        let (team, ended) = (Team::new(), AtomicBool::new(false));
        std::thread::scope(|scope| {
            for _ in 0..helpers {
                scope.spawn(|| team.help(|| ended.load(Ordering::SeqCst)));
            }
            lead(&team);
            ended.store(true, Ordering::SeqCst);
            // Spinning helpers sleep at last, and look at `ended` before they do.
            team.wake();
        });
    }

    #[test]
    fn every_piece_is_done_once() {
        for (helpers, crowded) in [(0, false), (1, false), (2, false), (3, false), (1, true), (9, true)] {
            with_team(helpers, |team| {
                team.set_crowded(crowded);
                for round in 0..3000 {
                    let pieces = round % 17;
                    let done: Vec<AtomicUsize> = (0..pieces).map(|_| AtomicUsize::new(0)).collect();
                    let work = |i: usize| {
                        done[i].fetch_add(1, Ordering::Relaxed);
                    };
                    // SAFETY: this thread alone leads, and the work does not.
                    unsafe { team.lead(pieces, &work) };
                    assert!(done.iter().all(|count| count.load(Ordering::Relaxed) == 1), "{helpers} helpers");
                }
            });
        }
    }

    #[test]
    fn helpers_that_slept_join_again() {
        with_team(2, |team| {
            for _ in 0..20 {
                std::thread::sleep(Duration::from_millis(3));
                let helped = AtomicUsize::new(0);
                let leader = std::thread::current().id();
                let work = |_: usize| {
                    std::thread::sleep(Duration::from_millis(1));
                    helped.fetch_add(usize::from(std::thread::current().id() != leader), Ordering::Relaxed);
                };
                // SAFETY: this thread alone leads, and the work does not.
                unsafe { team.lead(30, &work) };
                assert!(helped.load(Ordering::Relaxed) > 0, "nobody helped");
            }
        });
    }
}
