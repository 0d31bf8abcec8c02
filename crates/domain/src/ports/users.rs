//! The port for users.

use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, Utc};

use crate::{
    Cursor, Email, Fingerprint, Page, PageRequest, PurgePreview, SearchText, SignupDay,
    StorageResult, TimeRange, TokenHash, UniqueKey, User, UserFilter, UserId, UserName, UserOrder,
    UserTally,
};

/// Keeps users.
///
/// Filters and ranges come with ends in whole microseconds ([`TimeRange::bounds`]); all times are as
/// [`crate::storable_time`] leaves them.
///
/// All methods take any number of items, zero included, unless they say otherwise, and MUST NOT make a
/// round trip per item. Ids given twice count once. A result without a stated order is in any order.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait UserRepository: Send {
    /// Users by id, of any status; ids that nobody has are left out.
    async fn find_many(&mut self, ids: &[UserId]) -> StorageResult<Vec<User>>;

    /// [`UserRepository::find_many`], and MUST hold these users until the unit ends: no other unit
    /// changes them, or locks them, before that. Answers with the latest committed state. MUST lock in
    /// the order of ids, so that two units never wait for each other.
    async fn lock_many(&mut self, ids: &[UserId]) -> StorageResult<Vec<User>>;

    /// Live users by canonical email.
    async fn find_by_emails(&mut self, emails: &[Email]) -> StorageResult<Vec<User>>;

    /// Live users by canonical name.
    async fn find_by_names(&mut self, names: &[UserName]) -> StorageResult<Vec<User>>;

    /// Of the deleted users of that canonical email, the one deleted last.
    async fn find_deleted_by_email(&mut self, email: &Email) -> StorageResult<Option<User>>;

    /// Of the deleted users of that canonical name, the one deleted last.
    async fn find_deleted_by_name(&mut self, name: &UserName) -> StorageResult<Option<User>>;

    /// The anonymous user, of any status, that holds the token.
    async fn find_by_token(&mut self, token: &TokenHash) -> StorageResult<Option<User>>;

    /// Of the Active, anonymous users of that fingerprint, the one created last.
    async fn find_anonymous_by_fingerprint(
        &mut self,
        fingerprint: &Fingerprint,
    ) -> StorageResult<Option<User>>;

    /// A page of the users that meet `filter` ([`UserFilter::matches`]), in `order`.
    ///
    /// `page.after` is of the same order, which the service has checked. A user that stays as it is
    /// MUST be seen exactly once when all pages are read, whatever changes around it.
    async fn list(
        &mut self,
        filter: &UserFilter,
        order: UserOrder,
        page: &PageRequest,
    ) -> StorageResult<Page<User>>;

    /// A page of the users that meet `filter` and match `text` ([`SearchText::rank`]), best match first:
    /// `SearchMatch::Prefix` by its text and then by id, then `SearchMatch::Substring` by id.
    ///
    /// The cursor of a prefix match is `Cursor::at_text(its text, id)`, of a substring match
    /// `Cursor::at_id(id)`.
    async fn search(
        &mut self,
        text: &SearchText,
        filter: &UserFilter,
        page: &PageRequest,
    ) -> StorageResult<Page<User>>;

    /// How many users meet `filter`; exact. Its cost MUST NOT grow with the number of users, unless the
    /// filter bounds `last_active`.
    async fn count(&mut self, filter: &UserFilter) -> StorageResult<u64>;

    /// How many users share which properties, of those created in `created`; exact, of any status,
    /// anonymous ones included. Its cost MUST NOT grow with the number of users.
    async fn tally(&mut self, created: &TimeRange) -> StorageResult<Vec<UserTally>>;

    /// Live, registered users by the UTC day of their creation, from `first` to `last`, both included,
    /// in the order of days; days without any are left out. Its cost MUST NOT grow with the number of
    /// users.
    async fn signups_per_day(
        &mut self,
        first: NaiveDate,
        last: NaiveDate,
    ) -> StorageResult<Vec<SignupDay>>;

    /// Whether an active admin exists that is not among `except`.
    async fn has_other_active_admin(&mut self, except: &[UserId]) -> StorageResult<bool>;

    /// Stores new users, each one that takes no key of a stored user, or of one before it in `users`.
    /// Answers for each, in the same order. A conflict MUST leave the unit usable and the others stored.
    async fn insert_many(&mut self, users: &[User]) -> StorageResult<Vec<InsertOutcome>>;

    /// Replaces stored users by these, all or none.
    ///
    /// # Errors
    /// `Stale` unless each is stored with `version` one less than it has here. `Conflict` when a name or
    /// an email is taken by a live user, or by two of these: where both are, it MUST be of the name, whichever of
    /// `users` takes it. Both errors MUST leave the unit usable and nothing changed.
    async fn update_many(&mut self, users: &[User]) -> StorageResult<()>;

    /// Moves `last_active_at` of these users up to the time given, never back; unknown ids are passed
    /// over. It is no change: `version` stays.
    async fn touch_many(&mut self, seen: &[(UserId, DateTime<Utc>)]) -> StorageResult<()>;

    /// Active, anonymous users without a legal hold, last seen before `idle_since` and without a session
    /// that is live at `now` (`UserSession::is_live`), by `last_active_at` and id, behind `after`.
    async fn list_idle_anonymous(
        &mut self,
        idle_since: DateTime<Utc>,
        now: DateTime<Utc>,
        after: Option<Cursor>,
        limit: u16,
    ) -> StorageResult<Vec<User>>;

    /// Deleted users without a legal hold that were deleted before `before`, by `deleted_at` and id.
    async fn list_purgeable(
        &mut self,
        before: DateTime<Utc>,
        limit: u16,
    ) -> StorageResult<Vec<User>>;

    /// What [`UserRepository::purge_many`] of these users would remove.
    async fn preview_purge(&mut self, ids: &[UserId]) -> StorageResult<PurgePreview>;

    /// Removes users, whatever their status, with their sessions; ban facts, sessions and users that refer
    /// to them lose the reference. Answers with what was removed. Whatever it has to wait for, it MUST take in
    /// the order of ids: who works on ledgers or sessions in that order never gets stuck with it.
    async fn purge_many(&mut self, ids: &[UserId]) -> StorageResult<PurgePreview>;
}

/// What became of one user of [`UserRepository::insert_many`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InsertOutcome {
    /// It is stored.
    Inserted,
    /// It is not: a stored user has this key. Where several are taken, the first of id, name, email,
    /// token.
    Conflict(UniqueKey),
}
