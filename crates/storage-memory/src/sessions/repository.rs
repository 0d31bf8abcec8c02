//! The port for sessions.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use systemprompt_users_domain::{
    EndReason, EndedSession, Page, PageRequest, SessionActivity, SessionFilter, SessionId,
    SessionOrder, SessionRepository, StorageError, StorageResult, TokenHash, User, UserId,
    UserSession,
};

use crate::distinct;
use crate::storage::MemoryUnit;
use crate::time::micros;

#[async_trait]
impl SessionRepository for MemoryUnit {
    async fn insert(&mut self, session: &UserSession) -> StorageResult<()> {
        let state = self.change()?;
        if state.users.status(session.user_id).is_none() {
            let message = format!("session `{}` is of a user who is not there", session.id);
            return Err(StorageError::Other(message.into()));
        }
        state.sessions.insert(session)
    }

    async fn find_many(&mut self, ids: &[SessionId]) -> StorageResult<Vec<UserSession>> {
        let sessions = &self.state().sessions;
        Ok(distinct(ids).into_iter().filter_map(|id| sessions.find(id)).collect())
    }

    async fn find_by_token(
        &mut self,
        token: &TokenHash,
    ) -> StorageResult<Option<(UserSession, User)>> {
        let state = self.state();
        let session = state.sessions.find_by_token(token);
        Ok(session.and_then(|session| {
            let user = state.users.find(session.user_id)?;
            Some((session, user))
        }))
    }

    async fn list(
        &mut self,
        filter: &SessionFilter,
        order: SessionOrder,
        page: &PageRequest,
    ) -> StorageResult<Page<UserSession>> {
        let state = self.state();
        state.sessions.list(filter, order, page, |user| state.users.status(user))
    }

    async fn touch_many(&mut self, seen: &[(SessionId, DateTime<Utc>)]) -> StorageResult<()> {
        let sessions = &mut self.change()?.sessions;
        for (id, time) in seen {
            sessions.touch(*id, *time);
        }
        Ok(())
    }

    async fn end_many(
        &mut self,
        ids: &[SessionId],
        reason: EndReason,
        now: DateTime<Utc>,
    ) -> StorageResult<Vec<EndedSession>> {
        let sessions = &mut self.change()?.sessions;
        let ended = ids.iter().filter_map(|id| sessions.end(*id, reason, micros(now)));
        let mut ended: Vec<EndedSession> = ended.collect();
        ended.sort_unstable();
        Ok(ended)
    }

    async fn end_all(
        &mut self,
        users: &[UserId],
        except: Option<SessionId>,
        reason: EndReason,
        now: DateTime<Utc>,
    ) -> StorageResult<Vec<EndedSession>> {
        let sessions = &self.change()?.sessions;
        let open = users.iter().flat_map(|user| sessions.open_ids(*user));
        let ids: Vec<SessionId> = open.filter(|id| Some(*id) != except).collect();
        self.end_many(&ids, reason, now).await
    }

    async fn list_surplus(
        &mut self,
        user: UserId,
        keep: u16,
        now: DateTime<Utc>,
    ) -> StorageResult<Vec<SessionId>> {
        Ok(self.state().sessions.surplus(user, keep, now))
    }

    async fn move_all(&mut self, source: UserId, target: UserId) -> StorageResult<u64> {
        Ok(self.change()?.sessions.move_all(source, target))
    }

    async fn activity(
        &mut self,
        user: UserId,
        now: DateTime<Utc>,
    ) -> StorageResult<SessionActivity> {
        Ok(self.state().sessions.activity(user, now))
    }

    async fn end_expired(&mut self, now: DateTime<Utc>, limit: u16) -> StorageResult<u64> {
        Ok(self.change()?.sessions.end_expired(now, limit))
    }

    async fn delete_ended(&mut self, before: DateTime<Utc>, limit: u16) -> StorageResult<u64> {
        Ok(self.change()?.sessions.delete_ended(before, limit))
    }
}
