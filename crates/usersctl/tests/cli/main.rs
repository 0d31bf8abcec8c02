//! The program as its user meets it: arguments in, streams and exit code out.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod bans;
mod harness;
mod import_addresses;
mod import_users;
mod keys;
mod lists;
mod output;
mod postgres;
mod safety;
mod sessions;
mod system;
mod users;
