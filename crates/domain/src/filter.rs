//! Which users a list, a search or a count is about.

use chrono::{DateTime, Utc};

use crate::moment::{bound_of, storable_time};
use crate::{Cursor, User, UserRole, UserStatus, UserTally};

/// Conditions that all must hold. The default is every live, registered user.
///
/// ```
/// # use systemprompt_users_domain::{UserFilter, UserRole, UserStatus};
/// let suspended_admins = UserFilter {
///     statuses: vec![UserStatus::Suspended],
///     roles: vec![UserRole::Admin],
///     ..UserFilter::default()
/// };
/// # assert!(suspended_admins.excludes_anonymous());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UserFilter {
    /// Live users, deleted ones, or both.
    pub scope: UserScope,
    /// Any of these; empty is any that the scope holds.
    pub statuses: Vec<UserStatus>,
    /// Holding any of these; empty is any. To name `Anonymous` asks for anonymous users.
    pub roles: Vec<UserRole>,
    /// What is done with anonymous users.
    pub anonymous: AnonymousScope,
    /// When the user was created.
    pub created: TimeRange,
    /// When the user was last seen.
    pub last_active: TimeRange,
    /// Whether the email is verified.
    pub email_verified: Option<bool>,
    /// Whether a program is behind the user.
    pub is_bot: Option<bool>,
}

impl UserFilter {
    /// Live, registered users who hold `role`; anonymous users when that is the role.
    pub fn by_role(role: UserRole) -> Self {
        Self { roles: vec![role], ..Self::default() }
    }

    /// Live, registered users of `status`.
    pub fn by_status(status: UserStatus) -> Self {
        Self { scope: UserScope::All, statuses: vec![status], ..Self::default() }
    }

    /// The statuses that scope and `statuses` both allow; when there is none, nothing matches.
    pub fn effective_statuses(&self) -> Vec<UserStatus> {
        UserStatus::ALL
            .into_iter()
            .filter(|status| self.scope.contains(*status))
            .filter(|status| self.statuses.is_empty() || self.statuses.contains(status))
            .collect()
    }

    /// The stored bits of the roles, any of which must be held; `None` when any role will do.
    pub fn role_bits(&self) -> Option<u8> {
        if self.roles.is_empty() {
            return None;
        }
        let bits = self.roles.iter().filter_map(|role| crate::Roles::new([*role]).ok());
        Some(bits.fold(0, |all, roles| all | roles.bits()))
    }

    /// Whether anonymous users are left out.
    pub fn excludes_anonymous(&self) -> bool {
        self.anonymous == AnonymousScope::Exclude && !self.roles.contains(&UserRole::Anonymous)
    }

    /// Returns these conditions, both ranges with ends that a storage can compare with ([`TimeRange::bounds`]). A
    /// service asks no port with another one.
    #[must_use]
    pub fn bounds(&self) -> Self {
        let (created, last_active) = (self.created.bounds(), self.last_active.bounds());
        Self { created, last_active, ..self.clone() }
    }

    /// Whether `user` meets every condition: the meaning of a filter, which each storage MUST give it.
    pub fn matches(&self, user: &User) -> bool {
        UserTally::of(user).matches(self)
            && self.created.contains(user.created_at)
            && self.last_active.contains(user.last_active_at)
    }
}

/// Whether deleted users are seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UserScope {
    /// Active and suspended.
    #[default]
    Live,
    /// Deleted only.
    Deleted,
    /// All of them.
    All,
}

impl UserScope {
    /// Whether a user of `status` is in sight.
    pub fn contains(self, status: UserStatus) -> bool {
        match self {
            Self::Live => status != UserStatus::Deleted,
            Self::Deleted => status == UserStatus::Deleted,
            Self::All => true,
        }
    }
}

/// What is done with anonymous users.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AnonymousScope {
    /// They are left out.
    #[default]
    Exclude,
    /// They are in like all others.
    Include,
    /// Only they are in.
    Only,
}

/// From `from` (included) until `until` (not included); an end that is `None` is open.
///
/// Ends may be finer than what is stored: `since(t + 1 ns)` leaves `t` out, `before(t + 1 ns)` holds it. A range
/// whose `until` is not after `from` holds nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TimeRange {
    /// The first moment that is in.
    pub from: Option<DateTime<Utc>>,
    /// The first moment that is not in any more.
    pub until: Option<DateTime<Utc>>,
}

impl TimeRange {
    /// From `from` on.
    pub fn since(from: DateTime<Utc>) -> Self {
        Self { from: Some(from), until: None }.bounds()
    }

    /// Everything before `until`.
    pub fn before(until: DateTime<Utc>) -> Self {
        Self { from: None, until: Some(until) }.bounds()
    }

    /// The range that holds the same stored moments, with ends that a storage can compare with: whole
    /// microseconds, not before the year 1.
    #[must_use]
    pub fn bounds(self) -> Self {
        let end = |time| storable_time(bound_of(time));
        Self { from: self.from.map(end), until: self.until.map(end) }
    }

    /// Whether `time` is in it.
    pub fn contains(&self, time: DateTime<Utc>) -> bool {
        self.from.is_none_or(|from| from <= time) && self.until.is_none_or(|until| time < until)
    }

    /// Whether it has no end at all.
    pub const fn is_unbounded(&self) -> bool {
        self.from.is_none() && self.until.is_none()
    }
}

/// In which order users are listed; the id breaks ties, in the same direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum UserOrder {
    /// Created last first.
    #[default]
    Newest,
    /// Created first first.
    Oldest,
    /// Seen last first.
    RecentlyActive,
    /// By canonical name, by its bytes.
    Name,
}

impl UserOrder {
    /// The place of `user` in this order.
    pub fn cursor(self, user: &User) -> Cursor {
        let id = user.id.as_uuid();
        match self {
            Self::Newest | Self::Oldest => Cursor::at_time(user.created_at, id),
            Self::RecentlyActive => Cursor::at_time(user.last_active_at, id),
            Self::Name => Cursor::at_text(user.name.canonical().to_owned(), id),
        }
    }
}
