//! A user as a row.

use sqlx::types::Uuid;
use systemprompt_users_domain::{
    DisplayName, Email, Fingerprint, FullName, Roles, StorageError, StorageResult, User, UserId,
    UserName, UserStatus, fold_case,
};

use crate::codec::{optional_time, parse, parse_optional, time, token_hash, unsigned};
use crate::error::other;

/// All columns of `users`.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct UserRow {
    pub(crate) place: i64,
    pub(crate) id: Uuid,
    pub(crate) name: String,
    pub(crate) name_key: String,
    pub(crate) email: Option<String>,
    pub(crate) email_verified: bool,
    pub(crate) full_name: Option<String>,
    pub(crate) display_name: Option<String>,
    pub(crate) avatar_url: Option<String>,
    pub(crate) status: String,
    pub(crate) roles: i64,
    pub(crate) is_bot: bool,
    pub(crate) fingerprint: Option<String>,
    pub(crate) token_hash: Option<Vec<u8>>,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
    pub(crate) last_active_at: i64,
    pub(crate) deleted_at: Option<i64>,
    pub(crate) status_before_delete: Option<String>,
    pub(crate) merged_into: Option<Uuid>,
    pub(crate) legal_hold: bool,
    pub(crate) version: i64,
    pub(crate) cell: i64,
}

impl UserRow {
    /// The folded fields that a search looks at, as `search_fields` gives them of the whole user.
    pub(crate) fn search_fields(&self) -> Vec<String> {
        let texts = [
            Some(&self.name),
            self.email.as_ref(),
            self.full_name.as_ref(),
            self.display_name.as_ref(),
        ];
        texts.into_iter().flatten().map(|text| fold_case(text)).collect()
    }
}

impl TryFrom<UserRow> for User {
    type Error = StorageError;

    fn try_from(row: UserRow) -> StorageResult<Self> {
        Ok(Self {
            id: UserId::from_uuid(row.id),
            name: UserName::stored(&row.name),
            email: row.email.as_deref().map(Email::stored),
            email_verified: row.email_verified,
            full_name: row.full_name.as_deref().map(FullName::stored),
            display_name: row.display_name.as_deref().map(DisplayName::stored),
            avatar_url: parse_optional(row.avatar_url.as_deref())?,
            status: parse(&row.status)?,
            roles: roles(row.roles)?,
            is_bot: row.is_bot,
            fingerprint: row.fingerprint.as_deref().map(Fingerprint::stored),
            token_hash: row.token_hash.as_deref().map(token_hash).transpose()?,
            created_at: time(row.created_at)?,
            updated_at: time(row.updated_at)?,
            last_active_at: time(row.last_active_at)?,
            deleted_at: optional_time(row.deleted_at)?,
            status_before_delete: parse_optional::<UserStatus>(
                row.status_before_delete.as_deref(),
            )?,
            merged_into: row.merged_into.map(UserId::from_uuid),
            legal_hold: row.legal_hold,
            version: row.version,
        })
    }
}

/// Reads rows into users, in their order.
pub(crate) fn users(rows: Vec<UserRow>) -> StorageResult<Vec<User>> {
    rows.into_iter().map(User::try_from).collect()
}

/// Reads a row into a user, if there is one.
pub(crate) fn user(row: Option<UserRow>) -> StorageResult<Option<User>> {
    row.map(User::try_from).transpose()
}

/// Reads stored roles.
pub(crate) fn roles(bits: i64) -> StorageResult<Roles> {
    Roles::from_bits(unsigned(bits)?).map_err(other)
}
