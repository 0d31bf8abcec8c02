//! What a row of users means, whatever format it was read from.

use std::io::{self, Write};

use systemprompt_users_application::ImportRow;
use systemprompt_users_domain::{CreateUserParams, UserRole};

use crate::HeaderError;
use crate::columns::Columns;
use crate::lines::Lines;
use crate::row::{Original, Row, RowError, Rows, parse_bool};
use crate::table::{Get, Table, TableFormat};

/// The columns of users: those of an import, of an export, and of a list.
const COLUMNS: Columns = Columns {
    taken: &[
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
    ],
    // An id and times are made anew.
    not_taken_over: &[
        "id",
        "created_at",
        "updated_at",
        "last_active_at",
        "deleted_at",
        "merged_into",
        "fingerprint",
        "version",
    ],
    required: &["name", "email"],
    flags: &["email_verified", "is_bot", "legal_hold"],
    lists: &["roles"],
    nulls: &[],
    has_comments: false,
};

/// A user to be created.
pub type UserRow = ImportRow;

/// Rows of users.
pub struct UserRows(Table);

impl UserRows {
    /// Reads what comes before the first row.
    ///
    /// # Errors
    /// `Refused` when the header is not as it has to be, or the file is of another format; `Io` when it can't
    /// be read.
    pub fn open(lines: Lines, format: TableFormat) -> Result<Self, HeaderError> {
        Table::open(lines, format, &COLUMNS).map(Self)
    }
}

impl Rows for UserRows {
    type Item = UserRow;

    fn next(&mut self) -> io::Result<Option<Row<UserRow>>> {
        let row = self.0.next(read)?;
        Ok(row.map(|(original, parsed)| Row { original, parsed, note: None }))
    }

    fn bytes_read(&self) -> u64 {
        self.0.bytes_read()
    }

    fn not_taken_over(&self) -> Vec<&'static str> {
        self.0.not_taken_over()
    }

    fn start_errors(&self, out: &mut dyn Write) -> io::Result<()> {
        self.0.start_errors(out)
    }

    fn keep(&self, row: &Original, error: &RowError, out: &mut dyn Write) -> io::Result<()> {
        self.0.keep(row, error, out)
    }
}

/// Reads the fields and checks every one.
fn read(get: Get<'_>) -> Result<UserRow, RowError> {
    let text = |column: &str| get(column).map(str::to_owned);
    let flag = |column: &str| parse_bool(column, get(column).unwrap_or_default());
    let row = UserRow {
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
        status: get("status").map(str::parse).transpose()?,
        legal_hold: get("legal_hold").map(|_| flag("legal_hold")).transpose()?,
    };
    row.params.parse()?;
    Ok(row)
}

fn parse_roles(text: &str) -> Result<Vec<UserRole>, RowError> {
    let words = text.split([',', ' ', ';', '|']).filter(|word| !word.is_empty());
    Ok(words.map(str::parse).collect::<Result<_, systemprompt_users_domain::UserError>>()?)
}

#[cfg(test)]
mod tests;
