//! Names and emails of before the one folding, after the migration that brings it.

use sqlx::{Connection, PgConnection, Row};
use systemprompt_users_domain::{Email, StorageResult, UserName};
use uuid::Uuid;

use crate::error::storage_error;

/// How many batches there may be: those of a thousand million users.
const MAX_BATCHES: u32 = 1_000_000;

/// Folds the names and emails that the migration has left to the application, in batches, each of which stays when
/// the next one fails. Hosts that do it at once take turns.
pub(crate) async fn fill_pending(connection: &mut PgConnection) -> StorageResult<()> {
    for _ in 0..MAX_BATCHES {
        if fill_batch(connection).await.map_err(storage_error)? == 0 {
            break;
        }
    }
    Ok(())
}

async fn fill_batch(connection: &mut PgConnection) -> sqlx::Result<usize> {
    let mut transaction = connection.begin().await?;
    sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended('systemprompt-users:folding', 0))")
        .execute(&mut *transaction)
        .await?;
    let pending = sqlx::query(
        "DELETE FROM user_folding_pending WHERE user_id IN (
            SELECT user_id FROM user_folding_pending ORDER BY user_id LIMIT 1000
        ) RETURNING user_id",
    )
    .fetch_all(&mut *transaction)
    .await?;
    let ids = pending.iter().map(|row| row.try_get(0)).collect::<sqlx::Result<Vec<Uuid>>>()?;
    let rows = sqlx::query(
        "SELECT id, name, name_key, email FROM users WHERE id = ANY($1)
        ORDER BY id FOR NO KEY UPDATE",
    )
    .bind(&ids)
    .fetch_all(&mut *transaction)
    .await?;
    for row in rows {
        let id: Uuid = row.try_get("id")?;
        let name: String = row.try_get("name")?;
        if UserName::stored(&name).canonical() != row.try_get::<&str, _>("name_key")? {
            rename(&mut transaction, id, &name).await?;
        }
        if let Some(email) = row.try_get::<Option<&str>, _>("email")?
            && let Ok(folded) = Email::parse(email)
            && folded.as_str() != email
        {
            change_email(&mut transaction, id, &folded).await?;
        }
    }
    transaction.commit().await?;
    Ok(ids.len())
}

async fn rename(connection: &mut PgConnection, id: Uuid, typed: &str) -> sqlx::Result<()> {
    let name = UserName::stored(typed);
    let changed = sqlx::query(
        "UPDATE users u SET name_key = $2 WHERE u.id = $1 AND (u.status = 'deleted' OR NOT EXISTS (
            SELECT 1 FROM users o WHERE o.name_key = $2 AND o.status <> 'deleted' AND o.id <> $1))",
    )
    .bind(id)
    .bind(name.canonical())
    .execute(&mut *connection)
    .await?;
    if changed.rows_affected() == 0 {
        let other = UserName::stored(&name.told_apart(id));
        sqlx::query("UPDATE users SET name = $2, name_key = $3 WHERE id = $1")
            .bind(id)
            .bind(other.as_str())
            .bind(other.canonical())
            .execute(connection)
            .await?;
        tracing::warn!(user_id = %id, "two users have one name where case is folded: the end of its id was added to one");
    }
    Ok(())
}

async fn change_email(connection: &mut PgConnection, id: Uuid, email: &Email) -> sqlx::Result<()> {
    let changed = sqlx::query(
        "UPDATE users u SET email = $2 WHERE u.id = $1 AND (u.status = 'deleted' OR NOT EXISTS (
            SELECT 1 FROM users o WHERE o.email = $2 AND o.status <> 'deleted' AND o.id <> $1))",
    )
    .bind(id)
    .bind(email.as_str())
    .execute(connection)
    .await?;
    if changed.rows_affected() == 0 {
        tracing::warn!(user_id = %id, "two users have one email where case is folded: this one is found by id and name only");
    }
    Ok(())
}
