//! Naive oracles: the definition of each kernel in plain loops, `f64` sums where it helps.

pub mod activation;
pub mod attack;
pub mod batch_norm;
pub mod conv2d;
pub mod elementwise;
pub mod group_norm;
pub mod kwta;
pub mod loss;
pub mod matmul;
pub mod optim;
pub mod pool;
pub mod rng;
