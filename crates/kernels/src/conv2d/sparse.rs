//! Compressed input.
