//! A row of an import: what was read, and what it means or what is wrong with it.

use std::io::{self, Write};

use systemprompt_users_domain::UserError;

use crate::lines::Line;

/// The columns or members that a file of errors has beside those of the row; an import ignores them.
pub const ERROR_COLUMNS: [&str; 3] = ["error_line", "error_field", "error_reason"];

/// Reads rows of one format.
pub trait Rows {
    /// What a row means.
    type Item;

    /// The next row.
    fn next(&mut self) -> io::Result<Option<Row<Self::Item>>>;

    /// How much of the file has been read, in bytes.
    fn bytes_read(&self) -> u64;

    /// The columns or members that were there so far and that an import knows and does not take over.
    fn not_taken_over(&self) -> Vec<&'static str>;

    /// Writes what a file of refused rows begins with.
    fn start_errors(&self, out: &mut dyn Write) -> io::Result<()>;

    /// Writes a refused row as it was read, in the same format, with what is wrong.
    fn keep(&self, row: &Original, error: &RowError, out: &mut dyn Write) -> io::Result<()>;
}

/// One row.
pub struct Row<T> {
    /// As it was read.
    pub original: Original,
    /// What it means, or what is wrong with it.
    pub parsed: Result<T, RowError>,
    /// What is to be said about it although it is accepted.
    pub note: Option<String>,
}

/// A row as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Original {
    /// The line that it begins on.
    pub line: u64,
    /// All of its lines.
    pub bytes: Vec<u8>,
}

impl From<Line> for Original {
    fn from(line: Line) -> Self {
        Self { line: line.number, bytes: line.bytes }
    }
}

/// What is wrong with a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowError {
    /// The field at fault; `row` is the row as a whole.
    pub field: String,
    /// What is wrong, and what would be right.
    pub reason: String,
}

impl RowError {
    /// A fault of one field.
    pub fn new(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { field: field.into(), reason: reason.into() }
    }

    /// A fault of the row as a whole.
    pub fn row(reason: impl Into<String>) -> Self {
        Self::new("row", reason)
    }

    /// A line that is too long to be understood.
    pub fn too_long() -> Self {
        Self::row("the line is longer than 64 KiB")
    }
}

impl From<&UserError> for RowError {
    fn from(error: &UserError) -> Self {
        let field = match error.field() {
            Some("ip") => "target",
            Some(field) => field,
            None => "row",
        };
        let reason = match error {
            UserError::Validation { message, .. } => message.clone(),
            other => other.to_string(),
        };
        Self::new(field, reason)
    }
}

impl From<UserError> for RowError {
    fn from(error: UserError) -> Self {
        Self::from(&error)
    }
}

/// Reads yes or no.
pub fn parse_bool(field: &str, text: &str) -> Result<bool, RowError> {
    match text.trim().to_ascii_lowercase().as_str() {
        "" | "false" | "no" | "0" => Ok(false),
        "true" | "yes" | "1" => Ok(true),
        _ => Err(RowError::new(field, "expected true or false")),
    }
}
