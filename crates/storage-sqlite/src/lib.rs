#![doc = include_str!("../README.md")]

mod access;
mod bans;
mod codec;
mod error;
mod events;
mod file;
mod jobs;
mod migrations;
mod readers;
mod sessions;
mod signal;
mod sql;
mod storage;
mod time_span;
mod unit;
mod users;

pub use migrations::SchemaVersion;
pub use storage::{SqliteOptions, SqliteStorage};
