//! Benchmark tasks on the kernels of this crate, beside Rust's own selection.
//!
//! `main.rs` offers them to the harness natively, `wasm.rs` to ../rust.mjs.

mod conv2d;
mod matmul;
pub mod peak;
mod select;
mod spec;
#[cfg(target_arch = "wasm32")]
mod wasm;

pub use spec::Spec;

/// A task that holds its inputs. Variants are ways to do it.
pub trait Task {
    /// Their names.
    fn variants(&self) -> &'static [&'static str];
    /// Restores what `run` destroys; not timed.
    fn reset(&mut self) {}
    /// Does the work once.
    fn run(&mut self, variant: usize);
    /// The result of the last `run`, in PyTorch's layout; not timed.
    fn output(&self, variant: usize) -> Vec<f32>;
}

/// The task that a specification asks for, or nothing when it is unknown here.
pub fn load(spec: &Spec, input: &mut dyn FnMut(&str) -> Vec<f32>) -> Option<Box<dyn Task>> {
    match spec.task.as_str() {
        "select" => Some(Box::new(select::Select::new(spec, input))),
        "matmul" => Some(Box::new(matmul::Matmul::new(spec, input))),
        "peak" => Some(Box::new(peak::Peak)),
        "copy" => Some(Box::new(peak::Copy::new(spec))),
        "conv2d" => Some(Box::new(conv2d::Conv2d::new(spec, input))),
        _ => None,
    }
}
