//! Every rule of the design, on every backend, through the public API.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails where its steps do"
)]
extern crate systemprompt_users_tests as systemprompt_users;

mod create_update;
mod find;
mod roles;
mod status;
