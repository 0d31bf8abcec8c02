//! The daemon as an operator starts it.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod config;
mod connections;
mod harness;
mod http;
mod life;
mod nginx;
mod otlp;
mod replay;
mod revocation;
mod rough;
mod tls;
