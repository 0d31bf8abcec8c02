//! Changing stored users.

use std::collections::HashMap;

use serde_json::json;
use sqlx::SqliteConnection;
use sqlx::types::Uuid;
use systemprompt_users_domain::{StorageError, StorageResult, User, UserId};

use chrono::{DateTime, Utc};

use super::find;
use super::index::{self, Entry};
use super::insert::entry;
use super::row::UserRow;
use crate::codec::{hex, hex_list, micros};
use crate::error::storage_error;

/// See `UserRepository::update_many`; the caller takes everything back when it fails.
pub(crate) async fn update_many(
    connection: &mut SqliteConnection,
    users: &[User],
) -> StorageResult<()> {
    let ids: Vec<UserId> = users.iter().map(|user| user.id).collect();
    let stored = find::rows_by_ids(connection, &ids).await?;
    let mut stored: HashMap<Uuid, UserRow> = stored.into_iter().map(|row| (row.id, row)).collect();
    let mut changes = Vec::with_capacity(users.len());
    let mut renamed = Vec::new();
    for user in users {
        // Taken out, so that an id given twice is stale the second time.
        let row = stored.remove(&user.id.as_uuid()).ok_or(StorageError::Stale)?;
        if row.version + 1 != user.version {
            return Err(StorageError::Stale);
        }
        if takes_another_key(&row, user) {
            renamed.push(user.id.as_uuid());
        }
        changes.push((Entry::of(&row)?, entry(user, row.place)));
    }
    if renamed.len() > 1 {
        park_keys(connection, renamed).await?;
    }
    for user in users {
        update(connection, user).await?;
    }
    index::replace(connection, &changes).await
}

/// See `UserRepository::touch_many`.
pub(crate) async fn touch_many(
    connection: &mut SqliteConnection,
    seen: &[(UserId, DateTime<Utc>)],
) -> StorageResult<()> {
    let seen: Vec<_> =
        seen.iter().map(|(id, at)| json!([hex(id.as_uuid()), micros(*at)])).collect();
    let seen = json!(seen).to_string();
    sqlx::query!(
        "UPDATE users INDEXED BY users_id SET last_active_at = seen.at
         FROM (
             SELECT unhex(value ->> 0) AS id, max(value ->> 1) AS at FROM json_each(?1) GROUP BY 1
         ) AS seen
         WHERE users.id = seen.id AND users.last_active_at < seen.at",
        seen
    )
    .execute(connection)
    .await
    .map_err(storage_error)?;
    Ok(())
}

fn takes_another_key(row: &UserRow, user: &User) -> bool {
    let email = user.email.as_ref().map(|email| email.as_str());
    row.name_key != user.name.canonical() || row.email.as_deref() != email
}

/// Lets go of names and emails that are about to change, so that users may swap them: uniqueness is checked
/// row by row. No name holds a space.
async fn park_keys(connection: &mut SqliteConnection, ids: Vec<Uuid>) -> StorageResult<()> {
    let ids = hex_list(ids);
    sqlx::query!(
        "UPDATE users INDEXED BY users_id SET name_key = ' ' || hex(id), email = NULL
         WHERE id IN (SELECT unhex(value) FROM json_each(?1))",
        ids
    )
    .execute(connection)
    .await
    .map_err(storage_error)?;
    Ok(())
}

async fn update(connection: &mut SqliteConnection, user: &User) -> StorageResult<()> {
    let id = user.id.as_uuid();
    let (name, name_key) = (user.name.as_str(), user.name.canonical());
    let email = user.email.as_ref().map(|email| email.as_str());
    let full_name = user.full_name.as_ref().map(|name| name.as_str());
    let display_name = user.display_name.as_ref().map(|name| name.as_str());
    let avatar_url = user.avatar_url.as_ref().map(|url| url.as_str());
    let status = user.status.as_str();
    let roles = user.roles.bits();
    let fingerprint = user.fingerprint.as_ref().map(|fingerprint| fingerprint.as_str());
    let token_hash = user.token_hash.as_ref().map(|hash| hash.as_bytes().as_slice());
    let created_at = micros(user.created_at);
    let updated_at = micros(user.updated_at);
    let last_active_at = micros(user.last_active_at);
    let deleted_at = user.deleted_at.map(micros);
    let status_before_delete = user.status_before_delete.map(|status| status.as_str());
    let merged_into = user.merged_into.map(|id| id.as_uuid());
    sqlx::query!(
        "UPDATE users SET
             name = ?2, name_key = ?3, email = ?4, email_verified = ?5, full_name = ?6,
             display_name = ?7, avatar_url = ?8, status = ?9, roles = ?10, is_bot = ?11,
             fingerprint = ?12, token_hash = ?13, created_at = ?14, updated_at = ?15,
             last_active_at = ?16, deleted_at = ?17, status_before_delete = ?18, merged_into = ?19,
             legal_hold = ?20, version = ?21
         WHERE id = ?1",
        id,
        name,
        name_key,
        email,
        user.email_verified,
        full_name,
        display_name,
        avatar_url,
        status,
        roles,
        user.is_bot,
        fingerprint,
        token_hash,
        created_at,
        updated_at,
        last_active_at,
        deleted_at,
        status_before_delete,
        merged_into,
        user.legal_hold,
        user.version,
    )
    .execute(connection)
    .await
    .map_err(storage_error)?;
    Ok(())
}
