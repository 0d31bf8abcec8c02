//! The layers and the small routers, in process.

mod bans;
mod hardened;
mod harness;
mod limits;
mod sessions;
