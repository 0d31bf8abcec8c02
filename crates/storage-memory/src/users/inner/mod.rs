//! What users hold within their fields, to find those who hold a text there.

mod grams;
mod index;
mod segment;

use std::sync::Arc;

use systemprompt_users_domain::User;
use uuid::Uuid;

use self::index::InnerIndex;
use super::row::UserRow;
use crate::walk::Change;

/// An index for each kind of users, since a search wants one of them, mostly, and either may be the multitude.
#[derive(Clone, Default)]
pub(super) struct InnerTexts {
    registered: InnerIndex,
    anonymous: InnerIndex,
}

/// The kinds of users that a search wants.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Kinds {
    pub(super) registered: bool,
    pub(super) anonymous: bool,
}

impl InnerTexts {
    /// The row of a user, who had the row `before` so far.
    pub(super) fn row(&mut self, user: &User, before: Option<&UserRow>) -> Arc<UserRow> {
        let same_kind = |row: &&UserRow| row.is_anonymous() == user.is_anonymous();
        let index = self.of(user.is_anonymous());
        Arc::new(UserRow::new(user, before.filter(same_kind), || index.number()))
    }

    /// Takes a user in, or lets it go.
    pub(super) fn index(&mut self, row: &Arc<UserRow>, change: Change) {
        self.of(row.is_anonymous()).index(row, change);
    }

    /// Brings the indexes in order at the end of a call; `row_of` finds the row of a user.
    pub(super) fn settle<'a>(&mut self, row_of: impl Fn(Uuid) -> Option<&'a Arc<UserRow>>) {
        for anonymous in [false, true] {
            self.of(anonymous).settle(|id| {
                let row = row_of(id).filter(|row| row.is_anonymous() == anonymous);
                row.map(|row| row.text_number())
            });
        }
    }

    /// Users who may hold `text` after the start of a field and have larger ids than `after`, by id;
    /// `None` when they are more than `most`.
    pub(super) fn holders(
        &self,
        text: &str,
        kinds: Kinds,
        after: Option<Uuid>,
        most: usize,
    ) -> Option<Vec<Uuid>> {
        let mut found = Vec::new();
        for (wanted, index) in
            [(kinds.registered, &self.registered), (kinds.anonymous, &self.anonymous)]
        {
            if wanted && !index.add_holders(text, after, most, &mut found) {
                return None;
            }
        }
        found.sort_unstable();
        found.dedup();
        Some(found)
    }

    const fn of(&mut self, anonymous: bool) -> &mut InnerIndex {
        if anonymous { &mut self.anonymous } else { &mut self.registered }
    }
}
