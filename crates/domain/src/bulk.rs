//! What a bulk operation says of each item.

use serde::Serialize;

use crate::{UserError, UserId};

/// What happened to each item, in the order in which the items were given.
///
/// A bulk operation does the same as the single one for each item in turn, but in sets.
#[derive(Debug)]
pub struct BulkReport<T> {
    /// The items.
    pub items: Vec<T>,
}

/// One user of a bulk operation.
#[derive(Debug)]
pub struct BulkItem {
    /// Which.
    pub id: UserId,
    /// What happened.
    pub outcome: BulkOutcome,
}

/// What happened to one user.
#[derive(Debug)]
pub enum BulkOutcome {
    /// It was changed.
    Done,
    /// It was that way already.
    Unchanged,
    /// It was left as it was, and why.
    Refused(UserError),
}

impl BulkReport<BulkItem> {
    /// How many were changed.
    pub fn done(&self) -> usize {
        self.count(|outcome| matches!(outcome, BulkOutcome::Done))
    }

    /// How many were that way already.
    pub fn unchanged(&self) -> usize {
        self.count(|outcome| matches!(outcome, BulkOutcome::Unchanged))
    }

    /// How many were refused.
    pub fn refused(&self) -> usize {
        self.count(|outcome| matches!(outcome, BulkOutcome::Refused(_)))
    }

    fn count(&self, is: impl Fn(&BulkOutcome) -> bool) -> usize {
        self.items.iter().filter(|item| is(&item.outcome)).count()
    }
}

/// What to do with a row of a bulk creation whose user exists already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnExisting {
    /// Leave the user as it is.
    #[default]
    Keep,
    /// Bring full name, display name, avatar and bot mark to what the row says, where it says something.
    /// Roles, status and email are never touched.
    Update,
}

/// One row of a bulk creation.
#[derive(Debug)]
pub struct BulkCreateItem {
    /// Which row, counted from 0 in the order given.
    pub row: usize,
    /// What happened.
    pub outcome: BulkCreateOutcome,
}

/// What happened to one row.
#[derive(Debug)]
pub enum BulkCreateOutcome {
    /// The user was created.
    Created(UserId),
    /// A user of that name and email was there already.
    Existing(UserId),
    /// That user was brought up to date.
    Changed(UserId),
    /// The row was left out, and why.
    Refused(UserError),
}

impl BulkCreateOutcome {
    /// The user, where there is one.
    pub const fn user_id(&self) -> Option<UserId> {
        match self {
            Self::Created(id) | Self::Existing(id) | Self::Changed(id) => Some(*id),
            Self::Refused(_) => None,
        }
    }

    /// The outcome as a word: `created`, `existing`, `changed`, `refused`.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Created(_) => "created",
            Self::Existing(_) => "existing",
            Self::Changed(_) => "changed",
            Self::Refused(_) => "refused",
        }
    }
}

impl Serialize for BulkOutcome {
    /// The outcome as a word: `done`, `unchanged`, or the code of the error.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match self {
            Self::Done => "done",
            Self::Unchanged => "unchanged",
            Self::Refused(error) => error.code(),
        })
    }
}
