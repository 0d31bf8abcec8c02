//! The HTTP API, in process.

mod bans;
mod bans_import;
mod events;
mod harness;
mod jobs;
mod keys;
mod openapi;
mod sessions;
mod users;
mod users_import;
mod users_lists;
mod users_scopes;
