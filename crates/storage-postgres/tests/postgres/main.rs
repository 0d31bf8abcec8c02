//! The Postgres adapter on a throw-away server.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod connections;
mod contract;
mod copy;
mod counters;
mod database;
mod events;
mod migrations;
mod plan;
mod replica;
mod search;
mod servers;
mod signal;
mod updates;
