//! Every rule of the design, on every backend, through the public API.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails where its steps do"
)]
extern crate systemprompt_users_tests as systemprompt_users;

mod anonymous;
mod bulk;
mod create;
mod find;
mod lifecycle;
mod merge;
mod roles;
mod status;
mod update;
