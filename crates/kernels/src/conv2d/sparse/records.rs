//! What the passes keep in buffers of `u32`: entries, spans and taps, as structs with names.

/// Numbers that belong together, kept in buffers of `u32`.
///
/// # Safety
/// A `repr(C)` struct of nothing but `u32` and `f32`.
pub(super) unsafe trait Record: Copy {
    /// How many numbers.
    const NUMBERS: usize = size_of::<Self>() / size_of::<u32>();
}

/// A buffer as records.
pub(super) fn as_records<R: Record>(numbers: &mut [u32]) -> &mut [R] {
    // SAFETY: by the trait's contract, records are aligned as numbers are, and may have any bits.
    unsafe { core::slice::from_raw_parts_mut(numbers.as_mut_ptr().cast(), numbers.len() / R::NUMBERS) }
}

/// An entry as inner loops read it.
#[derive(Clone, Copy)]
#[repr(C)]
pub(super) struct Entry {
    /// Of a row, in bytes.
    pub(super) place: u32,
    pub(super) value: f32,
}

// SAFETY: two numbers.
unsafe impl Record for Entry {}

/// Neighbouring places: the first, and past the last.
#[derive(Clone, Copy)]
#[repr(C)]
pub(super) struct Span {
    pub(super) first: u32,
    pub(super) end: u32,
}

// SAFETY: two numbers.
unsafe impl Record for Span {}

/// What belongs to a tap.
#[derive(Clone, Copy)]
#[repr(C)]
pub(super) struct Tap {
    pub(super) phase: u32,
    /// The first of the parts of a list that the tap does not bring outside.
    pub(super) first_part: u32,
    /// Past the last of them.
    pub(super) end_part: u32,
    /// How far its weights lie behind those of tap 0.
    pub(super) in_weights: u32,
    /// How far before an entry's row of `dy` its row for this tap lies.
    pub(super) in_grid: u32,
}

// SAFETY: five numbers.
unsafe impl Record for Tap {}
