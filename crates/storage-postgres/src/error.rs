//! What became of a statement, in the words of the ports.

use systemprompt_users_domain::{StorageError, UniqueKey};

/// The port's error for the driver's.
pub(crate) fn storage_error(error: sqlx::Error) -> StorageError {
    if let Some(key) = conflict(&error) {
        return StorageError::Conflict { key, source: Some(Box::new(error)) };
    }
    if may_succeed_again(&error) {
        return StorageError::Unavailable(Box::new(error));
    }
    StorageError::Other(Box::new(error))
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
        // Shut down by the administrator, or timed out inside a transaction.
        sqlx::Error::Database(error) => {
            error.code().is_some_and(|code| code.starts_with("57P") || code == "25P03")
        }
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
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => true,
        sqlx::Error::Database(error) => error.code().is_some_and(|code| {
            // Serialization failure, deadlock, lock timeout, statement timeout, timeout inside a
            // transaction; then whole classes: connection, resources, intervention by an operator.
            matches!(&*code, "40001" | "40P01" | "55P03" | "57014" | "25P03")
                || ["08", "53", "57P"].iter().any(|class| code.starts_with(class))
        }),
        _ => false,
    }
}
