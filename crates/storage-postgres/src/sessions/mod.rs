//! Sessions: each method of the port, and the file where it is done.

mod end;
mod find;
mod row;
mod touch;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use systemprompt_users_domain::{
    EndReason, EndedSession, Page, PageRequest, SessionActivity, SessionFilter, SessionId,
    SessionOrder, SessionRepository, StorageError, StorageResult, TokenHash, UniqueKey, User,
    UserId, UserSession,
};

use crate::unit::Unit;

#[async_trait]
impl SessionRepository for Unit {
    async fn insert(&mut self, session: &UserSession) -> StorageResult<()> {
        insert(self, session).await
    }

    async fn find_many(&mut self, ids: &[SessionId]) -> StorageResult<Vec<UserSession>> {
        find::by_ids(self, ids).await
    }

    async fn find_by_token(
        &mut self,
        token: &TokenHash,
    ) -> StorageResult<Option<(UserSession, User)>> {
        find::by_token(self, token).await
    }

    async fn list(
        &mut self,
        filter: &SessionFilter,
        order: SessionOrder,
        page: &PageRequest,
    ) -> StorageResult<Page<UserSession>> {
        find::list(self, filter, order, page).await
    }

    async fn touch_many(&mut self, seen: &[(SessionId, DateTime<Utc>)]) -> StorageResult<()> {
        touch::many(self, seen).await
    }

    async fn end_many(
        &mut self,
        ids: &[SessionId],
        reason: EndReason,
        now: DateTime<Utc>,
    ) -> StorageResult<Vec<EndedSession>> {
        end::many(self, ids, reason, now).await
    }

    async fn end_all(
        &mut self,
        users: &[UserId],
        except: Option<SessionId>,
        reason: EndReason,
        now: DateTime<Utc>,
    ) -> StorageResult<Vec<EndedSession>> {
        end::all(self, users, except, reason, now).await
    }

    async fn list_surplus(
        &mut self,
        user: UserId,
        keep: u16,
        now: DateTime<Utc>,
    ) -> StorageResult<Vec<SessionId>> {
        find::surplus(self, user, keep, now).await
    }

    async fn move_all(&mut self, source: UserId, target: UserId) -> StorageResult<u64> {
        end::move_all(self, source, target).await
    }

    async fn activity(
        &mut self,
        user: UserId,
        now: DateTime<Utc>,
    ) -> StorageResult<SessionActivity> {
        find::activity(self, user, now).await
    }

    async fn end_expired(&mut self, now: DateTime<Utc>, limit: u16) -> StorageResult<u64> {
        end::expired(self, now, limit).await
    }

    async fn delete_ended(&mut self, before: DateTime<Utc>, limit: u16) -> StorageResult<u64> {
        end::delete(self, before, limit).await
    }
}

/// How often a session is tried again whose key was taken, and free when we looked by whom.
const ATTEMPTS: usize = 3;

async fn insert(unit: &mut Unit, session: &UserSession) -> StorageResult<()> {
    for _ in 0..ATTEMPTS {
        if try_insert(unit, session).await? {
            return Ok(());
        }
        let taken = sqlx::query!(
            r#"SELECT EXISTS (SELECT 1 FROM sessions WHERE id = $1) AS "id!",
                EXISTS (SELECT 1 FROM sessions WHERE token_hash = $2) AS "token!""#,
            session.id.as_uuid(),
            session.token_hash.as_bytes().as_slice(),
        )
        .fetch_one(unit.writer()?)
        .await;
        let taken = unit.done(taken)?;
        if taken.id || taken.token {
            let key = if taken.id { UniqueKey::Id } else { UniqueKey::Token };
            return Err(StorageError::Conflict { key, source: None });
        }
    }
    Err(StorageError::Unavailable("other units take and free the same keys all the time".into()))
}

/// Answers whether it is stored; a conflict is no error here, which would end the transaction.
async fn try_insert(unit: &mut Unit, session: &UserSession) -> StorageResult<bool> {
    let result = sqlx::query!(
        "INSERT INTO sessions (
            id, user_id, token_hash, ip, user_agent, device_type, os, browser, fingerprint,
            started_at, last_activity_at, expires_at, idle_seconds, live_until, ended_at, end_reason
        ) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
        ON CONFLICT DO NOTHING",
        session.id.as_uuid(),
        session.user_id.as_uuid(),
        session.token_hash.as_bytes().as_slice(),
        session.ip as _,
        session.user_agent,
        session.device_type,
        session.os,
        session.browser,
        session.fingerprint.as_ref().map(|fingerprint| fingerprint.as_str()),
        session.started_at,
        session.last_activity_at,
        session.expires_at,
        session.idle_timeout.map(|idle| idle.num_seconds()),
        session.live_until(),
        session.ended_at,
        session.end_reason.map(EndReason::as_str),
    )
    .execute(unit.writer()?)
    .await;
    Ok(unit.done(result)?.rows_affected() > 0)
}
