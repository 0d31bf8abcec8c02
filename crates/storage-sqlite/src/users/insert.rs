//! Storing new users.

use sqlx::SqliteConnection;
use systemprompt_users_domain::{
    InsertOutcome, StorageResult, UniqueKey, User, UserTally, search_fields,
};

use super::cell::cell;
use super::index::{self, Entry};
use super::places;
use crate::codec::micros;
use crate::error::{other, storage_error};

/// See `UserRepository::insert_many`.
pub(crate) async fn insert_many(
    connection: &mut SqliteConnection,
    users: &[User],
) -> StorageResult<Vec<InsertOutcome>> {
    let places = places::assign(connection, users.iter().map(|user| user.id.as_uuid())).await?;
    let mut outcomes = Vec::with_capacity(users.len());
    let mut entries = Vec::with_capacity(users.len());
    for user in users {
        let place = places.get(&user.id.as_uuid()).copied();
        let place = place.ok_or_else(|| other("a new user has no place"))?;
        if insert(connection, user, place).await? {
            entries.push(entry(user, place));
            outcomes.push(InsertOutcome::Inserted);
        } else {
            outcomes.push(InsertOutcome::Conflict(taken_key(connection, user).await?));
        }
    }
    index::add(connection, &entries).await?;
    Ok(outcomes)
}

/// What the search index knows of a user at `place`.
pub(crate) fn entry(user: &User, place: i64) -> Entry {
    Entry {
        place,
        cell: cell(&UserTally::of(user)),
        anonymous: user.is_anonymous(),
        fields: search_fields(user),
    }
}

/// Answers whether the user is stored; if not, a key is taken.
async fn insert(connection: &mut SqliteConnection, user: &User, place: i64) -> StorageResult<bool> {
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
    let done = sqlx::query!(
        "INSERT INTO users (
             place, id, name, name_key, email, email_verified, full_name, display_name, avatar_url,
             status, roles, is_bot, fingerprint, token_hash, created_at, updated_at, last_active_at,
             deleted_at, status_before_delete, merged_into, legal_hold, version
         ) VALUES (
             ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20,
             ?21, ?22
         )
         ON CONFLICT DO NOTHING",
        place,
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
    Ok(done.rows_affected() == 1)
}

/// The first key of `user` that a stored user has. The constraints have refused it; this only asks which.
async fn taken_key(connection: &mut SqliteConnection, user: &User) -> StorageResult<UniqueKey> {
    let id = user.id.as_uuid();
    let live = user.is_live();
    let name_key = user.name.canonical();
    let email = user.email.as_ref().map(|email| email.as_str());
    let taken = sqlx::query!(
        r#"SELECT
            EXISTS (SELECT 1 FROM users WHERE id = ?1) AS "id!: bool",
            ?2 AND EXISTS (
                SELECT 1 FROM users WHERE name_key = ?3 AND status <> 'deleted'
            ) AS "name!: bool",
            ?2 AND EXISTS (
                SELECT 1 FROM users WHERE email = ?4 AND status <> 'deleted'
            ) AS "email!: bool""#,
        id,
        live,
        name_key,
        email
    )
    .fetch_one(connection)
    .await
    .map_err(storage_error)?;
    Ok(match (taken.id, taken.name, taken.email) {
        (true, _, _) => UniqueKey::Id,
        (_, true, _) => UniqueKey::Name,
        (_, _, true) => UniqueKey::Email,
        _ => UniqueKey::Token,
    })
}
