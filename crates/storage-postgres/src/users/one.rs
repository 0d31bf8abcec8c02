//! Storing and replacing a single user.
//!
//! With plain parameters, where sets of users are arrays: the server keeps one plan, and makes a new one with
//! each call where it can't tell how long an array is.

use systemprompt_users_domain::{
    AvatarUrl, DisplayName, Email, Fingerprint, FullName, StorageResult, User, UserStatus,
};

use crate::unit::Unit;

/// Stores `user` unless a key of it is taken, and answers whether it is stored.
pub(super) async fn insert(unit: &mut Unit, user: &User) -> StorageResult<bool> {
    let result = sqlx::query!(
        "INSERT INTO users (
            id, name, name_key, email, email_verified, full_name, display_name, avatar_url, status,
            roles, is_bot, fingerprint, token_hash, created_at, updated_at, last_active_at,
            deleted_at, status_before_delete, merged_into, legal_hold, version
        ) VALUES (
            $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19,
            $20, $21
        ) ON CONFLICT DO NOTHING",
        user.id.as_uuid(),
        user.name.as_str(),
        user.name.canonical(),
        user.email.as_ref().map(Email::as_str),
        user.email_verified,
        user.full_name.as_ref().map(FullName::as_str),
        user.display_name.as_ref().map(DisplayName::as_str),
        user.avatar_url.as_ref().map(AvatarUrl::as_str),
        user.status.as_str(),
        i16::from(user.roles.bits()),
        user.is_bot,
        user.fingerprint.as_ref().map(Fingerprint::as_str),
        user.token_hash.as_ref().map(|hash| hash.as_bytes().as_slice()),
        user.created_at,
        user.updated_at,
        user.last_active_at,
        user.deleted_at,
        user.status_before_delete.map(UserStatus::as_str),
        user.merged_into.map(|id| id.as_uuid()),
        user.legal_hold,
        user.version,
    )
    .execute(unit.writer()?)
    .await;
    Ok(unit.done(result)?.rows_affected() > 0)
}

/// The driver's own result inside, since a conflict is not the end.
pub(super) async fn replace(unit: &mut Unit, user: &User) -> StorageResult<sqlx::Result<()>> {
    let result = sqlx::query!(
        "UPDATE users SET
            name = $2, name_key = $3, email = $4, email_verified = $5, full_name = $6,
            display_name = $7, avatar_url = $8, status = $9, roles = $10, is_bot = $11,
            fingerprint = $12, token_hash = $13, created_at = $14, updated_at = $15,
            last_active_at = $16, deleted_at = $17, status_before_delete = $18, merged_into = $19,
            legal_hold = $20, version = $21
        WHERE id = $1",
        user.id.as_uuid(),
        user.name.as_str(),
        user.name.canonical(),
        user.email.as_ref().map(Email::as_str),
        user.email_verified,
        user.full_name.as_ref().map(FullName::as_str),
        user.display_name.as_ref().map(DisplayName::as_str),
        user.avatar_url.as_ref().map(AvatarUrl::as_str),
        user.status.as_str(),
        i16::from(user.roles.bits()),
        user.is_bot,
        user.fingerprint.as_ref().map(Fingerprint::as_str),
        user.token_hash.as_ref().map(|hash| hash.as_bytes().as_slice()),
        user.created_at,
        user.updated_at,
        user.last_active_at,
        user.deleted_at,
        user.status_before_delete.map(UserStatus::as_str),
        user.merged_into.map(|id| id.as_uuid()),
        user.legal_hold,
        user.version,
    )
    .execute(unit.writer()?)
    .await;
    Ok(result.map(|_| ()))
}
