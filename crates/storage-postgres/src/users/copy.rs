//! Storing many new users by `COPY`.

use systemprompt_users_domain::{
    AvatarUrl, DisplayName, Email, Fingerprint, FullName, StorageError, StorageResult, User,
    UserStatus,
};

use super::cell;
use super::search_index::{Searchable, terms};
use crate::copy::CopyRows;
use crate::unit::Unit;

/// Stores all of `users`, without what a search needs of them; or none, and answers `false`, if a key of one
/// is taken.
pub(super) async fn insert(unit: &mut Unit, users: &[&User]) -> StorageResult<bool> {
    let mut rows = CopyRows::new(21);
    for user in users {
        rows.row();
        rows.field(user.id.as_uuid())?;
        rows.field(user.name.as_str())?;
        rows.field(user.name.canonical())?;
        rows.field(user.email.as_ref().map(Email::as_str))?;
        rows.field(user.email_verified)?;
        rows.field(user.full_name.as_ref().map(FullName::as_str))?;
        rows.field(user.display_name.as_ref().map(DisplayName::as_str))?;
        rows.field(user.avatar_url.as_ref().map(AvatarUrl::as_str))?;
        rows.field(user.status.as_str())?;
        rows.field(i16::from(user.roles.bits()))?;
        rows.field(user.is_bot)?;
        rows.field(user.fingerprint.as_ref().map(Fingerprint::as_str))?;
        rows.field(user.token_hash.as_ref().map(|hash| hash.as_bytes().as_slice()))?;
        rows.field(user.created_at)?;
        rows.field(user.updated_at)?;
        rows.field(user.last_active_at)?;
        rows.field(user.deleted_at)?;
        rows.field(user.status_before_delete.map(UserStatus::as_str))?;
        rows.field(user.merged_into.map(|id| id.as_uuid()))?;
        rows.field(user.legal_hold)?;
        rows.field(user.version)?;
    }
    unit.run("SAVEPOINT copied_users").await?;
    let copied = unit
        .copy(
            "COPY users (
                id, name, name_key, email, email_verified, full_name, display_name, avatar_url,
                status, roles, is_bot, fingerprint, token_hash, created_at, updated_at,
                last_active_at, deleted_at, status_before_delete, merged_into, legal_hold, version
            ) FROM STDIN WITH (FORMAT binary)",
            rows,
        )
        .await;
    match copied {
        Ok(()) => unit.run("RELEASE copied_users").await.map(|()| true),
        Err(StorageError::Conflict { .. }) => {
            unit.run("ROLLBACK TO copied_users; RELEASE copied_users").await.map(|()| false)
        }
        Err(error) => Err(error),
    }
}

/// Adds what the search needs of new users, of whom it has nothing yet.
pub(super) async fn add_to_search(unit: &mut Unit, users: &[&User]) -> StorageResult<()> {
    let (mut texts, mut keys) = (CopyRows::new(3), CopyRows::new(4));
    for user in users {
        let searchable = Searchable::new(user);
        texts.row();
        texts.field(user.id.as_uuid())?;
        texts.field(searchable.search_text)?;
        texts.field(searchable.visitor_text)?;
        for (shared, term) in terms(user) {
            keys.row();
            keys.field(user.id.as_uuid())?;
            keys.field(cell::of(user))?;
            keys.field(shared)?;
            keys.field(term)?;
        }
    }
    unit.copy(
        "COPY user_search (user_id, search_text, visitor_text) FROM STDIN WITH (FORMAT binary)",
        texts,
    )
    .await?;
    unit.copy("COPY user_terms (user_id, cell, shared, term) FROM STDIN WITH (FORMAT binary)", keys)
        .await
}
