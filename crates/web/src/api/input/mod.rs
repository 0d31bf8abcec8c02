//! Reading imports while they come: bounded lines, CSV in which one broken row takes no other with it.

mod csv_table;
mod lines;

pub(crate) use csv_table::{CsvTable, Fields};
pub(crate) use lines::{Line, Lines, ReadError};

use systemprompt_users_domain::UserError;

/// What is wrong with a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RowError {
    pub(crate) field: String,
    pub(crate) reason: String,
}

impl RowError {
    /// A fault of one field.
    pub(crate) fn new(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { field: field.into(), reason: reason.into() }
    }

    /// A fault of the row as a whole.
    pub(crate) fn row(reason: impl Into<String>) -> Self {
        Self::new("row", reason)
    }
}

impl From<UserError> for RowError {
    fn from(error: UserError) -> Self {
        let field = error.field().unwrap_or("row");
        let reason = match &error {
            UserError::Validation { message, .. } => message.clone(),
            other => other.to_string(),
        };
        Self::new(field, reason)
    }
}
