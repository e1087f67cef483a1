//! What attacks do between two passes of the network: queries around a point and the gradient estimated from their
//! answers (`antithetic.rs`), and steps inside a ball (`ball.rs`).
//!
//! Arithmetic is in `f64`, rounded to `f32` where a value is stored: the bits of the same loops in JavaScript.

pub mod antithetic;
pub mod ball;
