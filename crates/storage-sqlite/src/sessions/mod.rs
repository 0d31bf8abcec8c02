//! The repository of sessions.

mod change;
mod find;
mod row;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use systemprompt_users_domain::{
    EndReason, EndedSession, Page, PageRequest, SessionActivity, SessionFilter, SessionId,
    SessionOrder, SessionRepository, StorageResult, TokenHash, User, UserId, UserSession,
};

use crate::error::storage_error;
use crate::unit::Unit;

#[async_trait]
impl SessionRepository for Unit {
    async fn insert(&mut self, session: &UserSession) -> StorageResult<()> {
        change::insert(self.connection()?, session).await
    }

    async fn find_many(&mut self, ids: &[SessionId]) -> StorageResult<Vec<UserSession>> {
        find::by_ids(self.connection()?, ids).await
    }

    async fn find_by_token(
        &mut self,
        token: &TokenHash,
    ) -> StorageResult<Option<(UserSession, User)>> {
        find::by_token(self.connection()?, token).await
    }

    async fn list(
        &mut self,
        filter: &SessionFilter,
        order: SessionOrder,
        page: &PageRequest,
    ) -> StorageResult<Page<UserSession>> {
        find::list(self.connection()?, filter, order, page).await
    }

    async fn touch_many(&mut self, seen: &[(SessionId, DateTime<Utc>)]) -> StorageResult<()> {
        let mut together = self.together().await?;
        change::touch_many(&mut together, seen).await?;
        together.commit().await.map_err(storage_error)
    }

    async fn end_many(
        &mut self,
        ids: &[SessionId],
        reason: EndReason,
        now: DateTime<Utc>,
    ) -> StorageResult<Vec<EndedSession>> {
        change::end_many(self.connection()?, ids, reason, now).await
    }

    async fn end_all(
        &mut self,
        users: &[UserId],
        except: Option<SessionId>,
        reason: EndReason,
        now: DateTime<Utc>,
    ) -> StorageResult<Vec<EndedSession>> {
        change::end_all(self.connection()?, users, except, reason, now).await
    }

    async fn list_surplus(
        &mut self,
        user: UserId,
        keep: u16,
        now: DateTime<Utc>,
    ) -> StorageResult<Vec<SessionId>> {
        find::surplus(self.connection()?, user, keep, now).await
    }

    async fn move_all(&mut self, source: UserId, target: UserId) -> StorageResult<u64> {
        change::move_all(self.connection()?, source, target).await
    }

    async fn activity(
        &mut self,
        user: UserId,
        now: DateTime<Utc>,
    ) -> StorageResult<SessionActivity> {
        find::activity(self.connection()?, user, now).await
    }

    async fn end_expired(&mut self, now: DateTime<Utc>, limit: u16) -> StorageResult<u64> {
        change::end_expired(self.connection()?, now, limit).await
    }

    async fn delete_ended(&mut self, before: DateTime<Utc>, limit: u16) -> StorageResult<u64> {
        change::delete_ended(self.connection()?, before, limit).await
    }
}
