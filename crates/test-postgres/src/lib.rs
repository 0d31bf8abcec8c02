#![doc = include_str!("../README.md")]

mod binaries;
mod cluster;
mod crash;
mod database;
mod psql;
mod replica;

pub use binaries::find_program;
pub use cluster::{StartError, TestCluster};
pub use database::TestDatabase;
