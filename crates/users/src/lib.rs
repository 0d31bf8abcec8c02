#![doc = include_str!("../README.md")]

pub use systemprompt_database::{
    BackendKind, DbPool, SchemaVersion, address_file, redact_urls, sqlite_file,
};
pub use systemprompt_users_application::*;
pub use systemprompt_users_domain::*;

/// The examples of the project's README, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct ProjectReadme;
