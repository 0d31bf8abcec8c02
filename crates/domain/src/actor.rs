//! Who does something.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{ApiKeyId, UserId};

/// On whose behalf a change is made; every event names one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(tag = "type", content = "id", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Actor {
    /// The host itself, where it named nobody.
    #[default]
    System,
    /// A user who is signed in.
    User(UserId),
    /// An operator at a command line, by the name of the account.
    Operator(String),
    /// A scheduled job, by its name.
    Job(String),
    /// Another service, by the name or key it is known under.
    Service(String),
    /// A program with an API key.
    ApiKey(ApiKeyId),
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System => f.write_str("system"),
            Self::User(id) => write!(f, "user:{id}"),
            Self::Operator(name) => write!(f, "operator:{name}"),
            Self::Job(name) => write!(f, "job:{name}"),
            Self::Service(name) => write!(f, "service:{name}"),
            Self::ApiKey(id) => write!(f, "api_key:{id}"),
        }
    }
}
