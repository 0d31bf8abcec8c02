//! A session as a row.

use std::net::IpAddr;

use chrono::{DateTime, TimeDelta, Utc};
use systemprompt_users_domain::{
    EndReason, Fingerprint, SessionId, StorageResult, UserId, UserSession,
};
use uuid::Uuid;

use crate::error::corrupt;
use crate::users::{optional, token_hash};

/// A row of `sessions`.
#[derive(sqlx::FromRow)]
pub(super) struct SessionRow {
    pub(super) id: Uuid,
    pub(super) user_id: Uuid,
    pub(super) token_hash: Vec<u8>,
    pub(super) ip: Option<IpAddr>,
    pub(super) user_agent: Option<String>,
    pub(super) device_type: Option<String>,
    pub(super) os: Option<String>,
    pub(super) browser: Option<String>,
    pub(super) fingerprint: Option<String>,
    pub(super) started_at: DateTime<Utc>,
    pub(super) last_activity_at: DateTime<Utc>,
    pub(super) expires_at: DateTime<Utc>,
    pub(super) idle_seconds: Option<i64>,
    pub(super) ended_at: Option<DateTime<Utc>>,
    pub(super) end_reason: Option<String>,
}

/// The columns of a [`SessionRow`].
pub(super) const SELECT_SESSIONS: &str = "SELECT s.id, s.user_id, s.token_hash, s.ip, \
    s.user_agent, s.device_type, s.os, s.browser, s.fingerprint, s.started_at, \
    s.last_activity_at, s.expires_at, s.idle_seconds, s.ended_at, s.end_reason FROM sessions s ";

impl SessionRow {
    pub(super) fn into_session(self) -> StorageResult<UserSession> {
        let end_reason: Option<EndReason> =
            self.end_reason.map(|reason| reason.parse().map_err(corrupt)).transpose()?;
        let idle_timeout = self.idle_seconds.map(|seconds| {
            TimeDelta::try_seconds(seconds).ok_or_else(|| corrupt("an idle time is too long"))
        });
        Ok(UserSession {
            id: SessionId::from_uuid(self.id),
            user_id: UserId::from_uuid(self.user_id),
            token_hash: token_hash(&self.token_hash)?,
            ip: self.ip,
            user_agent: self.user_agent,
            device_type: self.device_type,
            os: self.os,
            browser: self.browser,
            fingerprint: optional(self.fingerprint, Fingerprint::parse)?,
            started_at: self.started_at,
            last_activity_at: self.last_activity_at,
            expires_at: self.expires_at,
            idle_timeout: idle_timeout.transpose()?,
            ended_at: self.ended_at,
            end_reason,
        })
    }
}

pub(super) fn into_sessions(rows: Vec<SessionRow>) -> StorageResult<Vec<UserSession>> {
    rows.into_iter().map(SessionRow::into_session).collect()
}
