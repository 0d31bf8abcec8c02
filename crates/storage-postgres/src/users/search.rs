//! Search: fields that start with a text in their order, then those that hold it somewhere, by id.
//!
//! No page depends on what the planner believes of a text or a filter: each statement has a shape that leaves one way
//! to read it, and a bound on how much of it is read.

use std::cmp::Ordering;

use sqlx::AssertSqlSafe;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::QueryAs;
use systemprompt_users_domain::{
    Cursor, Page, PageRequest, SearchMatch, SearchText, SortKey, StorageResult, User, UserFilter,
};
use uuid::Uuid;

use super::cell;
use super::list::foreign_cursor;
use super::row::{SELECT_USERS, UserRow, into_users};
use crate::time::bound;
use crate::unit::Unit;

pub(super) type Query<'q, T> = QueryAs<'q, sqlx::Postgres, T, PgArguments>;

/// What all parts of a search have in common.
pub(super) struct Search<'a> {
    pub(super) text: &'a SearchText,
    pub(super) filter: &'a UserFilter,
    pub(super) cells: Vec<i16>,
    /// One more than the page holds.
    limit: usize,
}

pub(super) async fn page(
    unit: &mut Unit,
    text: &SearchText,
    filter: &UserFilter,
    page: &PageRequest,
) -> StorageResult<Page<User>> {
    let limit = usize::from(page.limit.get()) + 1;
    let search = Search { text, filter, cells: cell::matching(filter), limit };
    // A range that few users are in says more than any text.
    if search.has_ranges()
        && let Some(ids) = search.few(unit).await?
    {
        let users = search.page_of_few(unit, &ids, page.after.as_ref()).await?;
        return Ok(Page::from_rows(users, page.limit, |user| cursor(text, user)));
    }
    let (mut users, behind) = match page.after.as_ref().map(|after| (&after.key, after.id)) {
        None => (search.prefixes(unit, None).await?, None),
        Some((SortKey::Text(term), id)) => (search.prefixes(unit, Some((term, id))).await?, None),
        Some((SortKey::Id, id)) => (Vec::new(), Some(id)),
        Some(_) => return Err(foreign_cursor()),
    };
    if users.len() < limit {
        users.extend(search.substrings(unit, behind, limit - users.len()).await?);
    }
    Ok(Page::from_rows(users, page.limit, |user| cursor(text, user)))
}

fn cursor(text: &SearchText, user: &User) -> Cursor {
    match text.rank(user) {
        Some(SearchMatch::Prefix(field)) => Cursor::at_text(field, user.id.as_uuid()),
        Some(SearchMatch::Substring) | None => Cursor::at_id(user.id.as_uuid()),
    }
}

/// What shares this many bytes and more is one group of the index.
const LAST_GROUP: i16 = 64;

impl Search<'_> {
    /// The page behind `after` of those among `ids` whom the search finds.
    async fn page_of_few(
        &self,
        unit: &mut Unit,
        ids: &[Uuid],
        after: Option<&Cursor>,
    ) -> StorageResult<Vec<User>> {
        let place = match after.map(|after| (&after.key, after.id)) {
            None => None,
            Some((SortKey::Text(term), id)) => Some((SearchMatch::Prefix(term.clone()), id)),
            Some((SortKey::Id, id)) => Some((SearchMatch::Substring, id)),
            Some(_) => return Err(foreign_cursor()),
        };
        let mut users = self.of_few(unit, ids).await?;
        users.retain(|user| {
            let rank = self.text.rank(user).map(|rank| (rank, user.id.as_uuid()));
            rank.is_some() && place.as_ref().is_none_or(|place| rank.as_ref() > Some(place))
        });
        users.sort_by(|a, b| self.compare(a, b));
        users.truncate(self.limit);
        Ok(users)
    }

    /// A page out of each group of each cell, merged.
    async fn prefixes(
        &self,
        unit: &mut Unit,
        after: Option<(&str, Uuid)>,
    ) -> StorageResult<Vec<User>> {
        let text = self.text.as_str();
        let after = after.filter(|(term, _)| *term >= text);
        let sql = prefix_statement(after.is_some(), self.has_ranges());
        let (term, id) = after.unwrap_or((text, Uuid::nil()));
        // No field is as long as this, so nothing is above it.
        let end = || String::from(char::MAX).repeat(400);
        let length = i16::try_from(text.len()).unwrap_or(i16::MAX);
        let query = sqlx::query_as::<_, UserRow>(AssertSqlSafe(sql))
            .bind(&self.cells)
            .bind(self.text.prefix_end().unwrap_or_else(end))
            .bind(length)
            .bind((0..length.min(LAST_GROUP + 1)).collect::<Vec<_>>())
            .bind(i64::try_from(self.limit).unwrap_or(i64::MAX))
            .bind(term)
            .bind(id);
        let rows = self.with_ranges(query).fetch_all(unit.reader()?).await;
        let mut users = into_users(unit.done(rows)?)?;
        users.sort_by(|a, b| self.compare(a, b));
        Ok(users)
    }

    fn compare(&self, a: &User, b: &User) -> Ordering {
        self.text.rank(a).cmp(&self.text.rank(b)).then(a.id.cmp(&b.id))
    }

    pub(super) fn has_ranges(&self) -> bool {
        !self.filter.created.is_unbounded() || !self.filter.last_active.is_unbounded()
    }

    /// Never kept prepared: a plan for any limit is none for this one.
    pub(super) fn with_ranges<'q, T>(&self, mut query: Query<'q, T>) -> Query<'q, T>
    where
        T: for<'r> sqlx::FromRow<'r, PgRow>,
    {
        if self.has_ranges() {
            for range in [self.filter.created, self.filter.last_active] {
                query = query.bind(range.from.map(bound)).bind(range.until.map(bound));
            }
        }
        query.persistent(false)
    }
}

/// The conditions on the ranges of the filter, whose first parameter is `first`.
pub(super) fn ranges(has_ranges: bool, first: usize) -> String {
    if !has_ranges {
        return String::new();
    }
    format!(
        "AND r.created_at >= COALESCE(${}, '-infinity'::timestamptz)
            AND r.created_at < COALESCE(${}, 'infinity'::timestamptz)
            AND r.last_active_at >= COALESCE(${}, '-infinity'::timestamptz)
            AND r.last_active_at < COALESCE(${}, 'infinity'::timestamptz)",
        first,
        first + 1,
        first + 2,
        first + 3,
    )
}

/// $1 cells, $2 the end of the terms, $3 the length of the text in bytes, $4 groups, $5 limit, $6 and $7 the
/// place to go on at, $8.. ranges.
fn prefix_statement(is_next: bool, has_ranges: bool) -> String {
    let from = if is_next { ">" } else { ">=" };
    let join = if has_ranges { "JOIN users r ON r.id = s.user_id" } else { "" };
    let ranges = ranges(has_ranges, 8);
    format!(
        "{SELECT_USERS} WHERE u.id = ANY (ARRAY(
            SELECT k.user_id FROM unnest($1::smallint[]) AS c (cell)
            CROSS JOIN unnest($4::smallint[]) AS g (shared)
            CROSS JOIN LATERAL (
                SELECT s.user_id, s.term FROM user_terms s {join}
                WHERE s.cell = c.cell AND LEAST(s.shared, 64::smallint) = g.shared AND s.shared < $3
                    AND (s.term, s.user_id) {from} ($6, $7) AND s.term < $2 {ranges}
                ORDER BY s.term, s.user_id LIMIT $5
            ) k
            ORDER BY k.term, k.user_id LIMIT $5
        ))"
    )
}
