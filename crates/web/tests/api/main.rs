//! The HTTP API, in process.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod bans;
mod bans_import;
mod events;
mod harness;
mod if_match;
mod jobs;
mod keys;
mod openapi;
mod requests;
mod scopes;
mod sessions;
mod users;
mod users_import;
mod users_lists;
mod users_scopes;
