//! The thread pool on shared memory: each worker of it instantiates the same module on the same memory and
//! calls [`run_pool_thread`].

use kwta_kernels::parallel;
use wasm_bindgen::prelude::wasm_bindgen;

/// Shares kernels between `threads`: the caller, and `threads - 1` workers in [`run_pool_thread`].
#[wasm_bindgen]
pub fn start_pool(threads: usize) {
    #[cfg(target_arch = "wasm32")]
    parallel::set_threads(threads);
    #[cfg(not(target_arch = "wasm32"))]
    assert_eq!(threads, parallel::threads(), "natively the rayon pool decides");
}

/// Turns the calling worker into one thread of the pool; does not return.
#[wasm_bindgen]
pub fn run_pool_thread() {
    #[cfg(target_arch = "wasm32")]
    parallel::help();
}
