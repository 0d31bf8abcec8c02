//! What only a storage that fails at the right moment can show.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod backlog;
mod retries;
mod silence;
