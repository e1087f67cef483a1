//! What ../rust.mjs calls. One task at a time, on one thread; JavaScript writes inputs into memory.

use std::cell::RefCell;
use std::collections::HashMap;

use crate::{load, Spec, Task};

#[derive(Default)]
struct State {
    inputs: HashMap<String, Vec<f32>>,
    /// Text that JavaScript wrote last.
    text: Vec<u8>,
    task: Option<Box<dyn Task>>,
    output: Vec<f32>,
}

thread_local! {
    static STATE: RefCell<State> = RefCell::default();
}

fn with<R>(work: impl FnOnce(&mut State) -> R) -> R {
    STATE.with_borrow_mut(work)
}

fn take_text(state: &mut State) -> String {
    String::from_utf8(std::mem::take(&mut state.text)).expect("UTF-8")
}

/// Room for `len` bytes of text.
#[no_mangle]
pub extern "C" fn text(len: usize) -> *mut u8 {
    with(|state| {
        state.text = vec![0; len];
        state.text.as_mut_ptr()
    })
}

/// Room for the `len` values of the input that the text names.
#[no_mangle]
pub extern "C" fn input(len: usize) -> *mut f32 {
    with(|state| {
        let name = take_text(state);
        let values = state.inputs.entry(name).or_default();
        *values = vec![0.0; len];
        values.as_mut_ptr()
    })
}

/// Loads the task that the text specifies; the number of its variants.
#[no_mangle]
pub extern "C" fn load_task() -> usize {
    with(|state| {
        state.task = None;
        let spec = Spec::parse(&take_text(state));
        let inputs = &mut state.inputs;
        state.task = load(&spec, &mut |name| inputs.remove(name).unwrap_or_else(|| panic!("no input {name}")));
        state.inputs.clear();
        state.task.as_ref().map_or(0, |task| task.variants().len())
    })
}

fn with_task<R>(work: impl FnOnce(&mut dyn Task) -> R) -> R {
    with(|state| work(&mut **state.task.as_mut().expect("a task")))
}

/// Address of a variant's name.
#[no_mangle]
pub extern "C" fn variant_name(variant: usize) -> *const u8 {
    with_task(|task| task.variants()[variant].as_ptr())
}

/// Length of a variant's name.
#[no_mangle]
pub extern "C" fn variant_name_len(variant: usize) -> usize {
    with_task(|task| task.variants()[variant].len())
}

/// Restores what `run` destroys.
#[no_mangle]
pub extern "C" fn reset() {
    with_task(|task| task.reset());
}

/// Does the work once.
#[no_mangle]
pub extern "C" fn run(variant: usize) {
    with_task(|task| task.run(variant));
}

/// Address of the last result.
#[no_mangle]
pub extern "C" fn output(variant: usize) -> *const f32 {
    with(|state| {
        state.output = state.task.as_ref().expect("a task").output(variant);
        state.output.as_ptr()
    })
}

/// Its length.
#[no_mangle]
pub extern "C" fn output_len() -> usize {
    with(|state| state.output.len())
}
