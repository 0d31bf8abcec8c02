//! Ledgers, facts and allowed networks as rows.

use sqlx::types::Uuid;
use systemprompt_users_domain::{
    AllowedNetwork, BanEnd, BanFact, BanFactKind, BanId, BannedIp, StorageError, StorageResult,
    UserId,
};

use crate::codec::{micros, optional_time, parse, parse_optional, time, unsigned};
use crate::error::other;

/// How the end of a ban is stored that never ends by itself: later than any moment.
const NEVER: i64 = i64::MAX;

/// How the end of a ban is stored.
pub(crate) fn end_micros(end: BanEnd) -> i64 {
    end.time().map_or(NEVER, micros)
}

fn ban_end(micros: i64) -> StorageResult<BanEnd> {
    if micros == NEVER { Ok(BanEnd::Never) } else { time(micros).map(BanEnd::At) }
}

/// The columns of `ban_ledgers` but for the computed ones.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct LedgerRow {
    pub(crate) id: Uuid,
    pub(crate) target: String,
    pub(crate) banned_at: i64,
    pub(crate) until: i64,
    pub(crate) lifted_at: Option<i64>,
    pub(crate) reason: Option<String>,
    pub(crate) source: Option<String>,
    pub(crate) fingerprint: Option<String>,
    pub(crate) offence_path: Option<String>,
    pub(crate) user_agent: Option<String>,
    pub(crate) session_ids: String,
    pub(crate) user_id: Option<Uuid>,
    pub(crate) ban_count: i64,
    pub(crate) fact_count: i64,
    pub(crate) lifted_through: i64,
}

impl TryFrom<LedgerRow> for BannedIp {
    type Error = StorageError;

    fn try_from(row: LedgerRow) -> StorageResult<Self> {
        Ok(Self {
            id: BanId::from_uuid(row.id),
            target: parse(&row.target)?,
            banned_at: time(row.banned_at)?,
            until: ban_end(row.until)?,
            lifted_at: optional_time(row.lifted_at)?,
            reason: row.reason,
            source: row.source,
            fingerprint: parse_optional(row.fingerprint.as_deref())?,
            offence_path: row.offence_path,
            user_agent: row.user_agent,
            session_ids: serde_json::from_str(&row.session_ids).map_err(other)?,
            user_id: row.user_id.map(UserId::from_uuid),
            ban_count: unsigned(row.ban_count)?,
            fact_count: unsigned(row.fact_count)?,
            lifted_through: unsigned(row.lifted_through)?,
        })
    }
}

/// Reads rows into ledgers, in their order.
pub(crate) fn ledgers(rows: Vec<LedgerRow>) -> StorageResult<Vec<BannedIp>> {
    rows.into_iter().map(BannedIp::try_from).collect()
}

/// The columns of `ban_facts`.
pub(crate) struct FactRow {
    pub(crate) ban_id: Uuid,
    pub(crate) sequence: i64,
    pub(crate) target: String,
    pub(crate) until: Option<i64>,
    pub(crate) at: i64,
    pub(crate) actor: String,
    pub(crate) reason: Option<String>,
    pub(crate) source: Option<String>,
    pub(crate) fingerprint: Option<String>,
    pub(crate) offence_path: Option<String>,
    pub(crate) user_agent: Option<String>,
    pub(crate) session_ids: String,
    pub(crate) user_id: Option<Uuid>,
}

impl TryFrom<FactRow> for BanFact {
    type Error = StorageError;

    fn try_from(row: FactRow) -> StorageResult<Self> {
        Ok(Self {
            ban_id: BanId::from_uuid(row.ban_id),
            sequence: unsigned(row.sequence)?,
            target: parse(&row.target)?,
            kind: match row.until {
                Some(until) => BanFactKind::Banned { until: ban_end(until)? },
                None => BanFactKind::Lifted,
            },
            at: time(row.at)?,
            actor: serde_json::from_str(&row.actor).map_err(other)?,
            reason: row.reason,
            source: row.source,
            fingerprint: parse_optional(row.fingerprint.as_deref())?,
            offence_path: row.offence_path,
            user_agent: row.user_agent,
            session_ids: serde_json::from_str(&row.session_ids).map_err(other)?,
            user_id: row.user_id.map(UserId::from_uuid),
        })
    }
}

/// The columns of `allowed_networks`.
pub(crate) struct AllowedRow {
    pub(crate) target: String,
    pub(crate) note: Option<String>,
    pub(crate) added_at: i64,
    pub(crate) added_by: String,
}

impl TryFrom<AllowedRow> for AllowedNetwork {
    type Error = StorageError;

    fn try_from(row: AllowedRow) -> StorageResult<Self> {
        Ok(Self {
            target: parse(&row.target)?,
            note: row.note,
            added_at: time(row.added_at)?,
            added_by: serde_json::from_str(&row.added_by).map_err(other)?,
        })
    }
}
