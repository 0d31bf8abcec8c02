//! What can go wrong, grouped by what the caller can do about it.

use std::error::Error;
use std::fmt;

use crate::{ParseIdError, UserId};

/// What every service answers with.
pub type Result<T, E = UserError> = std::result::Result<T, E>;

/// What every port answers with.
pub type StorageResult<T> = std::result::Result<T, StorageError>;

/// Why a use case was refused or failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UserError {
    /// There is no live user, session, ban or run of that reference.
    #[error("{what} `{reference}` was not found")]
    NotFound {
        /// The kind of thing: `user`, `session`, `ban`, `job`.
        what: &'static str,
        /// How it was named.
        reference: String,
    },
    /// A live user holds the email already.
    #[error("the email belongs to another user already")]
    EmailAlreadyExists,
    /// A live user holds the name already.
    #[error("the name belongs to another user already")]
    NameAlreadyExists,
    /// The text is no status.
    #[error("`{0}` is no status: expected active, suspended or deleted")]
    InvalidStatus(String),
    /// The text is no role.
    #[error("`{0}` is no role: expected admin, user or anonymous")]
    InvalidRole(String),
    /// The roles can't be held together.
    #[error("these roles can't be held: {0}")]
    InvalidRoles(String),
    /// The text is neither an address nor a network.
    #[error("`{0}` is neither an IP address nor a network such as 10.0.0.0/8")]
    InvalidIp(String),
    /// The change would leave no active admin.
    #[error("the last active admin can't be removed; make another user an admin first")]
    LastAdmin,
    /// The caller may not change an admin, nor make one.
    #[error("only an admin may change an admin, or make one")]
    AdminsOnly,
    /// Somebody else changed the same thing in between: read it again and decide anew.
    #[error("it was changed by somebody else meanwhile; read it again")]
    Stale,
    /// The user has another email by now than the one that was verified; nothing was changed.
    #[error("the user has another email by now than the one that was named; read it again")]
    StaleEmail,
    /// A value is not acceptable; nothing was changed.
    #[error("{field}: {message}")]
    Validation {
        /// The field at fault, as the API spells it.
        field: &'static str,
        /// What is wrong and what would be right.
        message: String,
    },
    /// The thing is not in a state that allows the operation; nothing was changed.
    #[error("{0}")]
    NotAllowed(String),
    /// A ban would hit what is hardly meant, which was not confirmed; nothing was changed.
    #[error("{0}; confirm it to go on")]
    Unconfirmed(String),
    /// A legal hold forbids the purge.
    #[error("user `{0}` is under a legal hold; lift the hold first")]
    LegalHold(UserId),
    /// The storage failed; reads like the error of the storage.
    #[error(transparent)]
    Storage(StorageError),
}

impl UserError {
    /// A value of `field` that is not acceptable, and why.
    pub fn validation(field: &'static str, message: impl Into<String>) -> Self {
        Self::Validation { field, message: message.into() }
    }

    /// No user of that reference.
    pub fn user_not_found(reference: impl fmt::Display) -> Self {
        Self::not_found("user", reference)
    }

    /// Nothing of that kind and reference.
    pub fn not_found(what: &'static str, reference: impl fmt::Display) -> Self {
        Self::NotFound { what, reference: reference.to_string() }
    }

    /// A stable word for programs: logs, metrics, reports.
    ///
    /// ```
    /// # use systemprompt_users_domain::UserError;
    /// assert_eq!(UserError::LastAdmin.code(), "last_admin");
    /// ```
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "not_found",
            Self::EmailAlreadyExists => "email_already_exists",
            Self::NameAlreadyExists => "name_already_exists",
            Self::InvalidStatus(_) => "invalid_status",
            Self::InvalidRole(_) => "invalid_role",
            Self::InvalidRoles(_) => "invalid_roles",
            Self::InvalidIp(_) => "invalid_ip",
            Self::LastAdmin => "last_admin",
            Self::AdminsOnly => "admins_only",
            Self::Stale | Self::StaleEmail => "stale",
            Self::Validation { .. } => "validation",
            Self::NotAllowed(_) => "not_allowed",
            Self::Unconfirmed(_) => "unconfirmed",
            Self::LegalHold(_) => "legal_hold",
            Self::Storage(_) => "storage",
        }
    }

    /// The input field at fault, where there is one.
    pub const fn field(&self) -> Option<&'static str> {
        match self {
            Self::Validation { field, .. } => Some(field),
            Self::EmailAlreadyExists | Self::StaleEmail => Some("email"),
            Self::NameAlreadyExists => Some("name"),
            Self::InvalidStatus(_) => Some("status"),
            Self::InvalidRole(_) | Self::InvalidRoles(_) => Some("roles"),
            Self::InvalidIp(_) => Some("ip"),
            Self::Unconfirmed(_) => Some("confirm"),
            _ => None,
        }
    }

    /// Whether the same call may succeed when it is simply made again.
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Storage(StorageError::Unavailable(_)))
    }
}

impl From<StorageError> for UserError {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Conflict { key: UniqueKey::Email, .. } => Self::EmailAlreadyExists,
            StorageError::Conflict { key: UniqueKey::Name, .. } => Self::NameAlreadyExists,
            StorageError::Stale => Self::Stale,
            other => Self::Storage(other),
        }
    }
}

impl From<UniqueKey> for UserError {
    fn from(key: UniqueKey) -> Self {
        StorageError::Conflict { key, source: None }.into()
    }
}

impl From<ParseIdError> for UserError {
    fn from(error: ParseIdError) -> Self {
        Self::validation("id", error.to_string())
    }
}

impl From<std::convert::Infallible> for UserError {
    fn from(never: std::convert::Infallible) -> Self {
        match never {}
    }
}

/// Why a storage could not do what a port asked, by what the caller can do.
///
/// The driver's own error is kept as the source, for the log; it may name tables, never data.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StorageError {
    /// A unique key is taken. The unit of work stays usable.
    #[error("another row holds the same {key}")]
    Conflict {
        /// Which key is taken.
        key: UniqueKey,
        /// The driver's error, where one was raised.
        #[source]
        source: Option<Box<dyn Error + Send + Sync>>,
    },
    /// The row is not at the version that the change was made from, or is gone.
    #[error("the row was changed meanwhile")]
    Stale,
    /// Busy, deadlocked, serialization failed or out of reach: the same may succeed when tried again.
    #[error("the storage is not available: {0}")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// A table or a column is missing: the schema was never made, or is that of an older version.
    #[error("the schema of the database is missing or out of date: migrate it first ({0})")]
    OutdatedSchema(#[source] Box<dyn Error + Send + Sync>),
    /// Anything else: trying again will not help.
    #[error("the storage failed: {0}")]
    Other(#[source] Box<dyn Error + Send + Sync>),
}

/// The keys that no two rows may share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum UniqueKey {
    /// The id of a row.
    Id,
    /// The canonical name among live users.
    Name,
    /// The canonical email among live users.
    Email,
    /// The hash of a token.
    Token,
    /// The prefix of an API key.
    Prefix,
}

impl fmt::Display for UniqueKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Id => "id",
            Self::Name => "name",
            Self::Email => "email",
            Self::Token => "token",
            Self::Prefix => "prefix",
        })
    }
}
