//! The thread pool on shared memory: each worker of it instantiates the same module on the same memory and
//! calls [`join_team`].

use kwta_kernels::parallel;
use wasm_bindgen::prelude::wasm_bindgen;

/// Shares kernels between `threads`: the caller, and `threads - 1` workers in [`join_team`].
#[wasm_bindgen]
pub fn start_team(threads: usize) {
    #[cfg(target_arch = "wasm32")]
    parallel::set_threads(threads);
    #[cfg(not(target_arch = "wasm32"))]
    assert_eq!(threads, parallel::threads(), "natively the rayon pool decides");
}

/// Turns the calling worker into one thread of the pool; does not return.
#[wasm_bindgen]
pub fn join_team() {
    #[cfg(target_arch = "wasm32")]
    parallel::help();
}
