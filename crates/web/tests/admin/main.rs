//! The admin pages, asked without a socket: every page and every button.
#![expect(clippy::unwrap_used, reason = "a test fails where its set-up does")]

mod bans;
mod bulk;
mod forms;
mod guard;
mod keys;
mod pages;
mod script;
mod sign_in;
mod site;
mod users;
