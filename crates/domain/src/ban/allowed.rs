//! Networks that no ban touches.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::IpTarget;
use crate::Actor;

/// A network on the allow-list, which wins over every ban.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AllowedNetwork {
    /// The address or network.
    pub target: IpTarget,
    /// Why, for people.
    pub note: Option<String>,
    /// When it was added.
    pub added_at: DateTime<Utc>,
    /// Who added it.
    pub added_by: Actor,
}
