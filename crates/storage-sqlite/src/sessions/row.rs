//! A session as a row.

use chrono::Duration;
use sqlx::types::Uuid;
use systemprompt_users_domain::{SessionId, StorageError, StorageResult, UserId, UserSession};

use crate::codec::{optional_time, parse_optional, time, token_hash};

/// The columns of `sessions` but for the computed one.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct SessionRow {
    pub(crate) id: Uuid,
    pub(crate) user_id: Uuid,
    pub(crate) token_hash: Vec<u8>,
    pub(crate) ip: Option<String>,
    pub(crate) user_agent: Option<String>,
    pub(crate) device_type: Option<String>,
    pub(crate) os: Option<String>,
    pub(crate) browser: Option<String>,
    pub(crate) fingerprint: Option<String>,
    pub(crate) started_at: i64,
    pub(crate) last_activity_at: i64,
    pub(crate) expires_at: i64,
    pub(crate) idle_timeout: Option<i64>,
    pub(crate) ended_at: Option<i64>,
    pub(crate) end_reason: Option<String>,
}

impl TryFrom<SessionRow> for UserSession {
    type Error = StorageError;

    fn try_from(row: SessionRow) -> StorageResult<Self> {
        Ok(Self {
            id: SessionId::from_uuid(row.id),
            user_id: UserId::from_uuid(row.user_id),
            token_hash: token_hash(&row.token_hash)?,
            ip: parse_optional(row.ip.as_deref())?,
            user_agent: row.user_agent,
            device_type: row.device_type,
            os: row.os,
            browser: row.browser,
            fingerprint: parse_optional(row.fingerprint.as_deref())?,
            started_at: time(row.started_at)?,
            last_activity_at: time(row.last_activity_at)?,
            expires_at: time(row.expires_at)?,
            idle_timeout: row.idle_timeout.map(Duration::microseconds),
            ended_at: optional_time(row.ended_at)?,
            end_reason: parse_optional(row.end_reason.as_deref())?,
        })
    }
}

/// Reads rows into sessions, in their order.
pub(crate) fn sessions(rows: Vec<SessionRow>) -> StorageResult<Vec<UserSession>> {
    rows.into_iter().map(UserSession::try_from).collect()
}
