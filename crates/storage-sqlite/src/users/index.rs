//! Writing what the search reads: `user_keys` and `user_grams`.

use std::collections::BTreeSet;

use sqlx::SqliteConnection;
use systemprompt_users_domain::{StorageResult, UserRole};

use super::grams;
use super::merge::{self, Effort};
use super::row::{UserRow, roles};
use crate::codec::number_list;
use crate::error::{other, storage_error};

/// What the search index knows of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) place: i64,
    pub(crate) cell: i64,
    pub(crate) anonymous: bool,
    /// Folded.
    pub(crate) fields: Vec<String>,
}

impl Entry {
    /// What the index knows of the user of this row.
    pub(crate) fn of(row: &UserRow) -> StorageResult<Self> {
        let anonymous = roles(row.roles)?.contains(UserRole::Anonymous);
        Ok(Self { place: row.place, cell: row.cell, anonymous, fields: row.search_fields() })
    }

    fn says_the_same(&self, other: &Self) -> bool {
        self.place == other.place
            && self.anonymous == other.anonymous
            && self.fields == other.fields
    }
}

/// An entry with its document, which takes a while to make.
#[derive(Debug)]
pub(crate) struct Indexed {
    entry: Entry,
    document: String,
}

impl From<Entry> for Indexed {
    fn from(entry: Entry) -> Self {
        let document = grams::document(&entry.fields, entry.anonymous);
        Self { entry, document }
    }
}

/// Puts users in who are not in yet.
pub(crate) async fn add(connection: &mut SqliteConnection, users: &[Indexed]) -> StorageResult<()> {
    add_keys(&mut *connection, users.iter().map(|user| &user.entry)).await?;
    let effort = add_grams(&mut *connection, users).await?;
    merge::run(connection, effort).await
}

/// Takes users out who are in.
pub(crate) async fn remove(
    connection: &mut SqliteConnection,
    entries: &[Entry],
) -> StorageResult<()> {
    remove_keys(&mut *connection, entries.iter()).await?;
    let effort = remove_grams(&mut *connection, entries.iter()).await?;
    merge::run(connection, effort).await
}

/// Brings users from one state to another, in pairs; what stays the same is not written.
pub(crate) async fn replace(
    connection: &mut SqliteConnection,
    changes: &[(Entry, Entry)],
) -> StorageResult<()> {
    let moved = || changes.iter().filter(|(old, new)| old != new);
    remove_keys(&mut *connection, moved().map(|(old, _)| old)).await?;
    add_keys(&mut *connection, moved().map(|(_, new)| new)).await?;
    let reworded = || changes.iter().filter(|(old, new)| !old.says_the_same(new));
    let removed = remove_grams(&mut *connection, reworded().map(|(old, _)| old)).await?;
    let new: Vec<Indexed> = reworded().map(|(_, new)| Indexed::from(new.clone())).collect();
    let added = add_grams(&mut *connection, &new).await?;
    merge::run(connection, removed + added).await
}

async fn add_keys(
    connection: &mut SqliteConnection,
    entries: impl Iterator<Item = &Entry>,
) -> StorageResult<()> {
    let Some(keys) = keys_json(entries)? else { return Ok(()) };
    sqlx::query!(
        "INSERT INTO user_keys (cell, key, place)
         SELECT value ->> 0, value ->> 1, value ->> 2 FROM jsonb_each(?1)",
        keys
    )
    .execute(connection)
    .await
    .map_err(storage_error)?;
    Ok(())
}

async fn remove_keys(
    connection: &mut SqliteConnection,
    entries: impl Iterator<Item = &Entry>,
) -> StorageResult<()> {
    let Some(keys) = keys_json(entries)? else { return Ok(()) };
    sqlx::query!(
        "DELETE FROM user_keys WHERE (cell, key, place) IN (
             SELECT value ->> 0, value ->> 1, value ->> 2 FROM jsonb_each(?1)
         )",
        keys
    )
    .execute(connection)
    .await
    .map_err(storage_error)?;
    Ok(())
}

async fn add_grams(connection: &mut SqliteConnection, users: &[Indexed]) -> StorageResult<Effort> {
    if users.is_empty() {
        return Ok(Effort::NONE);
    }
    let mut documents: Vec<(i64, &str)> =
        users.iter().map(|user| (user.entry.place, user.document.as_str())).collect();
    // Where a row number goes back, SQLite closes a part of the index and begins another one.
    documents.sort_unstable_by_key(|(place, _)| *place);
    let effort = Effort::of_added(documents.iter().map(|(_, document)| document.len()).sum());
    let documents = serde_json::to_string(&documents).map_err(other)?;
    sqlx::query!(
        "INSERT INTO user_grams (rowid, grams) SELECT value ->> 0, value ->> 1 FROM jsonb_each(?1)",
        documents
    )
    .execute(connection)
    .await
    .map_err(storage_error)?;
    Ok(effort)
}

async fn remove_grams(
    connection: &mut SqliteConnection,
    entries: impl Iterator<Item = &Entry>,
) -> StorageResult<Effort> {
    let places: Vec<_> = entries.map(|entry| entry.place).collect();
    if places.is_empty() {
        return Ok(Effort::NONE);
    }
    let effort = Effort::of_removed(places.len());
    let places = number_list(places);
    sqlx::query!("DELETE FROM user_grams WHERE rowid IN (SELECT value FROM json_each(?1))", places)
        .execute(connection)
        .await
        .map_err(storage_error)?;
    Ok(effort)
}

/// The rows of `user_keys`; two fields of a user that are the same are one row.
fn keys_json<'e>(entries: impl Iterator<Item = &'e Entry>) -> StorageResult<Option<String>> {
    let mut keys: Vec<(i64, &str, i64)> = Vec::new();
    for entry in entries {
        let distinct: BTreeSet<&str> = entry.fields.iter().map(String::as_str).collect();
        keys.extend(distinct.into_iter().map(|key| (entry.cell, key, entry.place)));
    }
    if keys.is_empty() {
        return Ok(None);
    }
    // As the table has them: neighbours go into the same page.
    keys.sort_unstable();
    serde_json::to_string(&keys).map(Some).map_err(other)
}
