//! The Postgres adapter on a throw-away server.

mod contract;
mod counters;
mod database;
mod events;
mod migrations;
mod plan;
