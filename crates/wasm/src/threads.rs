//! The team of threads on shared memory: each worker of it instantiates the same module on the same memory and
//! calls [`join_team`].

use kwta_kernels::parallel;
use wasm_bindgen::prelude::wasm_bindgen;

/// Shares kernels between `threads`: the caller, and `threads - 1` workers in [`join_team`]. `crowded` tells that there are
/// fewer processors.
#[wasm_bindgen]
pub fn start_team(threads: usize, crowded: bool) {
    #[cfg(target_arch = "wasm32")]
    parallel::set_threads(threads, crowded);
    #[cfg(not(target_arch = "wasm32"))]
    assert!(threads == parallel::threads() && !crowded, "natively the rayon pool decides");
}

/// Turns the calling worker into one thread of the team; does not return.
#[wasm_bindgen]
pub fn join_team() {
    #[cfg(target_arch = "wasm32")]
    parallel::help();
}
