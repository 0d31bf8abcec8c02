//! Search: users with a field that starts with the text, then those that only hold it somewhere.

use std::ops::Bound;
use std::sync::Arc;

use systemprompt_users_domain::{
    Cursor, Page, PageRequest, SearchMatch, SearchText, SortKey, StorageResult, User, UserFilter,
};
use uuid::Uuid;

use super::UserTable;
use super::row::UserRow;
use crate::cursor::{id_of, text_of};
use crate::place::{Identified, Spot};
use crate::walk::{Direction, Span, pick, walk};

type Found<'a> = (SearchMatch, &'a Arc<UserRow>);

impl UserTable {
    pub(super) fn search(
        &self,
        text: &SearchText,
        filter: &UserFilter,
        page: &PageRequest,
    ) -> StorageResult<Page<User>> {
        let after = page.after.as_ref();
        let in_substrings = after.is_some_and(|cursor| cursor.key == SortKey::Id);
        let (prefix_after, substring_after) =
            if in_substrings { (None, id_of(after)?) } else { (text_of(after)?, None) };
        let prefixes = (!in_substrings).then(|| self.prefixes(text, filter, prefix_after));
        let found =
            prefixes.into_iter().flatten().chain(self.substrings(text, filter, substring_after));
        let keep = |(_, row): &Found<'_>| self.in_range(row, filter);
        let few = || self.few_found(text, filter, after);
        let want = usize::from(page.limit.get()) + 1;
        // A candidate that does not match counts as one looked at, so that patience has an end there too.
        let found = pick(
            found,
            |candidate| candidate.as_ref().is_some_and(keep),
            want,
            || few().map(|found| found.into_iter().map(Some).collect()),
        );
        let users = found.into_iter().flatten().map(|(rank, row)| (rank, self.user(row))).collect();
        let page = Page::from_rows(users, page.limit, |(rank, user)| cursor(rank, user));
        Ok(page.map(|(_, user)| user))
    }

    /// Candidates by their folded fields that start with the text.
    fn prefixes<'a>(
        &'a self,
        text: &'a SearchText,
        filter: &'a UserFilter,
        after: Option<Spot<'_>>,
    ) -> impl Iterator<Item = Option<Found<'a>>> {
        let end = text.prefix_end();
        let span = Span {
            from: Bound::Included(Spot::at_text(text.as_str(), Uuid::nil())),
            until: end
                .as_deref()
                .map_or(Bound::Unbounded, |end| Bound::Excluded(Spot::at_text(end, Uuid::nil()))),
        };
        let groups = self.matching(filter).map(|group| &group.by_text);
        let keys = walk(groups, &span.behind(after, Direction::Up), Direction::Up);
        // A user with several such fields stands at the smallest of them only.
        keys.map(|key| {
            let rank = key.row.rank(text)?;
            matches!(&rank, SearchMatch::Prefix(field) if field == key.text())
                .then_some((rank, &key.row))
        })
    }

    /// Candidates by id: everybody, since no index knows what a text holds inside.
    fn substrings<'a>(
        &'a self,
        text: &'a SearchText,
        filter: &'a UserFilter,
        after: Option<Spot<'_>>,
    ) -> impl Iterator<Item = Option<Found<'a>>> {
        let groups = self.matching(filter).map(|group| &group.by_id);
        let keys = walk(groups, &Span::ALL.behind(after, Direction::Up), Direction::Up);
        keys.map(|key| {
            let rank = key.row.rank(text)?;
            (rank == SearchMatch::Substring).then_some((rank, &key.row))
        })
    }

    fn few_found<'a>(
        &'a self,
        text: &SearchText,
        filter: &'a UserFilter,
        after: Option<&Cursor>,
    ) -> Option<Vec<Found<'a>>> {
        let rows = self.in_short_range(filter)?.into_iter();
        let found = rows.filter_map(|row| Some((row.rank(text)?, row)));
        let after = after.map(|cursor| {
            let rank = cursor
                .text()
                .map_or(SearchMatch::Substring, |text| SearchMatch::Prefix(text.to_owned()));
            (rank, cursor.id)
        });
        let place = |(rank, row): &Found<'a>| (rank.clone(), row.uuid());
        let mut found: Vec<_> = found
            .filter(|found| after.as_ref().is_none_or(|after| place(found) > *after))
            .collect();
        found.sort_by_cached_key(place);
        Some(found)
    }
}

fn cursor(rank: &SearchMatch, user: &User) -> Cursor {
    match rank {
        SearchMatch::Prefix(field) => Cursor::at_text(field.clone(), user.id.as_uuid()),
        SearchMatch::Substring => Cursor::at_id(user.id.as_uuid()),
    }
}
