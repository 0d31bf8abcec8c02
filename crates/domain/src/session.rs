//! Sessions: who is signed in, from where, and until when.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};

use crate::value::optional_text;
use crate::{
    Cursor, Fingerprint, MAX_TEXT_CHARS, Result, SessionId, TokenHash, UserError, UserId,
    UserStatus,
};

/// A session as it is kept. The token was given out once; only its hash is here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UserSession {
    /// The identity; no secret.
    pub id: SessionId,
    /// Whose session it is.
    pub user_id: UserId,
    /// The hash of the token; never serialized.
    #[serde(skip)]
    pub token_hash: TokenHash,
    /// The address it was started from.
    pub ip: Option<IpAddr>,
    /// The browser's own words, at most 255 characters.
    pub user_agent: Option<String>,
    /// What it runs on, for people: `desktop`, `mobile`, ...
    pub device_type: Option<String>,
    /// The operating system, for people.
    pub os: Option<String>,
    /// The browser, for people.
    pub browser: Option<String>,
    /// The browser's fingerprint.
    pub fingerprint: Option<Fingerprint>,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it was last used.
    pub last_activity_at: DateTime<Utc>,
    /// When it is over, whatever happens.
    pub expires_at: DateTime<Utc>,
    /// How long it may be idle; whole seconds.
    #[serde(serialize_with = "serialize_seconds")]
    pub idle_timeout: Option<Duration>,
    /// When it was ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// Why it was ended.
    pub end_reason: Option<EndReason>,
}

impl UserSession {
    /// The first moment at which it is over by itself: expired, or idle for too long.
    pub fn live_until(&self) -> DateTime<Utc> {
        let idle =
            self.idle_timeout.and_then(|idle| self.last_activity_at.checked_add_signed(idle));
        idle.map_or(self.expires_at, |idle| idle.min(self.expires_at))
    }

    /// The one rule: not ended, not expired, not idle for too long, and its user is active.
    pub fn is_live(&self, user: UserStatus, now: DateTime<Utc>) -> bool {
        user == UserStatus::Active && self.is_open(now)
    }

    /// [`UserSession::is_live`] but for the user, who is known to be active.
    pub fn is_open(&self, now: DateTime<Utc>) -> bool {
        self.ended_at.is_none() && now < self.live_until()
    }
}

/// Why a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum EndReason {
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
}

impl EndReason {
    /// Every reason there is.
    pub const ALL: [Self; 7] = [
        Self::Logout,
        Self::Revoked,
        Self::Limit,
        Self::Expired,
        Self::Suspended,
        Self::Deleted,
        Self::Merged,
    ];

    /// The reason as text, such as `logout`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Logout => "logout",
            Self::Revoked => "revoked",
            Self::Limit => "limit",
            Self::Expired => "expired",
            Self::Suspended => "suspended",
            Self::Deleted => "deleted",
            Self::Merged => "merged",
        }
    }
}

impl fmt::Display for EndReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for EndReason {
    type Err = UserError;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL
            .into_iter()
            .find(|reason| reason.as_str() == text)
            .ok_or_else(|| UserError::validation("reason", "is not a reason to end a session"))
    }
}

/// What a host knows of a client that signs in. Device, system and browser are read from the user
/// agent where they are absent.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NewSession {
    /// The address of the client.
    pub ip: Option<IpAddr>,
    /// The `User-Agent` header; cut to 255 characters, control characters dropped.
    pub user_agent: Option<String>,
    /// What it runs on.
    pub device_type: Option<String>,
    /// The operating system.
    pub os: Option<String>,
    /// The browser.
    pub browser: Option<String>,
    /// The browser's fingerprint.
    pub fingerprint: Option<String>,
}

impl NewSession {
    /// The user agent as it is kept: a header is whatever the client sent, so it is cut, not refused.
    pub fn clean_user_agent(&self) -> Option<String> {
        self.user_agent.as_deref().and_then(clean_header)
    }

    /// Checks the fields that a host fills in itself.
    ///
    /// # Errors
    /// `Validation` of the field at fault.
    pub fn check(&self) -> Result<()> {
        optional_text("device_type", self.device_type.as_deref(), MAX_TEXT_CHARS)?;
        optional_text("os", self.os.as_deref(), MAX_TEXT_CHARS)?;
        optional_text("browser", self.browser.as_deref(), MAX_TEXT_CHARS)?;
        Ok(())
    }
}

/// A header's text as it is kept: at most 255 characters, none of them a control character.
pub(crate) fn clean_header(text: &str) -> Option<String> {
    let clean: String = text.chars().filter(|c| !c.is_control()).take(MAX_TEXT_CHARS).collect();
    Some(clean.trim().to_owned()).filter(|text| !text.is_empty())
}

/// A session that a change just ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct EndedSession {
    /// Whose session it was.
    pub user_id: UserId,
    /// Which one.
    pub id: SessionId,
}

/// Which sessions a list is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SessionFilter {
    /// Of this user; `None` is of all.
    pub user_id: Option<UserId>,
    /// Live at this moment; `None` is live or over.
    pub live_at: Option<DateTime<Utc>>,
}

/// In which order sessions are listed; the id breaks ties, in the same direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum SessionOrder {
    /// Started last first.
    #[default]
    Newest,
    /// Used last first.
    RecentlyActive,
}

impl SessionOrder {
    /// The place of `session` in this order.
    pub fn cursor(self, session: &UserSession) -> Cursor {
        let time = match self {
            Self::Newest => session.started_at,
            Self::RecentlyActive => session.last_activity_at,
        };
        Cursor::at_time(time, session.id.as_uuid())
    }
}

/// How many sessions a user has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct SessionActivity {
    /// All that are kept.
    pub total: u64,
    /// Those that are live.
    pub live: u64,
    /// When any of them was last used.
    pub last_activity_at: Option<DateTime<Utc>>,
}

fn serialize_seconds<S: serde::Serializer>(
    idle: &Option<Duration>,
    serializer: S,
) -> std::result::Result<S::Ok, S::Error> {
    idle.map(|idle| idle.num_seconds()).serialize(serializer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earlier_of_expiry_and_idling_ends_it() {
        let start = DateTime::UNIX_EPOCH;
        let mut session = UserSession {
            id: SessionId::from_uuid(uuid::Uuid::nil()),
            user_id: UserId::from_uuid(uuid::Uuid::nil()),
            token_hash: TokenHash::from_bytes([0; 32]),
            ip: None,
            user_agent: None,
            device_type: None,
            os: None,
            browser: None,
            fingerprint: None,
            started_at: start,
            last_activity_at: start,
            expires_at: start + Duration::hours(2),
            idle_timeout: Some(Duration::hours(1)),
            ended_at: None,
            end_reason: None,
        };
        let at = |minutes| start + Duration::minutes(minutes);
        assert!(session.is_live(UserStatus::Active, at(59)));
        assert!(!session.is_live(UserStatus::Active, at(60)), "idle for an hour");
        assert!(!session.is_live(UserStatus::Suspended, at(0)));
        session.last_activity_at = at(90);
        assert!(session.is_live(UserStatus::Active, at(119)));
        assert!(!session.is_live(UserStatus::Active, at(120)), "expired");
        session.ended_at = Some(at(91));
        assert!(!session.is_live(UserStatus::Active, at(92)));
    }
}
