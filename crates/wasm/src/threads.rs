//! The rayon pool on shared memory. The engine's thread is the first of the pool; each further worker
//! instantiates the same module on the same memory and calls [`run_pool_thread`], which waits on a queue for
//! the thread that rayon wants to start.

use rayon::{ThreadBuilder, ThreadPoolBuilder};
use std::collections::VecDeque;
use std::sync::{Condvar, Mutex};
use wasm_bindgen::prelude::wasm_bindgen;

static WAITING: Mutex<VecDeque<ThreadBuilder>> = Mutex::new(VecDeque::new());
static ARRIVED: Condvar = Condvar::new();

/// Builds the pool of `threads`, the caller among them; `threads - 1` workers must be in, or on their way
/// into, [`run_pool_thread`]. Panics when called twice.
#[wasm_bindgen]
pub fn start_pool(threads: usize) {
    ThreadPoolBuilder::new()
        .num_threads(threads)
        .use_current_thread()
        .spawn_handler(|thread| {
            WAITING.lock().expect("no thread panics while it holds the queue").push_back(thread);
            ARRIVED.notify_one();
            Ok(())
        })
        .build_global()
        .expect("the pool is built once");
}

/// Turns the calling worker into one thread of the pool; does not return.
#[wasm_bindgen]
pub fn run_pool_thread() {
    let mut waiting = WAITING.lock().expect("no thread panics while it holds the queue");
    let thread = loop {
        match waiting.pop_front() {
            Some(thread) => break thread,
            None => waiting = ARRIVED.wait(waiting).expect("no thread panics while it holds the queue"),
        }
    };
    drop(waiting);
    thread.run();
}
