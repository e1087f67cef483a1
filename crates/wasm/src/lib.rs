//! WebAssembly exports of the kernels, and the team of threads. No arithmetic here.
//!
//! Every export takes addresses in wasm memory and sizes; lengths follow from the sizes (`export.rs`). Sizes without
//! sense, products too large and operands outside of memory are a panic, in every build. Whoever calls must pass
//! addresses of blocks that [`memory::allocate`] gave and that are long enough: nothing here can check that, so all of
//! them are `unsafe`. Output blocks must not overlap other operands.

#![allow(clippy::missing_safety_doc)] // one contract for all, above

mod activation;
mod attack;
mod batch_norm;
mod conv2d;
mod elementwise;
mod export;
mod group_norm;
mod kwta;
mod loss;
mod matmul;
mod memory;
mod optim;
mod panic;
mod pool;
#[cfg_attr(not(target_arch = "wasm32"), allow(dead_code))] // tested natively, used in WebAssembly
mod regions;
mod rng;
mod sparse;
#[cfg(feature = "threads")]
mod threads;

#[cfg(all(feature = "threads", target_arch = "wasm32", not(target_feature = "atomics")))]
compile_error!("feature `threads` needs target features atomics and bulk-memory; build with `npm run build`");
