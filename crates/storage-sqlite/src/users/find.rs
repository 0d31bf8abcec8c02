//! Looking users up by what identifies them.

use sqlx::SqliteConnection;
use systemprompt_users_domain::{
    Email, Fingerprint, StorageResult, TokenHash, User, UserId, UserName,
};

use super::row::{UserRow, user, users};
use crate::codec::{hex_list, text_list};
use crate::error::storage_error;

/// See `UserRepository::find_many`.
pub(crate) async fn by_ids(
    connection: &mut SqliteConnection,
    ids: &[UserId],
) -> StorageResult<Vec<User>> {
    users(rows_by_ids(connection, ids).await?)
}

/// The same as rows.
pub(crate) async fn rows_by_ids(
    connection: &mut SqliteConnection,
    ids: &[UserId],
) -> StorageResult<Vec<UserRow>> {
    if let [id] = ids {
        let id = id.as_uuid();
        return sqlx::query_as!(UserRow, "SELECT * FROM users WHERE id = ?1", id)
            .fetch_all(connection)
            .await
            .map_err(storage_error);
    }
    let ids = hex_list(ids.iter().map(UserId::as_uuid));
    sqlx::query_as!(
        UserRow,
        "SELECT * FROM users INDEXED BY users_id
         WHERE id IN (SELECT unhex(value) FROM json_each(?1))",
        ids
    )
    .fetch_all(connection)
    .await
    .map_err(storage_error)
}

/// See `UserRepository::find_by_emails`.
pub(crate) async fn by_emails(
    connection: &mut SqliteConnection,
    emails: &[Email],
) -> StorageResult<Vec<User>> {
    let emails = text_list(emails.iter().map(|email| email.as_str().to_owned()));
    let rows = sqlx::query_as!(
        UserRow,
        "SELECT * FROM users INDEXED BY users_live_email
         WHERE email IN (SELECT value FROM json_each(?1)) AND status <> 'deleted'",
        emails
    )
    .fetch_all(connection)
    .await
    .map_err(storage_error)?;
    users(rows)
}

/// See `UserRepository::find_by_names`.
pub(crate) async fn by_names(
    connection: &mut SqliteConnection,
    names: &[UserName],
) -> StorageResult<Vec<User>> {
    let names = text_list(names.iter().map(|name| name.canonical().to_owned()));
    let rows = sqlx::query_as!(
        UserRow,
        "SELECT * FROM users INDEXED BY users_live_name
         WHERE name_key IN (SELECT value FROM json_each(?1)) AND status <> 'deleted'",
        names
    )
    .fetch_all(connection)
    .await
    .map_err(storage_error)?;
    users(rows)
}

/// See `UserRepository::find_deleted_by_email`.
pub(crate) async fn deleted_by_email(
    connection: &mut SqliteConnection,
    email: &Email,
) -> StorageResult<Option<User>> {
    let email = email.as_str();
    let row = sqlx::query_as!(
        UserRow,
        "SELECT * FROM users INDEXED BY users_deleted_email
         WHERE email = ?1 AND status = 'deleted' ORDER BY deleted_at DESC, place DESC LIMIT 1",
        email
    )
    .fetch_optional(connection)
    .await
    .map_err(storage_error)?;
    user(row)
}

/// See `UserRepository::find_deleted_by_name`.
pub(crate) async fn deleted_by_name(
    connection: &mut SqliteConnection,
    name: &UserName,
) -> StorageResult<Option<User>> {
    let name_key = name.canonical();
    let row = sqlx::query_as!(
        UserRow,
        "SELECT * FROM users INDEXED BY users_deleted_name
         WHERE name_key = ?1 AND status = 'deleted' ORDER BY deleted_at DESC, place DESC LIMIT 1",
        name_key
    )
    .fetch_optional(connection)
    .await
    .map_err(storage_error)?;
    user(row)
}

/// See `UserRepository::find_by_token`.
pub(crate) async fn by_token(
    connection: &mut SqliteConnection,
    token: &TokenHash,
) -> StorageResult<Option<User>> {
    let hash = token.as_bytes().as_slice();
    let row =
        sqlx::query_as!(UserRow, "SELECT * FROM users WHERE token_hash = ?1 AND roles = 4", hash)
            .fetch_optional(connection)
            .await
            .map_err(storage_error)?;
    user(row)
}

/// See `UserRepository::find_anonymous_by_fingerprint`.
pub(crate) async fn anonymous_by_fingerprint(
    connection: &mut SqliteConnection,
    fingerprint: &Fingerprint,
) -> StorageResult<Option<User>> {
    let fingerprint = fingerprint.as_str();
    let row = sqlx::query_as!(
        UserRow,
        "SELECT * FROM users INDEXED BY users_fingerprint
         WHERE fingerprint = ?1 AND status = 'active' AND roles = 4
         ORDER BY created_at DESC, place DESC LIMIT 1",
        fingerprint
    )
    .fetch_optional(connection)
    .await
    .map_err(storage_error)?;
    user(row)
}

/// See `UserRepository::has_other_active_admin`.
pub(crate) async fn other_active_admin(
    connection: &mut SqliteConnection,
    except: &[UserId],
) -> StorageResult<bool> {
    let except = hex_list(except.iter().map(UserId::as_uuid));
    sqlx::query_scalar!(
        r#"SELECT EXISTS (
            SELECT 1 FROM users INDEXED BY users_active_admin
            WHERE status = 'active' AND roles IN (1, 3)
              AND id NOT IN (SELECT unhex(value) FROM json_each(?1))
        ) AS "there_is!: bool""#,
        except
    )
    .fetch_one(connection)
    .await
    .map_err(storage_error)
}
