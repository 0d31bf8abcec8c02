//! One-time links.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use systemprompt_users_domain::{
    SignInLink, SignInLinkRepository, StorageError, StorageResult, TokenHash, UniqueKey, UserId,
};

use crate::time::bound;
use crate::unit::Unit;

#[async_trait]
impl SignInLinkRepository for Unit {
    async fn insert(&mut self, link: &SignInLink) -> StorageResult<()> {
        let result = sqlx::query!(
            "INSERT INTO sign_in_links (token_hash, user_id, created_at, expires_at)
            VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
            link.token_hash.as_bytes().as_slice(),
            link.user_id.as_uuid(),
            link.created_at,
            link.expires_at,
        )
        .execute(self.writer()?)
        .await;
        if self.done(result)?.rows_affected() == 0 {
            return Err(StorageError::Conflict { key: UniqueKey::Token, source: None });
        }
        Ok(())
    }

    async fn take(
        &mut self,
        token: &TokenHash,
        now: DateTime<Utc>,
    ) -> StorageResult<Option<SignInLink>> {
        let row = sqlx::query!(
            "DELETE FROM sign_in_links WHERE token_hash = $1 AND expires_at > $2
            RETURNING user_id, created_at, expires_at",
            token.as_bytes().as_slice(),
            bound(now),
        )
        .fetch_optional(self.writer()?)
        .await;
        Ok(self.done(row)?.map(|row| SignInLink {
            token_hash: *token,
            user_id: UserId::from_uuid(row.user_id),
            created_at: row.created_at,
            expires_at: row.expires_at,
        }))
    }

    async fn delete_expired(&mut self, before: DateTime<Utc>, limit: u16) -> StorageResult<u64> {
        let result = sqlx::query!(
            "WITH old AS MATERIALIZED (
                SELECT token_hash FROM sign_in_links WHERE expires_at < $1
                ORDER BY expires_at, token_hash LIMIT $2 FOR UPDATE SKIP LOCKED
            )
            DELETE FROM sign_in_links WHERE token_hash = ANY (ARRAY(SELECT token_hash FROM old))",
            bound(before),
            i64::from(limit),
        )
        .execute(self.writer()?)
        .await;
        Ok(self.done(result)?.rows_affected())
    }
}
