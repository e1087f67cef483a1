//! Four whole numbers in a plain array, beside `sse2.rs` and `portable.rs`.

/// Four `u32`.
#[derive(Clone, Copy)]
pub struct U32x4([u32; 4]);

impl U32x4 {
    /// Lanes `first`, `first + 1`, ...
    #[inline(always)]
    pub fn counting_from(first: u32) -> Self {
        Self([first, first + 1, first + 2, first + 3])
    }

    /// `number` more in every lane.
    #[inline(always)]
    pub fn plus(self, number: u32) -> Self {
        Self(self.0.map(|lane| lane + number))
    }

    /// Loads four numbers.
    ///
    /// # Safety
    /// `source` must be valid for reading four `u32`; no alignment is needed.
    #[inline(always)]
    pub unsafe fn load_ptr(source: *const u32) -> Self {
        // SAFETY: the caller's contract.
        Self(unsafe { source.cast::<[u32; 4]>().read_unaligned() })
    }

    /// Stores the lanes whose bit is set in `mask` (below 16) one after another; the places after them,
    /// up to four in all, get unspecified values.
    ///
    /// # Safety
    /// `target` must be valid for writing four `u32`.
    #[inline(always)]
    pub(super) unsafe fn compress_ptr(self, mask: u32, target: *mut u32) {
        let mut kept = 0;
        for (lane, &v) in self.0.iter().enumerate() {
            // SAFETY: at most `lane` values were kept before, so `kept` is below four.
            unsafe { target.add(kept).write(v) };
            kept += (mask >> lane & 1) as usize;
        }
    }
}
