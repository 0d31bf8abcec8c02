//! Search: users with a field that starts with the text, then those that only hold it somewhere.

use std::ops::Bound;
use std::sync::Arc;

use systemprompt_users_domain::{
    Cursor, Page, PageRequest, SearchMatch, SearchText, SortKey, StorageResult, User, UserFilter,
};
use uuid::Uuid;

use super::UserTable;
use super::inner::Kinds;
use super::row::UserRow;
use crate::cursor::{id_of, text_of};
use crate::place::{Identified, Spot};
use crate::walk::{Direction, FEW, PATIENCE, Span, pick, walk};

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
        let want = usize::from(page.limit.get()) + 1;
        let (mut found, substring_after) = if in_substrings {
            (Vec::new(), id_of(after)?)
        } else {
            (self.prefixes(text, filter, text_of(after)?, want), None)
        };
        if found.len() < want {
            found.extend(self.substrings(text, filter, substring_after, want - found.len()));
        }
        let users = found.into_iter().map(|(rank, row)| (rank, self.user(row))).collect();
        let page = Page::from_rows(users, page.limit, |(rank, user)| cursor(rank, user));
        Ok(page.map(|(_, user)| user))
    }

    /// Users with a folded field that starts with the text, by that field.
    fn prefixes<'a>(
        &'a self,
        text: &SearchText,
        filter: &'a UserFilter,
        after: Option<Spot<'_>>,
        want: usize,
    ) -> Vec<Found<'a>> {
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
        let found = keys.map(|key| {
            let rank = key.row.rank(text)?;
            matches!(&rank, SearchMatch::Prefix(field) if field == key.text())
                .then_some((rank, &key.row))
        });
        let few = || {
            let rows = self.in_short_range(filter)?.into_iter();
            let mut found: Vec<_> = rows
                .filter_map(|row| Some((row.rank(text)?, row)))
                .filter(|(rank, row)| match rank {
                    SearchMatch::Prefix(field) => {
                        after.is_none_or(|after| Spot::at_text(field, row.uuid()) > after)
                    }
                    SearchMatch::Substring => false,
                })
                .collect();
            found.sort_unstable_by(|(a, row), (b, other)| (a, row.uuid()).cmp(&(b, other.uuid())));
            Some(found)
        };
        self.pick_found(found, filter, want, few)
    }

    /// Users with a folded field that holds the text, and none that starts with it, by id.
    ///
    /// Where few hold it, the index of what fields hold inside leads to them. Where many do, a walk by id
    /// soon meets enough of them.
    fn substrings<'a>(
        &'a self,
        text: &SearchText,
        filter: &'a UserFilter,
        after: Option<Spot<'_>>,
        want: usize,
    ) -> Vec<Found<'a>> {
        let substring = |row: &'a Arc<UserRow>| {
            let rank = row.rank(text)?;
            (rank == SearchMatch::Substring).then_some((rank, row))
        };
        let (mut crowd, mut kinds) = (0, Kinds::default());
        for (tally, group) in self.groups.iter().filter(|(tally, _)| tally.matches(filter)) {
            let anonymous = tally.roles.is_anonymous();
            *(if anonymous { &mut kinds.anonymous } else { &mut kinds.registered }) = true;
            crowd += group.by_id.len();
        }
        let few = |most: usize| {
            let after = after.map(|after| after.id);
            let ids = self.inner.holders(text.as_str(), kinds, after, most)?;
            let rows = ids.into_iter().filter_map(|id| self.rows.get(id)).map(|(row, _)| row);
            let wanted =
                rows.filter(|row| row.group().matches(filter) && self.in_range(row, filter));
            Some(wanted.filter_map(substring).take(want).collect::<Vec<_>>())
        };
        if let Some(few) = few(PATIENCE.min(crowd)) {
            return few;
        }
        let groups = self.matching(filter).map(|group| &group.by_id);
        let keys = walk(groups, &Span::ALL.behind(after, Direction::Up), Direction::Up);
        let in_short_range = || {
            let mut rows = self.in_short_range(filter)?;
            rows.retain(|row| after.is_none_or(|after| row.uuid() > after.id));
            rows.sort_unstable_by_key(|row| row.uuid());
            Some(rows.into_iter().filter_map(substring).take(want).collect())
        };
        let found = keys.map(|key| substring(&key.row));
        self.pick_found(found, filter, want, || few(FEW).or_else(in_short_range))
    }

    /// [`pick`] where a candidate that does not match counts as one looked at.
    fn pick_found<'a>(
        &'a self,
        found: impl Iterator<Item = Option<Found<'a>>>,
        filter: &UserFilter,
        want: usize,
        few: impl FnOnce() -> Option<Vec<Found<'a>>>,
    ) -> Vec<Found<'a>> {
        let keep = |found: &Option<Found<'_>>| {
            found.as_ref().is_some_and(|(_, row)| self.in_range(row, filter))
        };
        let few = || few().map(|found| found.into_iter().map(Some).collect());
        pick(found, keep, want, few).into_iter().flatten().collect()
    }
}

fn cursor(rank: &SearchMatch, user: &User) -> Cursor {
    match rank {
        SearchMatch::Prefix(field) => Cursor::at_text(field.clone(), user.id.as_uuid()),
        SearchMatch::Substring => Cursor::at_id(user.id.as_uuid()),
    }
}
