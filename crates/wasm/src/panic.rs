//! Keeps the message of a failed assertion, which the trap that follows does not carry.

use std::sync::Mutex;
use wasm_bindgen::prelude::wasm_bindgen;

static MESSAGE: Mutex<Option<String>> = Mutex::new(None);

/// Records messages from now on. Called once by every worker.
#[wasm_bindgen]
pub fn install_panic_message() {
    std::panic::set_hook(Box::new(|info| {
        if let Ok(mut message) = MESSAGE.try_lock() {
            *message = Some(info.to_string());
        }
    }));
}

/// The message of the last panic, once.
#[wasm_bindgen]
pub fn take_panic_message() -> Option<String> {
    MESSAGE.try_lock().ok()?.take()
}
