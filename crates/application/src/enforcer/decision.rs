//! What is asked of the enforcer, and what it answers.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use systemprompt_users_domain::{Roles, UserRole};

use crate::AuthenticatedSession;

/// What a request needs beside an address that is not banned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Requirement {
    /// Nothing: who is signed in is answered, but nobody has to be.
    Address,
    /// A live session.
    Session,
    /// A live session of a user who holds this role.
    Role(UserRole),
}

/// Whether a request may go on.
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub enum Decision {
    /// It may.
    Allow(Access),
    /// It may not.
    Deny(Denial),
}

impl Decision {
    /// Whether the request may go on.
    pub const fn is_allowed(&self) -> bool {
        matches!(self, Self::Allow(_))
    }

    /// Who is signed in, where the request may go on.
    pub fn session(&self) -> Option<&Arc<AuthenticatedSession>> {
        match self {
            Self::Allow(access) => access.session.as_ref(),
            Self::Deny(_) => None,
        }
    }

    /// Why it may not go on.
    pub const fn denial(&self) -> Option<&Denial> {
        match self {
            Self::Allow(_) => None,
            Self::Deny(denial) => Some(denial),
        }
    }

    pub(super) const fn allow(session: Option<Arc<AuthenticatedSession>>) -> Self {
        Self::Allow(Access { session })
    }

    pub(super) const fn deny(reason: DenyReason) -> Self {
        Self::Deny(Denial { reason, until: None })
    }
}

/// On what a request that may go on can rely.
#[derive(Debug, Clone, PartialEq)]
pub struct Access {
    /// Who is signed in: of a live token, also where none was required. `last_activity_at` is what it was
    /// when the session was read from the storage.
    pub session: Option<Arc<AuthenticatedSession>>,
}

/// Why a request may not go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Denial {
    /// The reason.
    pub reason: DenyReason,
    /// Of a ban: when it ends. `None` is never, or not known.
    pub until: Option<DateTime<Utc>>,
}

/// The reasons to refuse a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DenyReason {
    /// The address is banned.
    Banned,
    /// A session is required, and no token was given.
    NoToken,
    /// A session is required, and the token stands for none that is live.
    InvalidSession,
    /// The user does not hold the role that is required.
    MissingRole,
    /// The storage had to be asked, and did not answer in time.
    Unavailable,
}

impl DenyReason {
    /// Every reason there is.
    pub const ALL: [Self; 5] =
        [Self::Banned, Self::NoToken, Self::InvalidSession, Self::MissingRole, Self::Unavailable];

    /// The reason as text for headers and metrics, such as `no_token`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Banned => "banned",
            Self::NoToken => "no_token",
            Self::InvalidSession => "invalid_session",
            Self::MissingRole => "missing_role",
            Self::Unavailable => "unavailable",
        }
    }
}

impl fmt::Display for DenyReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a token comes to, under a requirement. `found` is its live session and the roles of the user; `given` is
/// whether there was a token.
pub(super) fn judge(
    requirement: Requirement,
    given: bool,
    found: Option<(Roles, Arc<AuthenticatedSession>)>,
) -> Decision {
    match (requirement, found) {
        (Requirement::Address, None) => Decision::allow(None),
        (_, None) if !given => Decision::deny(DenyReason::NoToken),
        (_, None) => Decision::deny(DenyReason::InvalidSession),
        (Requirement::Role(role), Some((roles, _))) if !roles.contains(role) => {
            Decision::deny(DenyReason::MissingRole)
        }
        (_, Some((_, session))) => Decision::allow(Some(session)),
    }
}
