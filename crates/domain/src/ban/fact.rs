//! What happened to a target: never rewritten.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{BanEnd, IpTarget};
use crate::{Actor, BanId, Fingerprint, SessionId, UserId};

/// One entry of a target's ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BanFact {
    /// The ledger it belongs to.
    pub ban_id: BanId,
    /// Its place in the ledger, from 1 without a gap.
    pub sequence: u32,
    /// What the ledger is about.
    pub target: IpTarget,
    /// What happened.
    #[serde(flatten)]
    pub kind: BanFactKind,
    /// When it happened.
    pub at: DateTime<Utc>,
    /// Who did it.
    pub actor: Actor,
    /// Why, for people.
    pub reason: Option<String>,
    /// What reported it, such as the name of a list or a detector.
    pub source: Option<String>,
    /// The fingerprint of the offender.
    pub fingerprint: Option<Fingerprint>,
    /// The path that was asked for.
    pub offence_path: Option<String>,
    /// The user agent of the offender.
    pub user_agent: Option<String>,
    /// The sessions that offended.
    pub session_ids: Vec<SessionId>,
    /// The user behind the offence. A merge moves it; everything else stays as it was written.
    pub user_id: Option<UserId>,
}

/// What happened to a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum BanFactKind {
    /// It was banned, or banned again while a ban held, which can only extend it.
    Banned {
        /// When this ban alone would end.
        until: BanEnd,
    },
    /// All bans before it were lifted.
    Lifted,
}
