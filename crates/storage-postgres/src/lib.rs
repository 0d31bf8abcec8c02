#![doc = include_str!("../README.md")]

mod access;
mod bans;
mod copy;
mod error;
mod events;
mod jobs;
mod migrate;
mod options;
mod pool;
mod reader;
mod replica;
mod server;
mod sessions;
mod signal;
mod storage;
mod time;
mod unit;
mod users;

pub use options::PostgresOptions;
pub use server::UrlError;
pub use storage::PostgresStorage;
