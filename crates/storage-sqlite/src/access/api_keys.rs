//! The repository of API keys.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::types::Uuid;
use systemprompt_users_domain::{
    ApiKey, ApiKeyId, ApiKeyRepository, ApiScopes, Cursor, Page, PageRequest, StorageError,
    StorageResult,
};

use crate::codec::{hex, hex_list, micros, optional_time, time, token_hash, unsigned};
use crate::error::{other, storage_error};
use crate::sql::Sql;
use crate::unit::Unit;

/// The columns of a key, for the statement whose shape depends on what is asked for.
const COLUMNS: &str = "id, name, prefix, secret_hash, scopes, created_at, expires_at, revoked_at, \
                       last_used_at, replaced_by, version";

#[async_trait]
impl ApiKeyRepository for Unit {
    async fn insert(&mut self, key: &ApiKey) -> StorageResult<()> {
        let id = key.id.as_uuid();
        let secret_hash = key.secret_hash.as_bytes().as_slice();
        let scopes = key.scopes.bits();
        let (created_at, expires_at) = (micros(key.created_at), key.expires_at.map(micros));
        let (revoked_at, last_used_at) = (key.revoked_at.map(micros), key.last_used_at.map(micros));
        let replaced_by = key.replaced_by.map(|id| id.as_uuid());
        sqlx::query!(
            "INSERT INTO api_keys (
                 id, name, prefix, secret_hash, scopes, created_at, expires_at, revoked_at,
                 last_used_at, replaced_by, version
             ) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            id,
            key.name,
            key.prefix,
            secret_hash,
            scopes,
            created_at,
            expires_at,
            revoked_at,
            last_used_at,
            replaced_by,
            key.version
        )
        .execute(self.connection()?)
        .await
        .map_err(storage_error)?;
        Ok(())
    }

    async fn find_many(&mut self, ids: &[ApiKeyId]) -> StorageResult<Vec<ApiKey>> {
        let ids = hex_list(ids.iter().map(ApiKeyId::as_uuid));
        let rows = sqlx::query_as!(
            KeyRow,
            "SELECT id, name, prefix, secret_hash, scopes, created_at, expires_at, revoked_at,
                    last_used_at, replaced_by, version
             FROM api_keys INDEXED BY api_keys_id
             WHERE id IN (SELECT unhex(value) FROM json_each(?1))",
            ids
        )
        .fetch_all(self.connection()?)
        .await
        .map_err(storage_error)?;
        rows.into_iter().map(ApiKey::try_from).collect()
    }

    async fn find_by_prefix(&mut self, prefix: &str) -> StorageResult<Option<ApiKey>> {
        let row = sqlx::query_as!(
            KeyRow,
            "SELECT id, name, prefix, secret_hash, scopes, created_at, expires_at, revoked_at,
                    last_used_at, replaced_by, version
             FROM api_keys WHERE prefix = ?1",
            prefix
        )
        .fetch_optional(self.connection()?)
        .await
        .map_err(storage_error)?;
        row.map(ApiKey::try_from).transpose()
    }

    async fn update(&mut self, key: &ApiKey) -> StorageResult<()> {
        let id = key.id.as_uuid();
        let secret_hash = key.secret_hash.as_bytes().as_slice();
        let scopes = key.scopes.bits();
        let (created_at, expires_at) = (micros(key.created_at), key.expires_at.map(micros));
        let (revoked_at, replaced_by) =
            (key.revoked_at.map(micros), key.replaced_by.map(|id| id.as_uuid()));
        let done = sqlx::query!(
            "UPDATE api_keys SET
                 name = ?3, prefix = ?4, secret_hash = ?5, scopes = ?6, created_at = ?7,
                 expires_at = ?8, revoked_at = ?9, replaced_by = ?10, version = ?2
             WHERE id = ?1 AND version = ?2 - 1",
            id,
            key.version,
            key.name,
            key.prefix,
            secret_hash,
            scopes,
            created_at,
            expires_at,
            revoked_at,
            replaced_by
        )
        .execute(self.connection()?)
        .await
        .map_err(storage_error)?;
        if done.rows_affected() == 0 { Err(StorageError::Stale) } else { Ok(()) }
    }

    async fn list(&mut self, page: &PageRequest) -> StorageResult<Page<ApiKey>> {
        let rows: Vec<KeyRow> =
            list_sql(page)?.rows().fetch_all(self.connection()?).await.map_err(storage_error)?;
        let keys = rows.into_iter().map(ApiKey::try_from).collect::<StorageResult<_>>()?;
        Ok(Page::from_rows(keys, page.limit, |key: &ApiKey| {
            Cursor::at_time(key.created_at, key.id.as_uuid())
        }))
    }

    async fn touch_many(&mut self, seen: &[(ApiKeyId, DateTime<Utc>)]) -> StorageResult<()> {
        let seen: Vec<_> = seen.iter().map(|(id, at)| (hex(id.as_uuid()), micros(*at))).collect();
        let seen = json!(seen).to_string();
        sqlx::query!(
            "UPDATE api_keys INDEXED BY api_keys_id SET last_used_at = seen.at
             FROM (
                 SELECT unhex(value ->> 0) AS id, max(value ->> 1) AS at FROM json_each(?1) GROUP BY 1
             ) AS seen
             WHERE api_keys.id = seen.id AND ifnull(api_keys.last_used_at < seen.at, true)",
            seen
        )
        .execute(self.connection()?)
        .await
        .map_err(storage_error)?;
        Ok(())
    }
}

fn list_sql(page: &PageRequest) -> StorageResult<Sql> {
    let mut sql = Sql::default();
    sql.push("SELECT ").push(COLUMNS).push(" FROM api_keys WHERE true");
    if let Some(cursor) = &page.after {
        let time = sql.bind(micros(cursor.time().map_err(other)?))?;
        let id = sql.bind(cursor.id)?;
        sql.push(&format!(" AND (created_at, id) < ({time}, {id})"));
    }
    let limit = sql.bind(i64::from(page.limit.get()) + 1)?;
    sql.push(&format!(" ORDER BY created_at DESC, id DESC LIMIT {limit}"));
    Ok(sql)
}

#[derive(sqlx::FromRow)]
struct KeyRow {
    id: Uuid,
    name: String,
    prefix: String,
    secret_hash: Vec<u8>,
    scopes: i64,
    created_at: i64,
    expires_at: Option<i64>,
    revoked_at: Option<i64>,
    last_used_at: Option<i64>,
    replaced_by: Option<Uuid>,
    version: i64,
}

impl TryFrom<KeyRow> for ApiKey {
    type Error = StorageError;

    fn try_from(row: KeyRow) -> StorageResult<Self> {
        Ok(Self {
            id: ApiKeyId::from_uuid(row.id),
            name: row.name,
            prefix: row.prefix,
            secret_hash: token_hash(&row.secret_hash)?,
            scopes: ApiScopes::from_bits(unsigned(row.scopes)?).map_err(other)?,
            created_at: time(row.created_at)?,
            expires_at: optional_time(row.expires_at)?,
            revoked_at: optional_time(row.revoked_at)?,
            last_used_at: optional_time(row.last_used_at)?,
            replaced_by: row.replaced_by.map(ApiKeyId::from_uuid),
            version: row.version,
        })
    }
}
