//! Changing stored users.

use std::collections::{HashMap, HashSet};

use serde_json::json;
use sqlx::types::Uuid;
use sqlx::{AssertSqlSafe, SqliteConnection};
use systemprompt_users_domain::{StorageError, StorageResult, UniqueKey, User, UserId};

use chrono::{DateTime, Utc};

use super::find;
use super::index::{self, Entry};
use super::insert::entry;
use super::json::to_json;
use super::row::UserRow;
use crate::codec::{hex, hex_list, micros, text_list};
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
    let mut places = Vec::with_capacity(users.len());
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
        places.push(row.place);
        changes.push((Entry::of(&row)?, entry(user, row.place)));
    }
    if renamed.len() > 1 {
        park_keys(connection, renamed).await?;
    }
    if let Err(error) = update(connection, users, &places).await {
        return Err(first_conflict(connection, users, error).await?);
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

/// The conflict as it is to be told: of a name before one of an email, whichever index was asked first.
async fn first_conflict(
    connection: &mut SqliteConnection,
    users: &[User],
    error: StorageError,
) -> StorageResult<StorageError> {
    let StorageError::Conflict { key, source } = error else {
        return Ok(error);
    };
    let taken = taken_key(connection, users).await?;
    Ok(StorageError::Conflict { key: taken.unwrap_or(key), source })
}

/// The first of name, email and token that two of these users, or one of them and another, would share.
async fn taken_key(
    connection: &mut SqliteConnection,
    users: &[User],
) -> StorageResult<Option<UniqueKey>> {
    let live = || users.iter().filter(|user| user.is_live());
    let names: Vec<String> = live().map(|user| user.name.canonical().to_owned()).collect();
    let emails: Vec<String> =
        live().filter_map(|user| user.email.as_ref()).map(ToString::to_string).collect();
    let ids = hex_list(users.iter().map(|user| user.id.as_uuid()));
    let is_taken = |column: &'static str| {
        format!(
            "SELECT EXISTS (
                 SELECT 1 FROM json_each(?1) AS wanted JOIN users ON users.{column} = wanted.value
                 WHERE users.status <> 'deleted'
                   AND users.id NOT IN (SELECT unhex(value) FROM json_each(?2))
             )"
        )
    };
    for (column, key, values) in
        [("name_key", UniqueKey::Name, names), ("email", UniqueKey::Email, emails)]
    {
        let distinct: HashSet<&String> = values.iter().collect();
        if distinct.len() < values.len() {
            return Ok(Some(key));
        }
        let taken: bool = sqlx::query_scalar(AssertSqlSafe(is_taken(column)))
            .bind(text_list(values))
            .bind(&ids)
            .fetch_one(&mut *connection)
            .await
            .map_err(storage_error)?;
        if taken {
            return Ok(Some(key));
        }
    }
    Ok(None)
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

async fn update(
    connection: &mut SqliteConnection,
    users: &[User],
    places: &[i64],
) -> StorageResult<()> {
    let rows = to_json(users.iter().zip(places.iter().copied()))?;
    sqlx::query!(
        "UPDATE users SET
             name = new.value ->> 2, name_key = new.value ->> 3, email = new.value ->> 4,
             email_verified = new.value ->> 5, full_name = new.value ->> 6,
             display_name = new.value ->> 7, avatar_url = new.value ->> 8, status = new.value ->> 9,
             roles = new.value ->> 10, is_bot = new.value ->> 11, fingerprint = new.value ->> 12,
             token_hash = unhex(new.value ->> 13), created_at = new.value ->> 14,
             updated_at = new.value ->> 15, last_active_at = new.value ->> 16,
             deleted_at = new.value ->> 17, status_before_delete = new.value ->> 18,
             merged_into = unhex(new.value ->> 19), legal_hold = new.value ->> 20,
             version = new.value ->> 21
         FROM (SELECT value ->> 0 AS place, value FROM json_each(?1)) AS new
         WHERE users.place = new.place",
        rows
    )
    .execute(connection)
    .await
    .map_err(storage_error)?;
    Ok(())
}
