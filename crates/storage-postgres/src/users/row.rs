//! A user as a row, and as the columns of many.

use chrono::{DateTime, Utc};
use systemprompt_users_domain::{
    AvatarUrl, DisplayName, Email, Fingerprint, FullName, Roles, StorageResult, TokenHash, User,
    UserId, UserName, UserStatus,
};
use uuid::Uuid;

use crate::error::corrupt;

/// A row of `users` without what the database makes itself.
#[derive(sqlx::FromRow)]
pub(crate) struct UserRow {
    pub(crate) id: Uuid,
    pub(crate) name: String,
    pub(crate) email: Option<String>,
    pub(crate) email_verified: bool,
    pub(crate) full_name: Option<String>,
    pub(crate) display_name: Option<String>,
    pub(crate) avatar_url: Option<String>,
    pub(crate) status: String,
    pub(crate) roles: i16,
    pub(crate) is_bot: bool,
    pub(crate) fingerprint: Option<String>,
    pub(crate) token_hash: Option<Vec<u8>>,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) updated_at: DateTime<Utc>,
    pub(crate) last_active_at: DateTime<Utc>,
    pub(crate) deleted_at: Option<DateTime<Utc>>,
    pub(crate) status_before_delete: Option<String>,
    pub(crate) merged_into: Option<Uuid>,
    pub(crate) legal_hold: bool,
    pub(crate) version: i64,
}

/// Selects users as rows: the columns by name, so that a column that a later version adds changes nothing
/// here. The table is `u`; what follows it is the argument, and what comes before may be one too.
macro_rules! users {
    ($tail:literal $(, $argument:expr)* $(,)?) => {
        $crate::users::row::users!(with "", $tail $(, $argument)*)
    };
    (with $head:literal, $tail:literal $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            $crate::users::UserRow,
            $head
                + "SELECT u.id, u.name, u.email, u.email_verified, u.full_name, u.display_name, "
                + "u.avatar_url, u.status, u.roles, u.is_bot, u.fingerprint, u.token_hash, "
                + "u.created_at, u.updated_at, u.last_active_at, u.deleted_at, "
                + "u.status_before_delete, u.merged_into, u.legal_hold, u.version FROM users u "
                + $tail
            $(, $argument)*
        )
    };
}
pub(crate) use users;

/// The same list for queries that are put together at run time.
pub(crate) const SELECT_USERS: &str = "SELECT u.id, u.name, u.email, u.email_verified, \
    u.full_name, u.display_name, u.avatar_url, u.status, u.roles, u.is_bot, u.fingerprint, \
    u.token_hash, u.created_at, u.updated_at, u.last_active_at, u.deleted_at, \
    u.status_before_delete, u.merged_into, u.legal_hold, u.version FROM users u ";

impl UserRow {
    pub(crate) fn into_user(self) -> StorageResult<User> {
        let token_hash = self.token_hash.map(|bytes| token_hash(&bytes)).transpose()?;
        let status_before_delete = self.status_before_delete.as_deref().map(status).transpose()?;
        Ok(User {
            id: UserId::from_uuid(self.id),
            name: UserName::stored(&self.name),
            email: self.email.as_deref().map(Email::stored),
            email_verified: self.email_verified,
            full_name: self.full_name.as_deref().map(FullName::stored),
            display_name: self.display_name.as_deref().map(DisplayName::stored),
            avatar_url: optional(self.avatar_url, AvatarUrl::parse)?,
            status: status(&self.status)?,
            roles: roles(self.roles)?,
            is_bot: self.is_bot,
            fingerprint: self.fingerprint.as_deref().map(Fingerprint::stored),
            token_hash,
            created_at: self.created_at,
            updated_at: self.updated_at,
            last_active_at: self.last_active_at,
            deleted_at: self.deleted_at,
            status_before_delete,
            merged_into: self.merged_into.map(UserId::from_uuid),
            legal_hold: self.legal_hold,
            version: self.version,
        })
    }
}

pub(crate) fn into_users(rows: impl IntoIterator<Item = UserRow>) -> StorageResult<Vec<User>> {
    rows.into_iter().map(UserRow::into_user).collect()
}

pub(crate) fn token_hash(bytes: &[u8]) -> StorageResult<TokenHash> {
    let bytes = bytes.try_into().map_err(|_| corrupt("a token's hash has 32 bytes"))?;
    Ok(TokenHash::from_bytes(bytes))
}

pub(crate) fn optional<T>(
    text: Option<String>,
    parse: impl FnOnce(&str) -> systemprompt_users_domain::Result<T>,
) -> StorageResult<Option<T>> {
    text.map(|text| parse(&text)).transpose().map_err(corrupt)
}

fn status(text: &str) -> StorageResult<UserStatus> {
    text.parse().map_err(corrupt)
}

fn roles(bits: i16) -> StorageResult<Roles> {
    let bits = u8::try_from(bits).map_err(corrupt)?;
    Roles::from_bits(bits).map_err(corrupt)
}

/// Users as one array for each column, to store many with one statement.
#[derive(Default)]
pub(super) struct UserColumns<'a> {
    pub(super) ids: Vec<Uuid>,
    pub(super) names: Vec<&'a str>,
    pub(super) name_keys: Vec<&'a str>,
    pub(super) emails: Vec<Option<&'a str>>,
    pub(super) emails_verified: Vec<bool>,
    pub(super) full_names: Vec<Option<&'a str>>,
    pub(super) display_names: Vec<Option<&'a str>>,
    pub(super) avatar_urls: Vec<Option<&'a str>>,
    pub(super) statuses: Vec<&'a str>,
    pub(super) roles: Vec<i16>,
    pub(super) are_bots: Vec<bool>,
    pub(super) fingerprints: Vec<Option<&'a str>>,
    pub(super) token_hashes: Vec<Option<&'a [u8]>>,
    pub(super) created_at: Vec<DateTime<Utc>>,
    pub(super) updated_at: Vec<DateTime<Utc>>,
    pub(super) last_active_at: Vec<DateTime<Utc>>,
    pub(super) deleted_at: Vec<Option<DateTime<Utc>>>,
    pub(super) statuses_before_delete: Vec<Option<&'a str>>,
    pub(super) merged_into: Vec<Option<Uuid>>,
    pub(super) legal_holds: Vec<bool>,
    pub(super) versions: Vec<i64>,
}

impl<'a> UserColumns<'a> {
    pub(super) fn of(users: impl IntoIterator<Item = &'a User>) -> Self {
        let mut columns = Self::default();
        for user in users {
            columns.push(user);
        }
        columns
    }

    fn push(&mut self, user: &'a User) {
        self.ids.push(user.id.as_uuid());
        self.names.push(user.name.as_str());
        self.name_keys.push(user.name.canonical());
        self.emails.push(user.email.as_ref().map(Email::as_str));
        self.emails_verified.push(user.email_verified);
        self.full_names.push(user.full_name.as_ref().map(FullName::as_str));
        self.display_names.push(user.display_name.as_ref().map(DisplayName::as_str));
        self.avatar_urls.push(user.avatar_url.as_ref().map(AvatarUrl::as_str));
        self.statuses.push(user.status.as_str());
        self.roles.push(user.roles.bits().into());
        self.are_bots.push(user.is_bot);
        self.fingerprints.push(user.fingerprint.as_ref().map(Fingerprint::as_str));
        self.token_hashes.push(user.token_hash.as_ref().map(|hash| hash.as_bytes().as_slice()));
        self.created_at.push(user.created_at);
        self.updated_at.push(user.updated_at);
        self.last_active_at.push(user.last_active_at);
        self.deleted_at.push(user.deleted_at);
        self.statuses_before_delete.push(user.status_before_delete.map(UserStatus::as_str));
        self.merged_into.push(user.merged_into.map(|id| id.as_uuid()));
        self.legal_holds.push(user.legal_hold);
        self.versions.push(user.version);
    }
}
