//! The adapter from outside.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod contract;
mod everything;
mod files;
mod fresh;
mod large;
mod plan;
mod population;
mod upgrades;
