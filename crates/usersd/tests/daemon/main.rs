//! The daemon as an operator starts it.

mod config;
mod connections;
mod harness;
mod http;
mod life;
mod nginx;
mod revocation;
