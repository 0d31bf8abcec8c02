//! The adapter from outside.

mod contract;
mod fresh;
