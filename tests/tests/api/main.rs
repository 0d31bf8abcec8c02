//! Every rule of the design, on every backend, through the public API.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails where its steps do"
)]
extern crate systemprompt_users_tests as systemprompt_users;

mod allow_list;
mod anonymous;
mod ban_lists;
mod bans;
mod bulk;
mod create;
mod events;
mod find;
mod lifecycle;
mod lists;
mod merge;
mod roles;
mod search;
mod session_ends;
mod sessions;
mod stats;
mod status;
mod update;
