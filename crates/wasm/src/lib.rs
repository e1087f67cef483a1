//! WebAssembly exports of the kernels, and the thread pool. No arithmetic here.
