#![doc = include_str!("../README.md")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a case fails by panicking, as a test does"
)]

mod books;
mod cases;
mod expand;
pub mod fixtures;
mod list;
mod overlap;
mod population;
mod run;
mod subject;

pub use list::case;
pub use run::run;
pub use subject::Subject;
