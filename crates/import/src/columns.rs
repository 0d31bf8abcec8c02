//! Which columns, or members, rows of one kind have.

use crate::row::ERROR_COLUMNS;

/// The columns of a file of one kind.
pub(crate) struct Columns {
    /// Those that an import understands.
    pub(crate) taken: &'static [&'static str],
    /// Those of an export that an import knows and does not take over.
    pub(crate) not_taken_over: &'static [&'static str],
    /// Those without which no row makes sense.
    pub(crate) required: &'static [&'static str],
    /// Those that are true or false.
    pub(crate) flags: &'static [&'static str],
    /// Those that may be a list of words.
    pub(crate) lists: &'static [&'static str],
    /// What null stands for, where it is not nothing.
    pub(crate) nulls: &'static [(&'static str, &'static str)],
    /// Whether lines of a CSV file that begin with `#` are comments.
    pub(crate) has_comments: bool,
}

impl Columns {
    /// All of them, those of a file of refused rows aside.
    pub(crate) fn all(&self) -> impl Iterator<Item = &'static str> {
        self.taken.iter().chain(self.not_taken_over).copied()
    }

    /// Whether a file may have it.
    pub(crate) fn is_known(&self, name: &str) -> bool {
        self.all().any(|known| known == name) || ERROR_COLUMNS.contains(&name)
    }
}
