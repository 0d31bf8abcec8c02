//! What became of a statement, in the words of the ports.

use sqlx::postgres::{PgDatabaseError, PgSeverity};
use systemprompt_users_domain::{StorageError, UniqueKey};

/// The port's error for the driver's.
pub(crate) fn storage_error(error: sqlx::Error) -> StorageError {
    if let Some(key) = conflict(&error) {
        return StorageError::Conflict { key, source: Some(Box::new(error)) };
    }
    if may_succeed_again(&error) {
        return StorageError::Unavailable(Box::new(error));
    }
    if lacks_schema(&error) {
        return StorageError::OutdatedSchema(Box::new(error));
    }
    StorageError::Other(Box::new(error))
}

/// Whether a table, a column or a function is missing.
fn lacks_schema(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    code.is_some_and(|code| matches!(&*code, "42P01" | "42703" | "42883"))
}

/// A row that this program can't have written.
pub(crate) fn corrupt(error: impl std::fmt::Display) -> StorageError {
    StorageError::Other(format!("a stored row is not valid: {error}").into())
}

/// Whether the connection can't be used any more.
pub(crate) fn is_broken(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Database(error) => {
            // Whatever is fatal to the server's process ends the connection with it.
            let severity =
                error.try_downcast_ref::<PgDatabaseError>().map(PgDatabaseError::severity);
            matches!(severity, Some(PgSeverity::Fatal | PgSeverity::Panic))
                || error.code().is_some_and(|code| ends_connection(&code))
        }
        _ => false,
    }
}

/// Shut down by the administrator, or timed out inside a transaction; a connection failure that something in
/// between tells of; a statement that was prepared and is gone, or was there before: somebody in between has
/// changed the server.
fn ends_connection(code: &str) -> bool {
    ["57P", "08"].iter().any(|class| code.starts_with(class))
        || matches!(code, "25P03" | "25P04" | "26000" | "42P05" | READ_ONLY)
}

/// Whether the server takes no changes (any more): it was demoted, or fenced off.
pub(crate) fn is_read_only(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|error| error.code().as_deref() == Some(READ_ONLY))
}

const READ_ONLY: &str = "25006";

/// Whether a connection that was not made may be made later. Not so where somebody has to change something first:
/// the URL, a password or a certificate, who may come in, the database.
pub(crate) fn may_connect_later(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(error) => !error.to_string().contains("invalid peer certificate"),
        sqlx::Error::Protocol(message) => !message.starts_with("unsupported authentication"),
        sqlx::Error::Database(error) => error.code().is_none_or(|code| {
            // Authorization, a database that is not there, rights, values, features.
            !["28", "3D", "42", "22", "0A"].iter().any(|class| code.starts_with(class))
        }),
        sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => true,
        _ => false,
    }
}

fn conflict(error: &sqlx::Error) -> Option<UniqueKey> {
    let sqlx::Error::Database(error) = error else { return None };
    if error.code().as_deref() != Some("23505") {
        return None;
    }
    match error.constraint()? {
        "users_id" | "sessions_id" | "api_keys_id" => Some(UniqueKey::Id),
        "users_name" => Some(UniqueKey::Name),
        "users_email" => Some(UniqueKey::Email),
        "users_token" | "sessions_token" | "sign_in_links_token" => Some(UniqueKey::Token),
        "api_keys_prefix" => Some(UniqueKey::Prefix),
        _ => None,
    }
}

fn may_succeed_again(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => true,
        sqlx::Error::Database(database) => {
            is_broken(error)
                || database.code().is_some_and(|code| {
                    // Lock timeout, statement timeout or cancelled; then whole classes: rolled back, resources.
                    matches!(&*code, "55P03" | "57014")
                        || ["40", "53"].iter().any(|class| code.starts_with(class))
                })
        }
        other => is_broken(other),
    }
}
