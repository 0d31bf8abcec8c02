//! The admin pages in a real browser: the way of a newcomer, without scripts, in the dark, on a phone.
#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails where an answer is not as expected"
)]

mod browser;
mod gallery;
mod hands;
mod newcomer;
mod run;
mod server;
