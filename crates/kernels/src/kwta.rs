//! k-Winners-Take-All.
