//! Bans as clients see them.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use systemprompt_users_domain::{
    AllowedNetwork, BanFact, BanFactKind, BanIpParams, BanIpWithMetadataParams, BannedIp,
    LiftedBan, SessionId, UserError, UserId,
};
use utoipa::ToSchema;
use uuid::Uuid;

use super::length::DurationBody;
use crate::api::events::ActorBody;
use crate::api::schema::{IpTargetText, Line};

/// What the ledger of an address or network amounts to.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Ban)]
pub(in crate::api) struct BanBody {
    /// The ledger.
    id: Uuid,
    /// What is banned, in canonical form.
    #[schema(example = "203.0.113.0/24")]
    pub(super) target: String,
    /// Whether it is banned now.
    in_force: bool,
    /// When the ban in force began; of a ban that is over, when it had begun.
    banned_at: DateTime<Utc>,
    /// When it ends; null for a permanent ban.
    #[schema(required = true)]
    until: Option<DateTime<Utc>>,
    /// When it was lifted, if no ban came after that.
    #[schema(required = true)]
    lifted_at: Option<DateTime<Utc>>,
    /// Why: of the ban that determines `until`, as are the next fields.
    #[schema(required = true)]
    reason: Option<String>,
    /// What reported it.
    #[schema(required = true)]
    source: Option<String>,
    /// The fingerprint of the offender.
    #[schema(required = true)]
    fingerprint: Option<String>,
    /// The path that was asked for.
    #[schema(required = true)]
    offence_path: Option<String>,
    /// The user agent of the offender.
    #[schema(required = true)]
    user_agent: Option<String>,
    /// The sessions that offended.
    session_ids: Vec<Uuid>,
    /// The user behind the offence.
    #[schema(required = true)]
    user_id: Option<Uuid>,
    /// How many times it has been banned in all.
    ban_count: u32,
    /// In the answer to a request that wrote the network by an address inside of it, such as `203.0.113.7/8`: which
    /// network is banned.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

impl BanBody {
    pub(super) fn with_note(self, note: Option<String>) -> Self {
        Self { note, ..self }
    }

    pub(super) fn new(ban: BannedIp, now: DateTime<Utc>) -> Self {
        Self {
            in_force: ban.is_in_force(now),
            id: ban.id.as_uuid(),
            target: ban.target.to_string(),
            banned_at: ban.banned_at,
            until: ban.until.time(),
            lifted_at: ban.lifted_at,
            reason: ban.reason,
            source: ban.source,
            fingerprint: ban.fingerprint.map(|fingerprint| fingerprint.to_string()),
            offence_path: ban.offence_path,
            user_agent: ban.user_agent,
            session_ids: uuids(&ban.session_ids),
            user_id: ban.user_id.map(|id| id.as_uuid()),
            ban_count: ban.ban_count,
            note: None,
        }
    }
}

/// One entry of a ledger.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = BanFact)]
pub(in crate::api) struct BanFactBody {
    /// Its place in the ledger, from 1.
    sequence: u32,
    /// What happened.
    kind: BanFactWord,
    /// When this ban alone would end; null for a permanent ban and for a lift.
    #[schema(required = true)]
    until: Option<DateTime<Utc>>,
    /// When it happened.
    at: DateTime<Utc>,
    /// Who did it.
    actor: ActorBody,
    /// Why.
    #[schema(required = true)]
    reason: Option<String>,
    /// What reported it.
    #[schema(required = true)]
    source: Option<String>,
    /// The fingerprint of the offender.
    #[schema(required = true)]
    fingerprint: Option<String>,
    /// The path that was asked for.
    #[schema(required = true)]
    offence_path: Option<String>,
    /// The user agent of the offender.
    #[schema(required = true)]
    user_agent: Option<String>,
    /// The sessions that offended.
    session_ids: Vec<Uuid>,
    /// The user behind the offence.
    #[schema(required = true)]
    user_id: Option<Uuid>,
}

/// What happened to a target.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = BanFactKind)]
enum BanFactWord {
    /// It was banned, or banned for longer.
    Banned,
    /// All bans before were lifted.
    Lifted,
}

impl From<BanFact> for BanFactBody {
    fn from(fact: BanFact) -> Self {
        let (kind, until) = match fact.kind {
            BanFactKind::Banned { until } => (BanFactWord::Banned, until.time()),
            BanFactKind::Lifted => (BanFactWord::Lifted, None),
        };
        Self {
            sequence: fact.sequence,
            kind,
            until,
            at: fact.at,
            actor: fact.actor.into(),
            reason: fact.reason,
            source: fact.source,
            fingerprint: fact.fingerprint.map(|fingerprint| fingerprint.to_string()),
            offence_path: fact.offence_path,
            user_agent: fact.user_agent,
            session_ids: uuids(&fact.session_ids),
            user_id: fact.user_id.map(|id| id.as_uuid()),
        }
    }
}

/// A ban of an address or a network.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct NewBan {
    /// The address or network, in any spelling.
    #[schema(value_type = IpTargetText)]
    target: String,
    /// How long.
    duration: DurationBody,
    /// Why, for people.
    #[serde(default)]
    #[schema(value_type = Option<Line>)]
    reason: Option<String>,
    /// What reported it, such as the name of a list or a detector.
    #[serde(default)]
    #[schema(value_type = Option<Line>)]
    source: Option<String>,
    /// The fingerprint of the offender.
    #[serde(default)]
    #[schema(value_type = Option<Line>)]
    fingerprint: Option<String>,
    /// The path that was asked for; cut to 255 characters.
    #[serde(default)]
    offence_path: Option<String>,
    /// The user agent of the offender; cut to 255 characters.
    #[serde(default)]
    user_agent: Option<String>,
    /// The sessions that offended.
    #[serde(default)]
    #[schema(max_items = 100)]
    session_ids: Vec<Uuid>,
    /// The user behind the offence.
    #[serde(default)]
    user_id: Option<Uuid>,
    /// Ban it even though it hits the address that the request comes from, admins who are signed in, or a network wider
    /// than /8 (IPv4) or /16 (IPv6). Otherwise that is refused with 409, and `impact` says what would be hit.
    #[serde(default)]
    #[schema(default = false)]
    pub(super) confirm: bool,
}

impl NewBan {
    pub(super) fn params(self) -> Result<BanIpWithMetadataParams, UserError> {
        Ok(BanIpWithMetadataParams {
            ban: BanIpParams {
                ip: self.target,
                duration: self.duration.parse()?,
                reason: self.reason,
                source: self.source,
            },
            fingerprint: self.fingerprint,
            offence_path: self.offence_path,
            user_agent: self.user_agent,
            session_ids: self.session_ids.into_iter().map(SessionId::from_uuid).collect(),
            user_id: self.user_id.map(UserId::from_uuid),
        })
    }
}

/// What lifting a ban did.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LiftedBan)]
pub(in crate::api) struct LiftedBanBody {
    /// The ban that was lifted.
    ban: BanBody,
    /// Wider networks whose bans still cover the target, the narrowest first.
    still_covered_by: Vec<String>,
}

impl LiftedBanBody {
    pub(super) fn new(lifted: LiftedBan, now: DateTime<Utc>) -> Self {
        Self {
            ban: BanBody::new(lifted.ban, now),
            still_covered_by: lifted.still_covered_by.iter().map(ToString::to_string).collect(),
        }
    }
}

/// Whether an address is banned.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct BanCheck {
    /// What was asked about, in canonical form.
    pub(super) target: String,
    /// Whether it is banned now, by itself or by a network that covers it.
    pub(super) banned: bool,
    /// The ban that keeps it out: of all that cover it the one that lasts longest.
    #[schema(required = true)]
    pub(super) ban: Option<BanBody>,
}

/// How many bans are in force.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct BanCount {
    /// How many.
    pub(super) active: u64,
}

/// What a clean-up removed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CleanedBans)]
pub(in crate::api) struct CleanedBansBody {
    /// Ledgers removed because their ban was over longer ago than the retention.
    pub(super) deleted: u64,
}

/// A network on the allow-list.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AllowedNetwork)]
pub(in crate::api) struct AllowedNetworkBody {
    /// The address or network, in canonical form.
    target: String,
    /// Why, for people.
    #[schema(required = true)]
    note: Option<String>,
    /// When it was added.
    added_at: DateTime<Utc>,
    /// Who added it.
    added_by: ActorBody,
}

impl From<AllowedNetwork> for AllowedNetworkBody {
    fn from(network: AllowedNetwork) -> Self {
        Self {
            target: network.target.to_string(),
            note: network.note,
            added_at: network.added_at,
            added_by: network.added_by.into(),
        }
    }
}

fn uuids(ids: &[SessionId]) -> Vec<Uuid> {
    ids.iter().map(SessionId::as_uuid).collect()
}
