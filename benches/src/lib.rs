//! Databases of a known content and size, one of each backend, for benchmarks.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "a benchmark without its database has nothing to measure"
)]

mod asked;
mod backend;
mod bulk;
mod measured;
mod population;
mod world;

pub use asked::{is_asked_for, number};
pub use backend::Backend;
pub use measured::{percentile, rate, resident, row, time};
pub use population::{people, some_user_id};
pub use world::{World, world};
