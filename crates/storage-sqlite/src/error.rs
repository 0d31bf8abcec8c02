//! From the driver's errors to what a caller can do about them.

use std::error::Error;

use sqlx::error::DatabaseError;
use sqlx::migrate::MigrateError;
use systemprompt_users_domain::{StorageError, UniqueKey};

/// The primary result codes of SQLite that say "somebody else is at it; try again".
const BUSY: i32 = 5;
const LOCKED: i32 = 6;

/// The file, or the disk under it, takes no changes.
const READONLY: i32 = 8;

/// The low byte of an extended result code is the primary one.
const PRIMARY: i32 = 0xff;

/// Sorts an error of the driver; it stays as the source.
pub(crate) fn storage_error(error: sqlx::Error) -> StorageError {
    match &error {
        sqlx::Error::PoolTimedOut => StorageError::Unavailable(error.into()),
        sqlx::Error::Database(database) if may_pass(database.as_ref()) => {
            StorageError::Unavailable(error.into())
        }
        sqlx::Error::Database(database) if database.is_unique_violation() => {
            match unique_key(database.message()) {
                Some(key) => StorageError::Conflict { key, source: Some(error.into()) },
                None => StorageError::Other(error.into()),
            }
        }
        sqlx::Error::Database(database) if lacks_schema(database.message()) => {
            StorageError::OutdatedSchema(error.into())
        }
        _ => StorageError::Other(error.into()),
    }
}

/// Sorts an error of the beginning of a unit that writes. That the file takes no changes may pass, as somebody has
/// to see to that, and reading goes on meanwhile.
pub(crate) fn begin_error(error: sqlx::Error) -> StorageError {
    match &error {
        sqlx::Error::Database(database) if primary_code(database.as_ref()) == Some(READONLY) => {
            StorageError::Unavailable(error.into())
        }
        _ => storage_error(error),
    }
}

fn primary_code(error: &dyn DatabaseError) -> Option<i32> {
    error.code().and_then(|code| code.parse::<i32>().ok()).map(|code| code & PRIMARY)
}

/// SQLite has no code of its own for this.
fn lacks_schema(message: &str) -> bool {
    ["no such table: ", "no such column: "].iter().any(|start| message.starts_with(start))
        || message.starts_with("table ") && message.contains(" has no column named ")
}

/// The same of an error of a migration.
pub(crate) fn migrate_error(error: MigrateError) -> StorageError {
    match error {
        MigrateError::Execute(error) => storage_error(error),
        other => StorageError::Other(other.into()),
    }
}

/// A failure that is not the driver's: a row that can't be read, a call that can't be served.
pub(crate) fn other(error: impl Into<Box<dyn Error + Send + Sync>>) -> StorageError {
    StorageError::Other(error.into())
}

fn may_pass(error: &dyn DatabaseError) -> bool {
    matches!(primary_code(error), Some(BUSY | LOCKED))
}

/// Which key is taken; SQLite names its columns: `UNIQUE constraint failed: users.email`.
fn unique_key(message: &str) -> Option<UniqueKey> {
    let columns = message.rsplit_once(": ").map(|(_, columns)| columns)?;
    match columns {
        "users.name_key" => Some(UniqueKey::Name),
        "users.email" => Some(UniqueKey::Email),
        "users.token_hash" | "sessions.token_hash" | "sign_in_links.token_hash" => {
            Some(UniqueKey::Token)
        }
        "api_keys.prefix" => Some(UniqueKey::Prefix),
        _ if columns.ends_with(".id") => Some(UniqueKey::Id),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_columns_tell_which_key_is_taken() {
        for (columns, key) in [
            ("users.id", Some(UniqueKey::Id)),
            ("users.name_key", Some(UniqueKey::Name)),
            ("users.email", Some(UniqueKey::Email)),
            ("users.token_hash", Some(UniqueKey::Token)),
            ("sessions.token_hash", Some(UniqueKey::Token)),
            ("sign_in_links.token_hash", Some(UniqueKey::Token)),
            ("api_keys.prefix", Some(UniqueKey::Prefix)),
            ("users.place", None),
        ] {
            assert_eq!(unique_key(&format!("UNIQUE constraint failed: {columns}")), key);
        }
    }
}
