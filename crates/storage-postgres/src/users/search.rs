//! Search: fields that start with a text in their order, then those that hold it somewhere, by id.

use std::cmp::Ordering;

use sqlx::AssertSqlSafe;
use sqlx::postgres::PgArguments;
use sqlx::query::QueryAs;
use systemprompt_users_domain::{
    Cursor, Page, PageRequest, SearchMatch, SearchText, SortKey, StorageResult, User, UserFilter,
};
use uuid::Uuid;

use super::cell;
use super::list::foreign_cursor;
use super::row::{SELECT_USERS, UserRow, into_users};
use super::search_index::SEPARATOR;
use crate::time::bound;
use crate::unit::Unit;

type UserQuery<'q> = QueryAs<'q, sqlx::Postgres, UserRow, PgArguments>;

/// What all parts of a search have in common.
struct Search<'a> {
    text: &'a SearchText,
    filter: &'a UserFilter,
    cells: Vec<i16>,
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
        let query = sqlx::query_as(AssertSqlSafe(sql))
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

    /// Registered and anonymous users lie apart, so each part is asked for a page.
    async fn substrings(
        &self,
        unit: &mut Unit,
        behind: Option<Uuid>,
        limit: usize,
    ) -> StorageResult<Vec<User>> {
        let mut users = Vec::new();
        let (visitors, registered): (Vec<i16>, Vec<i16>) =
            self.cells.iter().partition(|cell| cell::is_anonymous(**cell));
        for (column, cells) in [("search_text", registered), ("visitor_text", visitors)] {
            if !cells.is_empty() {
                users.extend(self.substrings_in(unit, column, &cells, behind, limit).await?);
            }
        }
        users.sort_by_key(|user| user.id);
        users.truncate(limit);
        Ok(users)
    }

    async fn substrings_in(
        &self,
        unit: &mut Unit,
        column: &'static str,
        cells: &[i16],
        behind: Option<Uuid>,
        limit: usize,
    ) -> StorageResult<Vec<User>> {
        let text = self.text.as_str();
        let by_trigrams = has_trigram(text);
        let sql = substring_statement(column, by_trigrams, behind.is_some(), self.has_ranges());
        let mut characters: Vec<String> = text.chars().map(String::from).collect();
        characters.sort_unstable();
        characters.dedup();
        let query = sqlx::query_as(AssertSqlSafe(sql))
            .bind(cells)
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .bind(like_pattern(text))
            .bind(like_pattern(&format!("{SEPARATOR}{text}")))
            .bind(characters)
            .bind(behind.unwrap_or_default());
        let rows = self.with_ranges(query).fetch_all(unit.reader()?).await;
        into_users(unit.done(rows)?)
    }

    fn has_ranges(&self) -> bool {
        !self.filter.created.is_unbounded() || !self.filter.last_active.is_unbounded()
    }

    /// Never kept prepared: how common the text is decides the plan.
    fn with_ranges<'q>(&self, mut query: UserQuery<'q>) -> UserQuery<'q> {
        if self.has_ranges() {
            for range in [self.filter.created, self.filter.last_active] {
                query = query.bind(range.from.map(bound)).bind(range.until.map(bound));
            }
        }
        query.persistent(false)
    }
}

/// Whether the index on trigrams can serve: three letters or digits in a row that every locale knows.
fn has_trigram(text: &str) -> bool {
    text.as_bytes().windows(3).any(|three| three.iter().all(u8::is_ascii_alphanumeric))
}

/// A pattern that only `text` itself matches, anywhere.
fn like_pattern(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() + 2);
    pattern.push('%');
    for c in text.chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

/// The conditions on the ranges of the filter, whose first parameter is `first`.
fn ranges(has_ranges: bool, first: usize) -> String {
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

/// $1 cells, $2 limit, $3 pattern, $4 pattern of a prefix, $5 characters, $6 the id to go on behind,
/// $7.. ranges.
///
/// Whether an index on characters is read, or the few users of a rare cell, or all in the order of ids until
/// the page is full, is for the planner to say, which knows how common each is. Whatever it takes, the text itself is compared.
fn substring_statement(column: &str, by_trigrams: bool, is_next: bool, has_ranges: bool) -> String {
    let ranges = ranges(has_ranges, 7);
    let characters = if by_trigrams {
        String::new()
    } else {
        format!("AND string_to_array(s.{column}, NULL) @> $5")
    };
    let behind = if is_next { "AND s.user_id > $6" } else { "" };
    format!(
        "{SELECT_USERS} WHERE u.id = ANY (ARRAY(
            SELECT s.user_id FROM user_search s JOIN users r ON r.id = s.user_id
            WHERE r.cell = ANY($1) {ranges} AND s.{column} IS NOT NULL
                AND s.{column} LIKE $3 AND s.{column} NOT LIKE $4 {characters} {behind}
            ORDER BY s.user_id LIMIT $2
        )) ORDER BY u.id"
    )
}
