//! The port for sessions.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::{
    EndReason, EndedSession, Page, PageRequest, SessionActivity, SessionFilter, SessionId,
    SessionOrder, StorageResult, TokenHash, User, UserId, UserSession,
};

/// Keeps sessions. A session is open at a moment when it is not ended and `live_until()` is later; it is
/// live when it is open and its user is Active.
///
/// An idle timeout is whole seconds, which [`crate::Policy::check`] sees to; all times are as
/// [`crate::storable_time`] leaves them.
///
/// All methods take any number of items, zero included, and MUST NOT make a round trip per item.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait SessionRepository: Send {
    /// Stores a new session.
    ///
    /// # Errors
    /// `Conflict` when its id or token is taken.
    async fn insert(&mut self, session: &UserSession) -> StorageResult<()>;

    /// Sessions by id, live or over; unknown ids are left out.
    async fn find_many(&mut self, ids: &[SessionId]) -> StorageResult<Vec<UserSession>>;

    /// The session of a token, live or over, with its user of any status.
    async fn find_by_token(
        &mut self,
        token: &TokenHash,
    ) -> StorageResult<Option<(UserSession, User)>>;

    /// A page of sessions. `page.after` is of the same order.
    async fn list(
        &mut self,
        filter: &SessionFilter,
        order: SessionOrder,
        page: &PageRequest,
    ) -> StorageResult<Page<UserSession>>;

    /// Moves `last_activity_at` of these sessions up to the time given, never back, each only if it was
    /// open at that time. So a session that was over does not come alive.
    async fn touch_many(&mut self, seen: &[(SessionId, DateTime<Utc>)]) -> StorageResult<()>;

    /// Ends those of these sessions that are not ended, whether or not they have run out. Answers with
    /// those it ended, in the order of user and id.
    async fn end_many(
        &mut self,
        ids: &[SessionId],
        reason: EndReason,
        now: DateTime<Utc>,
    ) -> StorageResult<Vec<EndedSession>>;

    /// Ends all sessions of these users that are not ended, but for `except`. Answers as
    /// [`SessionRepository::end_many`] does.
    async fn end_all(
        &mut self,
        users: &[UserId],
        except: Option<SessionId>,
        reason: EndReason,
        now: DateTime<Utc>,
    ) -> StorageResult<Vec<EndedSession>>;

    /// The sessions of `user` open at `now` beyond the `keep` used last: by `last_activity_at`, then id.
    async fn list_surplus(
        &mut self,
        user: UserId,
        keep: u16,
        now: DateTime<Utc>,
    ) -> StorageResult<Vec<SessionId>>;

    /// Gives all sessions of `source` to `target`. Answers how many.
    async fn move_all(&mut self, source: UserId, target: UserId) -> StorageResult<u64>;

    /// How many sessions `user` has; those open at `now` count as live.
    async fn activity(
        &mut self,
        user: UserId,
        now: DateTime<Utc>,
    ) -> StorageResult<SessionActivity>;

    /// Ends up to `limit` sessions that are over by themselves at `now` but not ended: `ended_at` becomes
    /// their `live_until()`, the reason `Expired`; those over longest first, and of those over at one moment the
    /// ones that MUST go first are those of the lowest ids. Answers how many.
    async fn end_expired(&mut self, now: DateTime<Utc>, limit: u16) -> StorageResult<u64>;

    /// Removes up to `limit` sessions that were ended before `before`, those ended longest first; ties MUST go by
    /// id. Answers how many.
    async fn delete_ended(&mut self, before: DateTime<Utc>, limit: u16) -> StorageResult<u64>;
}
