//! Dense input.
