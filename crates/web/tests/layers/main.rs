//! The layers and the small routers, in process.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod bans;
mod forward_auth;
mod hardened;
mod harness;
mod health;
mod idempotency;
mod limits;
mod sessions;
