//! The arithmetic of k-WTA networks: pure Rust, no wasm-bindgen, tested natively and as WebAssembly.
//!
//! Conventions, everywhere in this crate:
//! - Tensors are plain `f32` slices, channels last: `[n][h][w][c]`. Weights are `[kh][kw][c_in][c_out]`.
//! - A kernel writes its outputs whole (it overwrites), unless its name says that it adds.
//! - Work is cut into pieces that do not depend on the number of threads, and partial sums are added
//!   in a fixed order: the same input gives the same bits for any number of threads.
//! - Slice lengths are checked once at entry with `assert_eq!`; inner loops then run unchecked.
//!
//! A file holds one subject; its naive oracle stands in `reference/` under the same name.

pub mod activation;
pub mod attack;
pub mod batch_norm;
pub mod conv2d;
pub mod denormal;
pub mod elementwise;
mod exp;
pub mod finite;
pub mod group_norm;
pub mod kwta;
pub mod loss;
pub mod matmul;
pub mod optim;
pub mod parallel;
pub mod pool;
#[cfg(test)]
mod reference;
pub mod rng;
pub mod scratch;
pub mod select;
pub mod simd;
pub mod sizes;
pub mod sparse;
#[cfg(test)]
mod testing;
