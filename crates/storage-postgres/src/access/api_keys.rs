//! API keys.

use std::collections::HashMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::{Postgres, QueryBuilder};
use systemprompt_users_domain::{
    ApiKey, ApiKeyId, ApiKeyRepository, ApiScopes, Cursor, Page, PageRequest, StorageError,
    StorageResult, UniqueKey,
};
use uuid::Uuid;

use crate::error::corrupt;
use crate::unit::Unit;
use crate::users::{list::place, token_hash};

/// How often a key is tried again whose prefix was taken, and free when we looked by whom.
const ATTEMPTS: usize = 3;

#[async_trait]
impl ApiKeyRepository for Unit {
    async fn insert(&mut self, key: &ApiKey) -> StorageResult<()> {
        for _ in 0..ATTEMPTS {
            if try_insert(self, key).await? {
                return Ok(());
            }
            let taken = sqlx::query!(
                r#"SELECT EXISTS (SELECT 1 FROM api_keys WHERE id = $1) AS "id!",
                    EXISTS (SELECT 1 FROM api_keys WHERE prefix = $2) AS "prefix!""#,
                key.id.as_uuid(),
                key.prefix,
            )
            .fetch_one(self.writer()?)
            .await;
            let taken = self.done(taken)?;
            if taken.id || taken.prefix {
                let key = if taken.id { UniqueKey::Id } else { UniqueKey::Prefix };
                return Err(StorageError::Conflict { key, source: None });
            }
        }
        Err(StorageError::Unavailable("other units take and free the same prefix".into()))
    }

    async fn find_many(&mut self, ids: &[ApiKeyId]) -> StorageResult<Vec<ApiKey>> {
        let ids: Vec<Uuid> = ids.iter().map(ApiKeyId::as_uuid).collect();
        let rows = sqlx::query_as!(
            KeyRow,
            "SELECT id, name, prefix, secret_hash, scopes, created_at, expires_at, revoked_at,
                last_used_at, replaced_by, version
            FROM api_keys WHERE id = ANY($1)",
            &ids,
        )
        .fetch_all(self.reader()?)
        .await;
        self.done(rows)?.into_iter().map(KeyRow::into_key).collect()
    }

    async fn find_by_prefix(&mut self, prefix: &str) -> StorageResult<Option<ApiKey>> {
        let row = sqlx::query_as!(
            KeyRow,
            "SELECT id, name, prefix, secret_hash, scopes, created_at, expires_at, revoked_at,
                last_used_at, replaced_by, version
            FROM api_keys WHERE prefix = $1",
            prefix,
        )
        .fetch_optional(self.reader()?)
        .await;
        self.done(row)?.map(KeyRow::into_key).transpose()
    }

    async fn update(&mut self, key: &ApiKey) -> StorageResult<()> {
        let result = sqlx::query!(
            "UPDATE api_keys SET
                name = $3, prefix = $4, secret_hash = $5, scopes = $6, created_at = $7,
                expires_at = $8, revoked_at = $9, replaced_by = $10, version = $2
            WHERE id = $1 AND version = $2::bigint - 1",
            key.id.as_uuid(),
            key.version,
            key.name,
            key.prefix,
            key.secret_hash.as_bytes().as_slice(),
            i16::from(key.scopes.bits()),
            key.created_at,
            key.expires_at,
            key.revoked_at,
            key.replaced_by.map(|id| id.as_uuid()),
        )
        .execute(self.writer()?)
        .await;
        if self.done(result)?.rows_affected() == 0 { Err(StorageError::Stale) } else { Ok(()) }
    }

    async fn list(&mut self, page: &PageRequest) -> StorageResult<Page<ApiKey>> {
        let mut query = list_statement(page)?;
        let rows = query.build_query_as::<KeyRow>().fetch_all(self.reader()?).await;
        let keys = self.done(rows)?.into_iter().map(KeyRow::into_key);
        let keys = keys.collect::<StorageResult<Vec<_>>>()?;
        Ok(Page::from_rows(keys, page.limit, |key| {
            Cursor::at_time(key.created_at, key.id.as_uuid())
        }))
    }

    async fn touch_many(&mut self, seen: &[(ApiKeyId, DateTime<Utc>)]) -> StorageResult<()> {
        let mut latest = HashMap::new();
        for (id, at) in seen {
            let known = latest.entry(id.as_uuid()).or_insert(*at);
            *known = (*known).max(*at);
        }
        let (ids, times): (Vec<_>, Vec<_>) = latest.into_iter().unzip();
        // Locked in the order of ids, so that two hosts that write the same keys never wait in a circle.
        let result = sqlx::query!(
            "WITH seen AS MATERIALIZED (
                SELECT k.id, t.at FROM unnest($1::uuid[], $2::timestamptz[]) AS t (id, at)
                JOIN api_keys k ON k.id = t.id
                WHERE k.last_used_at IS NULL OR k.last_used_at < t.at
                ORDER BY k.id FOR NO KEY UPDATE OF k
            )
            UPDATE api_keys k SET last_used_at = seen.at FROM seen
            WHERE k.id = seen.id AND (k.last_used_at IS NULL OR k.last_used_at < seen.at)",
            &ids,
            &times,
        )
        .execute(self.writer()?)
        .await;
        self.done(result).map(|_| ())
    }
}

/// Answers whether it is stored; a conflict is no error here, which would end the transaction.
async fn try_insert(unit: &mut Unit, key: &ApiKey) -> StorageResult<bool> {
    let result = sqlx::query!(
        "INSERT INTO api_keys (
            id, name, prefix, secret_hash, scopes, created_at, expires_at, revoked_at,
            last_used_at, replaced_by, version
        ) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
        ON CONFLICT DO NOTHING",
        key.id.as_uuid(),
        key.name,
        key.prefix,
        key.secret_hash.as_bytes().as_slice(),
        i16::from(key.scopes.bits()),
        key.created_at,
        key.expires_at,
        key.revoked_at,
        key.last_used_at,
        key.replaced_by.map(|id| id.as_uuid()),
        key.version,
    )
    .execute(unit.writer()?)
    .await;
    Ok(unit.done(result)?.rows_affected() > 0)
}

fn list_statement(page: &PageRequest) -> StorageResult<QueryBuilder<Postgres>> {
    let mut query = QueryBuilder::new(
        "SELECT id, name, prefix, secret_hash, scopes, created_at, expires_at, revoked_at,
            last_used_at, replaced_by, version
        FROM api_keys WHERE true",
    );
    if let Some((time, id)) = place(page.after.as_ref())? {
        query.push(" AND (created_at, id) < (").push_bind(time);
        query.push(", ").push_bind(id).push(")");
    }
    query.push(" ORDER BY created_at DESC, id DESC LIMIT ");
    query.push_bind(i64::from(page.limit.get()) + 1);
    Ok(query)
}

/// A row of `api_keys`.
#[derive(sqlx::FromRow)]
struct KeyRow {
    id: Uuid,
    name: String,
    prefix: String,
    secret_hash: Vec<u8>,
    scopes: i16,
    created_at: DateTime<Utc>,
    expires_at: Option<DateTime<Utc>>,
    revoked_at: Option<DateTime<Utc>>,
    last_used_at: Option<DateTime<Utc>>,
    replaced_by: Option<Uuid>,
    version: i64,
}

impl KeyRow {
    fn into_key(self) -> StorageResult<ApiKey> {
        let bits = u8::try_from(self.scopes).map_err(corrupt)?;
        Ok(ApiKey {
            id: ApiKeyId::from_uuid(self.id),
            name: self.name,
            prefix: self.prefix,
            secret_hash: token_hash(&self.secret_hash)?,
            scopes: ApiScopes::from_bits(bits).map_err(corrupt)?,
            created_at: self.created_at,
            expires_at: self.expires_at,
            revoked_at: self.revoked_at,
            last_used_at: self.last_used_at,
            replaced_by: self.replaced_by.map(ApiKeyId::from_uuid),
            version: self.version,
        })
    }
}
