//! The Postgres adapter on a throw-away server.

mod contract;
mod database;
mod plan;
