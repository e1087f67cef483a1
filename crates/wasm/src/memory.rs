//! Blocks of wasm memory that the JavaScript side owns, and slices of them for the kernels.

use std::alloc::{alloc, dealloc, Layout};
use wasm_bindgen::prelude::wasm_bindgen;

/// Blocks begin at multiples of a cache line.
const ALIGNMENT: usize = 64;

/// Blocks from this length on are regions of their own.
#[cfg(target_arch = "wasm32")]
const LARGE: usize = 32 << 20;

/// A block of `bytes`, or 0 when memory cannot grow that far. Contents are unspecified.
#[wasm_bindgen]
pub fn allocate(bytes: usize) -> usize {
    #[cfg(target_arch = "wasm32")]
    if bytes >= LARGE {
        return large::allocate(bytes);
    }
    match Layout::from_size_align(bytes.max(1), ALIGNMENT) {
        // SAFETY: the size is not zero.
        Ok(layout) => unsafe { alloc(layout) as usize },
        Err(_) => 0,
    }
}

/// Gives back a block of [`allocate`] of the same size.
#[wasm_bindgen]
pub unsafe fn deallocate(pointer: *mut u8, bytes: usize) {
    #[cfg(target_arch = "wasm32")]
    if bytes >= LARGE {
        return large::deallocate(pointer.addr(), bytes);
    }
    if let Ok(layout) = Layout::from_size_align(bytes.max(1), ALIGNMENT) {
        // SAFETY: the caller's contract: allocated here with this layout.
        unsafe { dealloc(pointer, layout) }
    }
}

#[cfg(target_arch = "wasm32")]
mod large {
    use super::{alloc, dealloc, Layout};
    use crate::regions::Regions;
    use core::arch::wasm32::{memory_grow, memory_size};
    use std::sync::{Mutex, MutexGuard, Once, PoisonError};

    const PAGE: usize = 1 << 16;
    /// Pages that 32 bits address.
    const MOST: usize = 1 << 16;
    /// Regions of this length are a large part of what there is.
    const HUGE: usize = 512 << 20;
    /// What Rust's allocator gets before the first of them: what it takes later, buffers of kernels above all, would lie
    /// behind the region, which then could not grow in place.
    const ROOM: Layout = match Layout::from_size_align(64 << 20, PAGE) {
        Ok(layout) => layout,
        Err(_) => unreachable!(),
    };

    static REGIONS: Mutex<Regions> = Mutex::new(Regions::new());

    fn regions() -> MutexGuard<'static, Regions> {
        REGIONS.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `bytes` in whole pages, or 0.
    pub fn allocate(bytes: usize) -> usize {
        let Some(len) = bytes.checked_next_multiple_of(PAGE) else { return 0 };
        let grow = |len: usize| match len / PAGE {
            // No region reaches to the very end of the address space, which no number tells.
            pages if memory_size(0) + pages >= MOST => None,
            pages => match memory_grow(0, pages) {
                usize::MAX => None,
                before => Some(before * PAGE),
            },
        };
        let mut regions = regions();
        if bytes >= HUGE {
            static MAKE_ROOM: Once = Once::new();
            MAKE_ROOM.call_once(make_room);
        }
        // A helper may have grown memory at the same time: the second time what it left is there to be joined.
        let mut take = || regions.take(len, super::memory_end(), grow);
        take().or_else(take).unwrap_or(0)
    }

    fn make_room() {
        // SAFETY: the size is not zero; what was given is given back, and stays the allocator's.
        unsafe {
            // Unseen by the optimiser, which would drop both calls.
            let room = core::hint::black_box(alloc(ROOM));
            if !room.is_null() {
                dealloc(room, ROOM);
            }
        }
    }

    pub fn deallocate(start: usize, bytes: usize) {
        regions().give(start, bytes.next_multiple_of(PAGE));
    }
}

/// The `len` values of operand `name` at `pointer`; panics unless they lie in memory.
///
/// # Safety
/// They must lie in one block, and no one may write to them while the slice lives.
pub(crate) unsafe fn read<'a, T>(name: &str, pointer: *const T, len: usize) -> &'a [T] {
    check(name, pointer, len);
    // SAFETY: the caller's contract.
    unsafe { std::slice::from_raw_parts(pointer, len) }
}

/// The `len` values of operand `name` at `pointer`, for writing; panics unless they lie in memory.
///
/// # Safety
/// They must lie in one block, and no one else may use them while the slice lives.
pub(crate) unsafe fn write<'a, T>(name: &str, pointer: *mut T, len: usize) -> &'a mut [T] {
    check(name, pointer, len);
    // SAFETY: the caller's contract.
    unsafe { std::slice::from_raw_parts_mut(pointer, len) }
}

fn check<T>(name: &str, pointer: *const T, len: usize) {
    // No slice is longer than half of the address space.
    let bytes = len.checked_mul(size_of::<T>()).filter(|&bytes| bytes <= isize::MAX as usize);
    let end = bytes.and_then(|bytes| bytes.checked_add(pointer.addr()));
    if pointer.is_null() || !pointer.is_aligned() || end.is_none_or(|end| end > memory_end()) {
        outside(name, pointer.addr(), len);
    }
}

#[cold]
fn outside(name: &str, address: usize, len: usize) -> ! {
    panic!("{name}: {len} values at address {address} do not lie in memory");
}

/// The first address past memory; of all 4 GiB, the last one.
#[cfg(target_arch = "wasm32")]
fn memory_end() -> usize {
    core::arch::wasm32::memory_size(0).saturating_mul(1 << 16)
}

#[cfg(not(target_arch = "wasm32"))]
fn memory_end() -> usize {
    isize::MAX as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operands_lie_in_memory() {
        let values = [1.0f32, 2.0];
        // SAFETY: two values.
        assert_eq!(unsafe { read("x", values.as_ptr(), 2) }, values);
    }

    #[test]
    #[should_panic(expected = "x: 3 values at address 0 do not lie in memory")]
    fn no_address() {
        // SAFETY: it panics.
        unsafe { read::<f32>("x", core::ptr::null(), 3) };
    }

    #[test]
    #[should_panic(expected = "y: 1 values at address 6 do not lie in memory")]
    fn not_aligned() {
        // SAFETY: it panics.
        unsafe { write::<f32>("y", core::ptr::without_provenance_mut(6), 1) };
    }

    #[test]
    #[should_panic(expected = "x: 4611686018427387904 values at address 8 do not lie in memory")]
    fn too_many() {
        // SAFETY: it panics.
        unsafe { read::<u32>("x", core::ptr::without_provenance(8), 1 << 62) };
    }
}
