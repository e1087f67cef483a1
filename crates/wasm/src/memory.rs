//! Blocks of wasm memory that the JavaScript side owns, and slices of them for the kernels.

use std::alloc::{alloc, dealloc, Layout};
use wasm_bindgen::prelude::wasm_bindgen;

/// Blocks begin at multiples of a cache line.
const ALIGNMENT: usize = 64;

/// A block of `bytes`, or 0 when memory cannot grow that far. Contents are unspecified.
#[wasm_bindgen]
pub fn allocate(bytes: usize) -> usize {
    match Layout::from_size_align(bytes.max(1), ALIGNMENT) {
        // SAFETY: the size is not zero.
        Ok(layout) => unsafe { alloc(layout) as usize },
        Err(_) => 0,
    }
}

/// Gives back a block of [`allocate`] of the same size.
#[wasm_bindgen]
pub unsafe fn deallocate(pointer: *mut u8, bytes: usize) {
    if let Ok(layout) = Layout::from_size_align(bytes.max(1), ALIGNMENT) {
        // SAFETY: the caller's contract: allocated here with this layout.
        unsafe { dealloc(pointer, layout) }
    }
}

/// The `len` values at `pointer`.
///
/// # Safety
/// They must lie in one block, and no one may write to them while the slice lives.
pub(crate) unsafe fn read<'a, T>(pointer: *const T, len: usize) -> &'a [T] {
    // SAFETY: the caller's contract.
    unsafe { std::slice::from_raw_parts(pointer, len) }
}

/// The `len` values at `pointer`, for writing.
///
/// # Safety
/// They must lie in one block, and no one else may use them while the slice lives.
pub(crate) unsafe fn write<'a, T>(pointer: *mut T, len: usize) -> &'a mut [T] {
    // SAFETY: the caller's contract.
    unsafe { std::slice::from_raw_parts_mut(pointer, len) }
}
