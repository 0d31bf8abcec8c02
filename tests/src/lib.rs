//! The public API from outside.
