//! The layers and the small routers, in process.

mod bans;
mod forward_auth;
mod hardened;
mod harness;
mod health;
mod idempotency;
mod limits;
mod sessions;
