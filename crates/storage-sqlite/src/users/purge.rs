//! Users on their way out.

use chrono::{DateTime, Utc};
use sqlx::SqliteConnection;
use systemprompt_users_domain::{Cursor, PurgePreview, StorageResult, User, UserId};

use super::find;
use super::index::{self, Entry};
use super::row::{UserRow, users};
use crate::codec::{hex_list, micros, unsigned};
use crate::error::{other, storage_error};

/// See `UserRepository::list_idle_anonymous`.
pub(crate) async fn idle_anonymous(
    connection: &mut SqliteConnection,
    idle_since: DateTime<Utc>,
    now: DateTime<Utc>,
    after: Option<&Cursor>,
    limit: u16,
) -> StorageResult<Vec<User>> {
    let (idle_since, now, limit) = (micros(idle_since), micros(now), i64::from(limit));
    let (seen, id) = match after {
        Some(cursor) => (micros(cursor.time().map_err(other)?), cursor.id),
        None => (i64::MIN, sqlx::types::Uuid::nil()),
    };
    let rows = sqlx::query_as!(
        UserRow,
        "SELECT * FROM users INDEXED BY users_idle_anonymous
         WHERE status = 'active' AND roles = 4 AND legal_hold = 0 AND last_active_at < ?1
           AND (last_active_at, place) > (?3, ifnull(
               (SELECT last.place FROM users AS last WHERE last.id <= ?4 ORDER BY last.id DESC LIMIT 1),
               -9223372036854775808
           ))
           AND NOT EXISTS (
               SELECT 1 FROM sessions
               WHERE user_id = users.id AND ended_at IS NULL AND live_until > ?2
           )
         ORDER BY last_active_at, place LIMIT ?5",
        idle_since,
        now,
        seen,
        id,
        limit
    )
    .fetch_all(connection)
    .await
    .map_err(storage_error)?;
    users(rows)
}

/// See `UserRepository::list_purgeable`.
pub(crate) async fn purgeable(
    connection: &mut SqliteConnection,
    before: DateTime<Utc>,
    limit: u16,
) -> StorageResult<Vec<User>> {
    let (before, limit) = (micros(before), i64::from(limit));
    let rows = sqlx::query_as!(
        UserRow,
        "SELECT * FROM users INDEXED BY users_purgeable
         WHERE status = 'deleted' AND legal_hold = 0 AND deleted_at < ?1
         ORDER BY deleted_at, place LIMIT ?2",
        before,
        limit
    )
    .fetch_all(connection)
    .await
    .map_err(storage_error)?;
    users(rows)
}

/// See `UserRepository::preview_purge`.
pub(crate) async fn preview(
    connection: &mut SqliteConnection,
    ids: &[UserId],
) -> StorageResult<PurgePreview> {
    let ids = hex_list(ids.iter().map(UserId::as_uuid));
    let counts = sqlx::query!(
        r#"WITH gone (id) AS MATERIALIZED (SELECT DISTINCT unhex(value) FROM json_each(?1))
           SELECT
               (SELECT count(*) FROM users INDEXED BY users_id
                WHERE id IN (SELECT id FROM gone)) AS "users!: i64",
               (SELECT count(*) FROM sessions INDEXED BY sessions_user_started
                WHERE user_id IN (SELECT id FROM gone))
                   AS "sessions!: i64",
               (SELECT count(*) FROM ban_facts INDEXED BY ban_facts_user
                WHERE user_id IN (SELECT id FROM gone))
                   AS "bans!: i64",
               (SELECT count(*) FROM users INDEXED BY users_merged_into
                WHERE merged_into IN (SELECT id FROM gone) AND id NOT IN (SELECT id FROM gone))
                   AS "merged!: i64""#,
        ids
    )
    .fetch_one(connection)
    .await
    .map_err(storage_error)?;
    Ok(PurgePreview {
        users: unsigned(counts.users)?,
        sessions: unsigned(counts.sessions)?,
        ban_associations: unsigned(counts.bans)?,
        merged_references: unsigned(counts.merged)?,
    })
}

/// See `UserRepository::purge_many`; the caller takes everything back when it fails.
pub(crate) async fn purge(
    connection: &mut SqliteConnection,
    ids: &[UserId],
) -> StorageResult<PurgePreview> {
    let preview = preview(connection, ids).await?;
    let rows = find::rows_by_ids(connection, ids).await?;
    let entries = rows.iter().map(Entry::of).collect::<StorageResult<Vec<_>>>()?;
    index::remove(connection, &entries).await?;
    let ids = hex_list(ids.iter().map(UserId::as_uuid));
    sqlx::query!(
        "UPDATE ban_facts INDEXED BY ban_facts_user SET user_id = NULL
         WHERE user_id IN (SELECT unhex(value) FROM json_each(?1))",
        ids
    )
    .execute(&mut *connection)
    .await
    .map_err(storage_error)?;
    sqlx::query!(
        "UPDATE ban_ledgers INDEXED BY ban_ledgers_user SET user_id = NULL
         WHERE user_id IN (SELECT unhex(value) FROM json_each(?1))",
        ids
    )
    .execute(&mut *connection)
    .await
    .map_err(storage_error)?;
    sqlx::query!(
        "UPDATE users INDEXED BY users_merged_into SET merged_into = NULL
         WHERE merged_into IN (SELECT unhex(value) FROM json_each(?1))",
        ids
    )
    .execute(&mut *connection)
    .await
    .map_err(storage_error)?;
    // The sessions go with their users, by the foreign key.
    sqlx::query!(
        "DELETE FROM users INDEXED BY users_id
         WHERE id IN (SELECT unhex(value) FROM json_each(?1))",
        ids
    )
    .execute(connection)
    .await
    .map_err(storage_error)?;
    Ok(preview)
}
