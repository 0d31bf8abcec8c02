//! A session as it is kept, and the keys under which indexes hold it.

use std::net::IpAddr;
use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use systemprompt_users_domain::{
    EndReason, Fingerprint, SessionId, TokenHash, UserId, UserSession,
};
use uuid::Uuid;

use crate::lookup::keyed_pointer;
use crate::place::{Identified, Spot, bare_pointer};
use crate::time::{micros, moment};

/// What a session has in common with many others, so that they share it: what the client says it is,
/// and how long it may be idle.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Common {
    user_agent: Option<String>,
    device_type: Option<String>,
    os: Option<String>,
    browser: Option<String>,
    idle_timeout: Option<Duration>,
}

impl Common {
    pub(crate) fn of(session: &UserSession) -> Self {
        Self {
            user_agent: session.user_agent.clone(),
            device_type: session.device_type.clone(),
            os: session.os.clone(),
            browser: session.browser.clone(),
            idle_timeout: session.idle_timeout,
        }
    }
}

/// A session but for when it was last used, which stands beside the row: a visit changes two indexes
/// and not all of them.
#[derive(Clone)]
pub(crate) struct SessionRow {
    pub(crate) id: SessionId,
    pub(crate) user_id: UserId,
    pub(crate) common: Arc<Common>,
    /// Boxed, since most sessions have none of it.
    rare: Option<Box<Rare>>,
    started: i64,
    expires: i64,
    token_hash: TokenHash,
    ip: Option<IpAddr>,
}

/// What few sessions have: most have not ended.
#[derive(Clone, Default)]
struct Rare {
    end: Option<End>,
    fingerprint: Option<Fingerprint>,
}

#[derive(Clone, Copy)]
struct End {
    at: i64,
    reason: Option<EndReason>,
}

impl SessionRow {
    pub(crate) fn new(session: &UserSession, common: Arc<Common>) -> Self {
        let end = |at| End { at: micros(at), reason: session.end_reason };
        let end = session.ended_at.map(end);
        let is_plain = end.is_none() && session.fingerprint.is_none();
        let rare = || Box::new(Rare { end, fingerprint: session.fingerprint.clone() });
        Self {
            id: session.id,
            user_id: session.user_id,
            common,
            rare: (!is_plain).then(rare),
            started: micros(session.started_at),
            expires: micros(session.expires_at),
            token_hash: session.token_hash,
            ip: session.ip,
        }
    }

    fn ending(&self) -> Option<End> {
        self.rare.as_ref()?.end
    }

    /// When it was ended.
    pub(crate) fn ended(&self) -> Option<i64> {
        self.ending().map(|end| end.at)
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
            idle_timeout: self.common.idle_timeout,
            ended_at: self.ended().map(moment),
            end_reason: self.ending().and_then(|end| end.reason),
        }
    }

    pub(crate) fn to_session(&self, used: i64) -> UserSession {
        let common = (*self.common).clone();
        UserSession {
            user_agent: common.user_agent,
            device_type: common.device_type,
            os: common.os,
            browser: common.browser,
            fingerprint: self.rare.as_ref().and_then(|rare| rare.fingerprint.clone()),
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
    pub(crate) fn end(&self, at: i64, reason: EndReason) -> Self {
        let mut ended = self.clone();
        ended.rare.get_or_insert_default().end = Some(End { at, reason: Some(reason) });
        ended
    }

    /// The same session of another user.
    pub(crate) fn moved(&self, user_id: UserId) -> Self {
        Self { user_id, ..self.clone() }
    }

    pub(crate) fn place_by_start(&self) -> Spot<'_> {
        Spot::at_time(self.started, self.id.as_uuid())
    }
}

impl Identified for SessionRow {
    fn uuid(&self) -> Uuid {
        self.id.as_uuid()
    }
}

bare_pointer! {
    /// By start.
    ByStart, |row: &SessionRow| row.place_by_start()
}

bare_pointer! {
    /// By user and start.
    OfUser, |row: &SessionRow| of_user(row.user_id, row.place_by_start())
}

keyed_pointer! {
    /// Any session by the hash of its token.
    HeldToken, |row: &SessionRow| row.token_hash.as_bytes()
}

/// The place of a session among those of its user.
pub(crate) const fn of_user(user: UserId, by_start: Spot<'_>) -> Spot<'_> {
    Spot::owned(user.as_uuid(), by_start.head, by_start.id)
}
