//! The repository of one-time links.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::types::Uuid;
use systemprompt_users_domain::{
    SignInLink, SignInLinkRepository, StorageResult, TokenHash, UserId,
};

use crate::codec::{micros, time};
use crate::error::storage_error;
use crate::unit::Unit;

#[async_trait]
impl SignInLinkRepository for Unit {
    async fn insert(&mut self, link: &SignInLink) -> StorageResult<()> {
        let token_hash = link.token_hash.as_bytes().as_slice();
        let user_id = link.user_id.as_uuid();
        let (created_at, expires_at) = (micros(link.created_at), micros(link.expires_at));
        sqlx::query!(
            "INSERT INTO sign_in_links (token_hash, user_id, created_at, expires_at)
             VALUES (?1, ?2, ?3, ?4)",
            token_hash,
            user_id,
            created_at,
            expires_at
        )
        .execute(self.connection()?)
        .await
        .map_err(storage_error)?;
        Ok(())
    }

    async fn take(
        &mut self,
        token: &TokenHash,
        now: DateTime<Utc>,
    ) -> StorageResult<Option<SignInLink>> {
        let (token_hash, now) = (token.as_bytes().as_slice(), micros(now));
        let row = sqlx::query!(
            r#"DELETE FROM sign_in_links WHERE token_hash = ?1 AND expires_at > ?2
               RETURNING user_id AS "user_id!: Uuid", created_at AS "created_at!: i64",
                         expires_at AS "expires_at!: i64""#,
            token_hash,
            now
        )
        .fetch_optional(self.connection()?)
        .await
        .map_err(storage_error)?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(SignInLink {
            token_hash: *token,
            user_id: UserId::from_uuid(row.user_id),
            created_at: time(row.created_at)?,
            expires_at: time(row.expires_at)?,
        }))
    }

    async fn delete_expired(&mut self, before: DateTime<Utc>, limit: u16) -> StorageResult<u64> {
        let (before, limit) = (micros(before), i64::from(limit));
        let done = sqlx::query!(
            "DELETE FROM sign_in_links WHERE token_hash IN (
                 SELECT token_hash FROM sign_in_links INDEXED BY sign_in_links_expired
                 WHERE expires_at < ?1 ORDER BY expires_at, token_hash LIMIT ?2
             )",
            before,
            limit
        )
        .execute(self.connection()?)
        .await
        .map_err(storage_error)?;
        Ok(done.rows_affected())
    }
}
