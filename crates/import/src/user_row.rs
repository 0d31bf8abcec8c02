//! What a row of users means, whatever format it was read from.

use systemprompt_users_domain::{CreateUserParams, UserRole, UserStatus};

use crate::row::{RowError, parse_bool};

/// The columns that an import understands.
pub(crate) const COLUMNS: [&str; 10] = [
    "name",
    "email",
    "full_name",
    "display_name",
    "avatar_url",
    "roles",
    "email_verified",
    "is_bot",
    "status",
    "legal_hold",
];

/// The columns of an export that say nothing to an import: an id and times are made anew.
pub(crate) const EXPORTED: [&str; 6] =
    ["id", "created_at", "updated_at", "last_active_at", "deleted_at", "merged_into"];

/// A user to be created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserRow {
    /// The user.
    pub params: CreateUserParams,
    /// The status that the user is to have.
    pub status: UserStatus,
    /// Whether the user is to be on hold.
    pub legal_hold: bool,
}

impl UserRow {
    /// Reads the fields and checks every one; `get` finds one by its name.
    pub fn read<'a>(get: impl Fn(&str) -> Option<&'a str>) -> Result<Self, RowError> {
        let text = |column: &str| get(column).map(str::to_owned);
        let flag = |column: &str| parse_bool(column, get(column).unwrap_or_default());
        let status = match get("status") {
            Some(status) => status.parse()?,
            None => UserStatus::Active,
        };
        let row = Self {
            params: CreateUserParams {
                name: text("name").unwrap_or_default(),
                email: text("email").unwrap_or_default(),
                full_name: text("full_name"),
                display_name: text("display_name"),
                avatar_url: text("avatar_url"),
                roles: parse_roles(get("roles").unwrap_or_default())?,
                email_verified: flag("email_verified")?,
                is_bot: flag("is_bot")?,
            },
            status,
            legal_hold: flag("legal_hold")?,
        };
        row.params.parse()?;
        Ok(row)
    }

    /// Whether it is an active user without a hold, as most are.
    pub fn is_plain(&self) -> bool {
        self.status == UserStatus::Active && !self.legal_hold
    }
}

fn parse_roles(text: &str) -> Result<Vec<UserRole>, RowError> {
    let words = text.split([',', ' ', ';', '|']).filter(|word| !word.is_empty());
    Ok(words.map(str::parse).collect::<Result<_, systemprompt_users_domain::UserError>>()?)
}
