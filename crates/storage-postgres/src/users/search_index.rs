//! The folded fields of users that are older than the table that holds them.

use sqlx::{Connection, PgConnection};
use systemprompt_users_domain::StorageResult;

use super::row::{SearchColumns, into_users, users};
use crate::error::storage_error;

/// How many batches there may be: a table of a thousand million users.
const MAX_BATCHES: u32 = 1_000_000;

/// Folds the fields of users that a migration has left to the application, in batches, each of which stays
/// when the next one fails. Hosts that do it at once take turns.
pub(crate) async fn fill_pending(connection: &mut PgConnection) -> StorageResult<()> {
    for _ in 0..MAX_BATCHES {
        if fill_batch(connection).await? == 0 {
            break;
        }
    }
    Ok(())
}

async fn fill_batch(connection: &mut PgConnection) -> StorageResult<usize> {
    let mut transaction = connection.begin().await.map_err(storage_error)?;
    sqlx::query!("SELECT pg_advisory_xact_lock(hashtextextended('systemprompt-users:search', 0))")
        .execute(&mut *transaction)
        .await
        .map_err(storage_error)?;
    let ids = sqlx::query_scalar!(
        "DELETE FROM user_search_pending WHERE user_id IN (
            SELECT user_id FROM user_search_pending ORDER BY user_id LIMIT 1000
        ) RETURNING user_id"
    )
    .fetch_all(&mut *transaction)
    .await
    .map_err(storage_error)?;
    let rows = users!("WHERE u.id = ANY($1) ORDER BY u.id FOR NO KEY UPDATE", &ids)
        .fetch_all(&mut *transaction)
        .await
        .map_err(storage_error)?;
    let mut columns = SearchColumns::default();
    let mut folded = Vec::with_capacity(rows.len());
    for user in into_users(rows)? {
        columns.push(&user);
        folded.push(user.id.as_uuid());
    }
    sqlx::query!(
        "INSERT INTO user_search (user_id, cell, name, email, full_name, display_name)
        SELECT f.id, u.cell, f.name, f.email, f.full_name, f.display_name
        FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[])
            AS f (id, name, email, full_name, display_name)
        JOIN users u ON u.id = f.id
        ON CONFLICT DO NOTHING",
        &folded,
        &columns.names,
        &columns.emails as _,
        &columns.full_names as _,
        &columns.display_names as _,
    )
    .execute(&mut *transaction)
    .await
    .map_err(storage_error)?;
    transaction.commit().await.map_err(storage_error)?;
    Ok(ids.len())
}
