//! The answer of an import: a line for each row, and one at the end.

use serde::Serialize;
use systemprompt_users_import::{RowError, UserStored};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::Problem;

/// One line of the answer.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum UserImportLine {
    /// What became of a row.
    Row {
        /// The line that it begins on, from 1.
        line: u64,
        /// What became of it.
        #[schema(inline)]
        outcome: Outcome,
        /// The user.
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<Uuid>,
        /// The field at fault of a refused row; `row` is the row as a whole.
        #[serde(skip_serializing_if = "Option::is_none")]
        field: Option<String>,
        /// What is wrong with a refused row.
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        /// What of an accepted row was withheld from an existing user.
        #[serde(skip_serializing_if = "Option::is_none")]
        note: Option<String>,
    },
    /// The last line: everything was read.
    Summary {
        #[serde(flatten)]
        counts: Counts,
        /// Columns or members of the file that an import knows and does not take over, such as `id`: they are made
        /// anew.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        not_taken_over: Vec<&'static str>,
    },
    /// The last line when the import ended early. Rows without a line of their own may not be in; the same rows can
    /// be sent again.
    Error {
        /// What went wrong.
        problem: Problem,
    },
}

/// What became of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Outcome {
    /// The user was created.
    Created,
    /// The user was there, and is as it was.
    Unchanged,
    /// The user was there, and was brought up to date.
    Updated,
    /// The row is as it has to be; nothing was stored.
    Valid,
    /// The row was left out.
    Refused,
}

/// What became of all rows.
#[derive(Debug, Default, Clone, Copy, Serialize, ToSchema)]
#[schema(as = UserImportSummary)]
pub(super) struct Counts {
    /// Rows that were read.
    rows: u64,
    /// Users that were created.
    created: u64,
    /// Users that were there, and are as they were.
    unchanged: u64,
    /// Users that were there, and were brought up to date.
    updated: u64,
    /// Rows that are as they have to be, where nothing was to be stored.
    valid: u64,
    /// Rows that were left out.
    refused: u64,
}

impl Counts {
    /// Counts rows of the answer.
    pub(super) fn add(&mut self, lines: &[UserImportLine]) {
        for line in lines {
            let UserImportLine::Row { outcome, .. } = line else { continue };
            self.rows += 1;
            *match outcome {
                Outcome::Created => &mut self.created,
                Outcome::Unchanged => &mut self.unchanged,
                Outcome::Updated => &mut self.updated,
                Outcome::Valid => &mut self.valid,
                Outcome::Refused => &mut self.refused,
            } += 1;
        }
    }
}

impl UserImportLine {
    /// A row that was left out.
    pub(super) fn refused(line: u64, error: RowError) -> Self {
        let (field, reason) = (Some(error.field), Some(error.reason));
        Self::Row { line, outcome: Outcome::Refused, id: None, field, reason, note: None }
    }

    /// A row that the storage was asked about; of a dry run only whether it would be refused is told.
    pub(super) fn stored(line: u64, stored: UserStored, is_dry_run: bool) -> Self {
        let (outcome, id, note) = match stored {
            UserStored::Created(id) => (Outcome::Created, id, None),
            UserStored::Existing(id, note) => (Outcome::Unchanged, id, note),
            UserStored::Changed(id, note) => (Outcome::Updated, id, note),
            UserStored::Refused(error) => return Self::refused(line, error),
        };
        let (outcome, id) =
            if is_dry_run { (Outcome::Valid, None) } else { (outcome, Some(id.as_uuid())) };
        Self::Row { line, outcome, id, field: None, reason: None, note }
    }
}
