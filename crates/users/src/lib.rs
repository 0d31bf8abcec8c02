#![doc = include_str!("../README.md")]

pub use systemprompt_database::{BackendKind, DbPool, SchemaVersion};
pub use systemprompt_users_application::*;
pub use systemprompt_users_domain::*;
