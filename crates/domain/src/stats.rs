//! Exact figures about users.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;

use crate::{AnonymousScope, Roles, User, UserFilter, UserRole, UserStatus};

/// How many users share these properties. A storage keeps these, so that no count scans users.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserTally {
    /// The status they share.
    pub status: UserStatus,
    /// The roles they share.
    pub roles: Roles,
    /// Whether their email is verified.
    pub email_verified: bool,
    /// Whether they are bots.
    pub is_bot: bool,
    /// How many there are; never zero.
    pub count: u64,
}

impl UserTally {
    /// The tally that `user` alone makes.
    pub fn of(user: &User) -> Self {
        Self {
            status: user.status,
            roles: user.roles,
            email_verified: user.email_verified,
            is_bot: user.is_bot,
            count: 1,
        }
    }

    /// Whether the users of this tally meet the conditions of `filter`, its two time ranges aside.
    pub fn matches(&self, filter: &UserFilter) -> bool {
        let anonymous = self.roles.is_anonymous();
        filter.scope.contains(self.status)
            && (filter.statuses.is_empty() || filter.statuses.contains(&self.status))
            && filter.role_bits().is_none_or(|bits| bits & self.roles.bits() != 0)
            && !(anonymous && filter.excludes_anonymous())
            && (anonymous || filter.anonymous != AnonymousScope::Only)
            && filter.email_verified.is_none_or(|wanted| wanted == self.email_verified)
            && filter.is_bot.is_none_or(|wanted| wanted == self.is_bot)
    }
}

/// The figures of an overview. Anonymous users count under `anonymous` alone, deleted ones nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct UserStats {
    /// Live, registered users.
    pub total: u64,
    /// Of these, created within the last 24 hours.
    pub created_24h: u64,
    /// Of these, created within the last 7 days.
    pub created_7d: u64,
    /// Of these, created within the last 30 days.
    pub created_30d: u64,
    /// Of these, active.
    pub active: u64,
    /// Of these, suspended.
    pub suspended: u64,
    /// Of these, holding the role admin.
    pub admins: u64,
    /// Live anonymous users.
    pub anonymous: u64,
    /// Of the registered ones, bots.
    pub bots: u64,
    /// When the oldest registered user was created.
    pub oldest: Option<DateTime<Utc>>,
    /// When the newest registered user was created.
    pub newest: Option<DateTime<Utc>>,
}

/// How many users there are by status and by role, every status and role named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UserCountBreakdown {
    /// Live, registered users.
    pub total: u64,
    /// Registered users by status, the deleted ones included.
    pub by_status: BTreeMap<UserStatus, u64>,
    /// Live users by role, the anonymous ones included; who holds two roles counts under both.
    pub by_role: BTreeMap<UserRole, u64>,
}

/// How many users signed up on one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct SignupDay {
    /// The day, in UTC.
    pub day: NaiveDate,
    /// Live, registered users that were created on it.
    pub count: u64,
}
