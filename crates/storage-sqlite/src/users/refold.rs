//! Names, emails and the search of before the one folding, with the migration that brings it.

use sqlx::SqliteConnection;
use sqlx::types::Uuid;
use systemprompt_users_domain::{Email, StorageResult, UserName};
use unicode_normalization::UnicodeNormalization;

use super::index::{self, Entry};
use super::row::UserRow;
use crate::error::storage_error;

/// How many users are read at a time.
const STEP: i64 = 1000;

/// Folds the names and emails that are not ASCII, and the search of these users where it `is_indexed`.
pub(crate) async fn refold(
    connection: &mut SqliteConnection,
    is_indexed: bool,
) -> StorageResult<()> {
    let mut behind = i64::MIN;
    loop {
        let rows: Vec<UserRow> = sqlx::query_as(
            "SELECT * FROM users WHERE place > ?1 AND octet_length(concat(name, name_key, email,
                full_name, display_name)) <> length(concat(name, name_key, email, full_name,
                display_name)) ORDER BY place LIMIT ?2",
        )
        .bind(behind)
        .bind(STEP)
        .fetch_all(&mut *connection)
        .await
        .map_err(storage_error)?;
        let Some(last) = rows.last() else { return Ok(()) };
        behind = last.place;
        let mut changes = Vec::new();
        for mut row in rows {
            let old = Entry { fields: old_fields(&row), ..Entry::of(&row)? };
            fold(&mut *connection, &mut row).await.map_err(storage_error)?;
            changes.push((old, Entry::of(&row)?));
        }
        if is_indexed {
            index::replace(&mut *connection, &changes).await?;
        }
    }
}

/// The fields of a search as they were folded before.
fn old_fields(row: &UserRow) -> Vec<String> {
    let texts =
        [Some(&row.name), row.email.as_ref(), row.full_name.as_ref(), row.display_name.as_ref()];
    let fold = |text: &String| text.chars().flat_map(char::to_lowercase).nfc().collect();
    texts.into_iter().flatten().map(fold).collect()
}

async fn fold(connection: &mut SqliteConnection, row: &mut UserRow) -> sqlx::Result<()> {
    let name = UserName::stored(&row.name);
    if name.canonical() != row.name_key {
        let key = name.canonical().to_owned();
        let changed = sqlx::query(
            "UPDATE users SET name_key = ?2 WHERE id = ?1 AND (status = 'deleted' OR NOT EXISTS (
                SELECT 1 FROM users o WHERE o.name_key = ?2 AND o.status <> 'deleted' AND o.id <> ?1))",
        )
        .bind(row.id)
        .bind(key)
        .execute(&mut *connection)
        .await?;
        if changed.rows_affected() == 0 {
            row.name = name.told_apart(row.id);
            rename(&mut *connection, row.id, &UserName::stored(&row.name)).await?;
        }
    }
    if let Some(email) = &row.email
        && let Ok(folded) = Email::parse(email)
        && folded.as_str() != email
    {
        let changed = sqlx::query(
            "UPDATE users SET email = ?2 WHERE id = ?1 AND (status = 'deleted' OR NOT EXISTS (
                SELECT 1 FROM users o WHERE o.email = ?2 AND o.status <> 'deleted' AND o.id <> ?1))",
        )
        .bind(row.id)
        .bind(folded.as_str().to_owned())
        .execute(connection)
        .await?;
        if changed.rows_affected() == 0 {
            tracing::warn!(user_id = %row.id, "two users have one email where case is folded: this one is found by id and name only");
        } else {
            row.email = Some(folded.as_str().to_owned());
        }
    }
    Ok(())
}

async fn rename(connection: &mut SqliteConnection, id: Uuid, name: &UserName) -> sqlx::Result<()> {
    sqlx::query("UPDATE users SET name = ?2, name_key = ?3 WHERE id = ?1")
        .bind(id)
        .bind(name.as_str().to_owned())
        .bind(name.canonical().to_owned())
        .execute(connection)
        .await?;
    tracing::warn!(user_id = %id, "two users have one name where case is folded: the end of its id was added to one");
    Ok(())
}
