//! Introselect.
