//! Ending sessions, and cleaning up after those that are over.

use serde::Serialize;
use systemprompt_users_domain::{
    EndReason, EndedSession, EventKind, Result, SessionId, UnitOfWork, User, UserError, UserId,
};

use super::SessionService;
use crate::context::{moment_before, retry};
use crate::users::check_bulk;

/// What a clean-up of sessions did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct CleanedSessions {
    /// Sessions that had run out or been idle for too long and are marked as ended now.
    pub expired: u64,
    /// Sessions removed because they ended longer ago than the retention.
    pub deleted: u64,
}

impl SessionService {
    /// Ends one session. Answers whether it had not been ended before.
    ///
    /// # Errors
    /// `NotFound` when there is no such session; `AdminsOnly` when it is an admin's and admins are spared.
    #[tracing::instrument(skip_all, fields(%id, %reason), err(level = "debug"))]
    pub async fn end(&self, id: SessionId, reason: EndReason) -> Result<bool> {
        if self.find_by_id(id).await?.is_none() {
            return Err(UserError::not_found("session", id));
        }
        Ok(!self.end_many(&[id], reason).await?.is_empty())
    }

    /// Ends many sessions at once; unknown ids and ended sessions are passed over. Answers with those ended.
    ///
    /// # Errors
    /// `Validation` of `ids` beyond 10,000; `AdminsOnly` when one is an admin's and admins are spared, and then none
    /// is ended; `Storage`.
    #[tracing::instrument(skip_all, fields(ids = ids.len(), %reason), err(level = "debug"))]
    pub async fn end_many(
        &self,
        ids: &[SessionId],
        reason: EndReason,
    ) -> Result<Vec<EndedSession>> {
        check_bulk("ids", ids.len())?;
        retry(|| async move {
            let now = self.context.now();
            let mut unit = self.context.write().await?;
            self.check_owners(&mut *unit, ids).await?;
            let ended = unit.sessions().end_many(ids, reason, now).await?;
            if !ended.is_empty() {
                unit.events().append(&self.context.ended_events(&ended, reason, now)).await?;
                self.context.commit(unit).await?;
            }
            Ok(ended)
        })
        .await
    }

    /// Ends all sessions of a live user. Answers with those ended.
    ///
    /// # Errors
    /// `NotFound`; `AdminsOnly` when the user is an admin and admins are spared.
    pub async fn end_all(&self, user_id: UserId, reason: EndReason) -> Result<Vec<EndedSession>> {
        self.end_all_except(user_id, None, reason).await
    }

    /// Ends all sessions of a live user but `keep`, such as the one that asks.
    ///
    /// # Errors
    /// `NotFound` for the user, or when `keep` is no session of the user: then nothing is ended. `AdminsOnly` when the
    /// user is an admin and admins are spared.
    #[tracing::instrument(skip_all, fields(%user_id, %reason), err(level = "debug"))]
    pub async fn end_all_except(
        &self,
        user_id: UserId,
        keep: Option<SessionId>,
        reason: EndReason,
    ) -> Result<Vec<EndedSession>> {
        retry(|| async move {
            let now = self.context.now();
            let mut unit = self.context.write().await?;
            // A session that is being started waits for this lock, or is seen here.
            self.lock_owner(&mut *unit, user_id).await?;
            if let Some(keep) = keep {
                let kept = unit.sessions().find_many(&[keep]).await?.pop();
                kept.filter(|session| session.user_id == user_id)
                    .ok_or_else(|| UserError::not_found("session", keep))?;
            }
            let ended = unit.sessions().end_all(&[user_id], keep, reason, now).await?;
            if !ended.is_empty() {
                unit.events().append(&self.context.ended_events(&ended, reason, now)).await?;
                self.context.commit(unit).await?;
            }
            Ok(ended)
        })
        .await
    }

    /// Ends the live sessions of a user beyond the `keep` used last. Answers with those ended.
    ///
    /// # Errors
    /// `Validation` of `keep` outside of 1 to 1000, `NotFound`; `AdminsOnly` when the user is an admin and admins are
    /// spared.
    #[tracing::instrument(skip_all, fields(%user_id, keep), err(level = "debug"))]
    pub async fn limit_per_user(&self, user_id: UserId, keep: u16) -> Result<Vec<EndedSession>> {
        if !(1..=1000).contains(&keep) {
            return Err(UserError::validation("keep", format!("expected 1 to 1000, got {keep}")));
        }
        retry(|| async move {
            let now = self.context.now();
            let mut unit = self.context.write().await?;
            self.lock_owner(&mut *unit, user_id).await?;
            let surplus = unit.sessions().list_surplus(user_id, keep, now).await?;
            let ended = unit.sessions().end_many(&surplus, EndReason::Limit, now).await?;
            if !ended.is_empty() {
                let events = self.context.ended_events(&ended, EndReason::Limit, now);
                unit.events().append(&events).await?;
                self.context.commit(unit).await?;
            }
            Ok(ended)
        })
        .await
    }

    /// Holds a live user whose sessions are to end.
    async fn lock_owner(&self, unit: &mut dyn UnitOfWork, user_id: UserId) -> Result<()> {
        let user = unit.users().lock_many(&[user_id]).await?.pop().filter(User::is_live);
        let user = user.ok_or_else(|| UserError::user_not_found(user_id))?;
        self.context.check_roles(user.roles)
    }

    /// Where admins are spared: holds the users of these sessions, none of whom may be an admin.
    async fn check_owners(&self, unit: &mut dyn UnitOfWork, ids: &[SessionId]) -> Result<()> {
        if !self.context.spares_admins() {
            return Ok(());
        }
        let sessions = unit.sessions().find_many(ids).await?;
        let mut owners: Vec<UserId> = sessions.iter().map(|session| session.user_id).collect();
        owners.sort_unstable();
        owners.dedup();
        let owners = unit.users().lock_many(&owners).await?;
        owners.iter().try_for_each(|owner| self.context.check_roles(owner.roles))
    }

    /// One batch: marks sessions that ran out as ended, and removes those that ended longer ago than the
    /// policy's `session_retention`. Zero of both is the end.
    ///
    /// # Errors
    /// `Storage`.
    #[tracing::instrument(skip_all, err(level = "debug"))]
    pub async fn cleanup(&self) -> Result<CleanedSessions> {
        retry(|| async {
            let now = self.context.now();
            let policy = self.context.policy();
            let before = moment_before("session_retention", now, policy.session_retention)?;
            let mut unit = self.context.write().await?;
            let expired = unit.sessions().end_expired(now, policy.cleanup_batch).await?;
            let deleted = unit.sessions().delete_ended(before, policy.cleanup_batch).await?;
            for (what, count) in [("expired_sessions", expired), ("sessions", deleted)] {
                if count > 0 {
                    let kind = EventKind::RecordsCleaned { what: what.into(), count };
                    unit.events().append(&[self.context.event(now, kind)]).await?;
                }
            }
            if expired + deleted > 0 {
                self.context.commit(unit).await?;
            }
            Ok(CleanedSessions { expired, deleted })
        })
        .await
    }
}
