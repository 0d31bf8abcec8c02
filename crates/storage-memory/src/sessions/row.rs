//! A session as it is kept, and the keys under which indexes hold it.

use std::net::IpAddr;
use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use systemprompt_users_domain::{
    EndReason, Fingerprint, SessionId, TokenHash, UserId, UserSession,
};

use crate::place::{Spot, hashed_by_field, ordered_by_spot};
use crate::time::{micros, moment};

/// What a client says it is. Most sessions say the same as others, so they share it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Client {
    user_agent: Option<String>,
    device_type: Option<String>,
    os: Option<String>,
    browser: Option<String>,
}

impl Client {
    pub(crate) fn of(session: &UserSession) -> Self {
        Self {
            user_agent: session.user_agent.clone(),
            device_type: session.device_type.clone(),
            os: session.os.clone(),
            browser: session.browser.clone(),
        }
    }
}

/// A session but for when it was last used, which stands beside the row: a visit changes two indexes
/// and not all of them.
#[derive(Clone)]
pub(crate) struct SessionRow {
    pub(crate) id: SessionId,
    pub(crate) user_id: UserId,
    pub(crate) client: Arc<Client>,
    pub(crate) ended: Option<i64>,
    end_reason: Option<EndReason>,
    started: i64,
    expires: i64,
    idle_timeout: Option<Duration>,
    token_hash: TokenHash,
    ip: Option<IpAddr>,
    fingerprint: Option<Fingerprint>,
}

impl SessionRow {
    pub(crate) fn new(session: &UserSession, client: Arc<Client>) -> Self {
        Self {
            id: session.id,
            user_id: session.user_id,
            client,
            ended: session.ended_at.map(micros),
            end_reason: session.end_reason,
            started: micros(session.started_at),
            expires: micros(session.expires_at),
            idle_timeout: session.idle_timeout,
            token_hash: session.token_hash,
            ip: session.ip,
            fingerprint: session.fingerprint.clone(),
        }
    }

    /// The session without its texts: enough for every rule about time, and costs nothing.
    fn bare(&self, used: i64) -> UserSession {
        UserSession {
            id: self.id,
            user_id: self.user_id,
            token_hash: self.token_hash,
            ip: self.ip,
            user_agent: None,
            device_type: None,
            os: None,
            browser: None,
            fingerprint: None,
            started_at: moment(self.started),
            last_activity_at: moment(used),
            expires_at: moment(self.expires),
            idle_timeout: self.idle_timeout,
            ended_at: self.ended.map(moment),
            end_reason: self.end_reason,
        }
    }

    pub(crate) fn to_session(&self, used: i64) -> UserSession {
        let client = (*self.client).clone();
        UserSession {
            user_agent: client.user_agent,
            device_type: client.device_type,
            os: client.os,
            browser: client.browser,
            fingerprint: self.fingerprint.clone(),
            ..self.bare(used)
        }
    }

    pub(crate) fn live_until(&self, used: i64) -> i64 {
        micros(self.bare(used).live_until())
    }

    pub(crate) fn is_open(&self, used: i64, now: DateTime<Utc>) -> bool {
        self.bare(used).is_open(now)
    }

    /// The same session, ended.
    pub(crate) fn ended(&self, at: i64, reason: EndReason) -> Self {
        Self { ended: Some(at), end_reason: Some(reason), ..self.clone() }
    }

    /// The same session of another user.
    pub(crate) fn moved(&self, user_id: UserId) -> Self {
        Self { user_id, ..self.clone() }
    }

    pub(crate) fn place_by_start(&self) -> Spot<'_> {
        Spot::at_time(self.started, self.id.as_uuid())
    }
}

macro_rules! pointer {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone)]
        pub(crate) struct $name(pub(crate) Arc<SessionRow>);
    };
}

pointer! {
    /// By start.
    ByStart
}
ordered_by_spot!(ByStart, |key| key.0.place_by_start());

pointer! {
    /// By user and start.
    OfUser
}
ordered_by_spot!(OfUser, |key| {
    Spot { owner: key.0.user_id.as_uuid(), ..key.0.place_by_start() }
});

pointer! {
    /// Any session by id.
    Known
}
hashed_by_field!(Known, SessionId, |key| &key.0.id);

pointer! {
    /// Any session by the hash of its token.
    HeldToken
}
hashed_by_field!(HeldToken, [u8], |key| key.0.token_hash.as_bytes());

/// The place of a session among those of its user.
pub(crate) const fn of_user(user: UserId, place: Spot<'_>) -> Spot<'_> {
    Spot { owner: user.as_uuid(), ..place }
}
