//! Sessions as clients see them.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use systemprompt_users_domain::{
    EndReason, EndedSession, NewSession, SessionId, StartedSession, UserSession,
};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::api::schema::{IpAddressText, Line};

/// A session. Its token was shown once, to whoever started it.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Session)]
pub(in crate::api) struct SessionBody {
    /// The identity; no secret.
    pub(super) id: Uuid,
    /// Whose session it is.
    user_id: Uuid,
    /// The address it was started from.
    #[schema(required = true, value_type = Option<IpAddressText>)]
    ip: Option<IpAddr>,
    /// The browser's own words.
    #[schema(required = true)]
    user_agent: Option<String>,
    /// What it runs on, for people.
    #[schema(required = true, example = "desktop")]
    device_type: Option<String>,
    /// The operating system, for people.
    #[schema(required = true)]
    os: Option<String>,
    /// The browser, for people.
    #[schema(required = true)]
    browser: Option<String>,
    /// The browser's fingerprint.
    #[schema(required = true)]
    fingerprint: Option<String>,
    /// When it began.
    started_at: DateTime<Utc>,
    /// When it was last used.
    last_activity_at: DateTime<Utc>,
    /// When it is over, whatever happens.
    expires_at: DateTime<Utc>,
    /// For how many seconds it may be idle.
    #[schema(required = true, minimum = 0)]
    idle_timeout: Option<i64>,
    /// When it was ended.
    #[schema(required = true)]
    ended_at: Option<DateTime<Utc>>,
    /// Why it was ended.
    #[schema(required = true)]
    end_reason: Option<EndReasonBody>,
}

impl From<UserSession> for SessionBody {
    fn from(session: UserSession) -> Self {
        Self {
            id: session.id.as_uuid(),
            user_id: session.user_id.as_uuid(),
            ip: session.ip,
            user_agent: session.user_agent,
            device_type: session.device_type,
            os: session.os,
            browser: session.browser,
            fingerprint: session.fingerprint.map(|fingerprint| fingerprint.to_string()),
            started_at: session.started_at,
            last_activity_at: session.last_activity_at,
            expires_at: session.expires_at,
            idle_timeout: session.idle_timeout.map(|idle| idle.num_seconds()),
            ended_at: session.ended_at,
            end_reason: session.end_reason.map(EndReasonBody::from),
        }
    }
}

/// Why a session ended.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = EndReason)]
pub(in crate::api) enum EndReasonBody {
    /// The user signed out.
    Logout,
    /// Somebody ended it for the user.
    Revoked,
    /// A newer session took its place under the limit per user.
    Limit,
    /// It ran out or was idle for too long.
    Expired,
    /// The user was suspended.
    Suspended,
    /// The user was deleted.
    Deleted,
    /// The user was merged into another.
    Merged,
    /// A reason that this version of the API has no word for.
    Other,
}

impl From<EndReason> for EndReasonBody {
    fn from(reason: EndReason) -> Self {
        match reason {
            EndReason::Logout => Self::Logout,
            EndReason::Revoked => Self::Revoked,
            EndReason::Limit => Self::Limit,
            EndReason::Expired => Self::Expired,
            EndReason::Suspended => Self::Suspended,
            EndReason::Deleted => Self::Deleted,
            EndReason::Merged => Self::Merged,
            _ => Self::Other,
        }
    }
}

/// Why a client ends sessions. The other reasons are the system's own.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::api) enum EndFor {
    /// The user signed out.
    Logout,
    /// Somebody ends it for the user.
    #[default]
    Revoked,
}

impl From<EndFor> for EndReason {
    fn from(reason: EndFor) -> Self {
        match reason {
            EndFor::Logout => Self::Logout,
            EndFor::Revoked => Self::Revoked,
        }
    }
}

/// Which sessions are listed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::api) enum SessionState {
    /// Live or over, started last first.
    #[default]
    All,
    /// Live, used last first.
    Live,
}

/// What is known of a client that signs in. Device, system and browser are read from the user agent where they
/// are absent.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(in crate::api) struct StartSession {
    /// The address of the client.
    #[schema(value_type = Option<IpAddressText>)]
    ip: Option<IpAddr>,
    /// The `User-Agent` header; cut to 255 characters, control characters dropped.
    user_agent: Option<String>,
    /// What it runs on.
    #[schema(value_type = Option<Line>)]
    device_type: Option<String>,
    /// The operating system.
    #[schema(value_type = Option<Line>)]
    os: Option<String>,
    /// The browser.
    #[schema(value_type = Option<Line>)]
    browser: Option<String>,
    /// The browser's fingerprint.
    #[schema(value_type = Option<Line>)]
    fingerprint: Option<String>,
}

impl From<StartSession> for NewSession {
    fn from(body: StartSession) -> Self {
        Self {
            ip: body.ip,
            user_agent: body.user_agent,
            device_type: body.device_type,
            os: body.os,
            browser: body.browser,
            fingerprint: body.fingerprint,
        }
    }
}

/// A new session with its token.
#[derive(Serialize, ToSchema)]
pub(in crate::api) struct StartedSessionBody {
    /// The secret that the client presents from now on: shown now and never again.
    #[schema(min_length = 43, max_length = 43)]
    pub(super) token: String,
    /// The session.
    pub(super) session: SessionBody,
    /// Older sessions that had to make room under the limit per user.
    pub(super) ended: Vec<EndedSessionBody>,
}

/// A session that was just ended.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[schema(as = EndedSession)]
pub(in crate::api) struct EndedSessionBody {
    /// Which one.
    pub(super) id: Uuid,
    /// Whose session it was.
    user_id: Uuid,
}

impl From<EndedSession> for EndedSessionBody {
    fn from(ended: EndedSession) -> Self {
        Self { id: ended.id.as_uuid(), user_id: ended.user_id.as_uuid() }
    }
}

/// The sessions that a request ended.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct EndedSessions {
    /// Those that were live, or had run out without having been ended.
    pub(super) ended: Vec<EndedSessionBody>,
}

impl From<Vec<EndedSession>> for EndedSessions {
    fn from(ended: Vec<EndedSession>) -> Self {
        Self { ended: ended.into_iter().map(EndedSessionBody::from).collect() }
    }
}

/// Sessions to end.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct EndMany {
    /// Which ones; ids that name no session, or one that has been ended, are passed over.
    #[schema(max_items = 10_000)]
    ids: Vec<Uuid>,
    /// Why.
    #[serde(default)]
    pub(super) reason: EndFor,
}

impl EndMany {
    pub(super) fn ids(&self) -> Vec<SessionId> {
        self.ids.iter().copied().map(SessionId::from_uuid).collect()
    }
}

/// A token to look at.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct ValidateToken {
    /// The token, as it was given out.
    pub(super) token: String,
    /// Whether this counts as a use of the session, so that it does not become idle. Uses are written in batches.
    #[serde(default = "yes")]
    #[schema(default = true)]
    pub(super) touch: bool,
}

const fn yes() -> bool {
    true
}

impl From<StartedSession> for StartedSessionBody {
    fn from(started: StartedSession) -> Self {
        Self {
            token: started.token.reveal(),
            session: started.session.into(),
            ended: started.ended.into_iter().map(EndedSessionBody::from).collect(),
        }
    }
}
