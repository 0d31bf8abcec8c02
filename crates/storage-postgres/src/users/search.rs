//! Search: fields that start with a text in their order, then those that hold it somewhere, by id.

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
use crate::time::bound;
use crate::unit::Unit;

type UserQuery<'q> = QueryAs<'q, sqlx::Postgres, UserRow, PgArguments>;

/// What all parts of a search have in common.
struct Search<'a> {
    text: &'a str,
    /// The least text above all that start with `text`.
    end: String,
    filter: &'a UserFilter,
    cells: Vec<i16>,
    limit: usize,
}

pub(super) async fn page(
    unit: &mut Unit,
    text: &SearchText,
    filter: &UserFilter,
    page: &PageRequest,
) -> StorageResult<Page<User>> {
    let search = Search {
        text: text.as_str(),
        // No field is as long as this, so nothing is above it.
        end: text.prefix_end().unwrap_or_else(|| String::from(char::MAX).repeat(400)),
        filter,
        cells: cell::matching(filter),
        limit: usize::from(page.limit.get()) + 1,
    };
    if search.cells.is_empty() {
        return Ok(Page { items: Vec::new(), next: None });
    }
    let mut users = Vec::new();
    let behind = match page.after.as_ref().map(|after| (&after.key, after.id)) {
        None => None,
        Some((SortKey::Id, id)) => Some(id),
        Some((SortKey::Text(_), _)) => None,
        Some(_) => return Err(foreign_cursor()),
    };
    if behind.is_none() {
        users = search.prefixes(unit, page.after.as_ref()).await?;
    }
    if users.len() < search.limit {
        let rest = search.limit - users.len();
        users.extend(search.substrings(unit, behind, rest).await?);
    }
    Ok(Page::from_rows(users, page.limit, |user| cursor(text, user)))
}

fn cursor(text: &SearchText, user: &User) -> Cursor {
    match text.rank(user) {
        Some(SearchMatch::Prefix(field)) => Cursor::at_text(field, user.id.as_uuid()),
        Some(SearchMatch::Substring) | None => Cursor::at_id(user.id.as_uuid()),
    }
}

impl Search<'_> {
    async fn prefixes(&self, unit: &mut Unit, after: Option<&Cursor>) -> StorageResult<Vec<User>> {
        let after = after.and_then(|after| match &after.key {
            SortKey::Text(text) if text.as_str() >= self.text => Some((text.as_str(), after.id)),
            _ => None,
        });
        let sql = prefix_statement(after.is_some(), self.has_ranges());
        let (place, id) = after.unwrap_or((self.text, Uuid::nil()));
        let query = sqlx::query_as(AssertSqlSafe(sql))
            .bind(&self.cells)
            .bind(self.text)
            .bind(&self.end)
            .bind(i64::try_from(self.limit).unwrap_or(i64::MAX))
            .bind(place)
            .bind(id);
        let rows = self.with_ranges(query).fetch_all(unit.reader()?).await;
        into_users(unit.done(rows)?)
    }

    async fn substrings(
        &self,
        unit: &mut Unit,
        behind: Option<Uuid>,
        limit: usize,
    ) -> StorageResult<Vec<User>> {
        let by_trigrams = has_trigram(self.text);
        let sql = substring_statement(by_trigrams, behind.is_some(), self.has_ranges());
        let mut characters: Vec<String> = self.text.chars().map(String::from).collect();
        characters.sort_unstable();
        characters.dedup();
        let query = sqlx::query_as(AssertSqlSafe(sql))
            .bind(&self.cells)
            .bind(self.text)
            .bind(&self.end)
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .bind(like_pattern(self.text))
            .bind(if by_trigrams { Vec::new() } else { characters })
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
    let bytes = text.as_bytes();
    bytes.windows(3).any(|three| three.iter().all(u8::is_ascii_alphanumeric))
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

/// Joins the user for the ranges of the filter, whose first parameter is `first`.
fn range_join(has_ranges: bool, first: usize) -> String {
    if !has_ranges {
        return String::new();
    }
    format!(
        "JOIN users r ON r.id = s.user_id
            AND r.created_at >= COALESCE(${}, '-infinity'::timestamptz)
            AND r.created_at < COALESCE(${}, 'infinity'::timestamptz)
            AND r.last_active_at >= COALESCE(${}, '-infinity'::timestamptz)
            AND r.last_active_at < COALESCE(${}, 'infinity'::timestamptz)",
        first,
        first + 1,
        first + 2,
        first + 3,
    )
}

const FIELDS: [&str; 4] = ["name", "email", "full_name", "display_name"];

/// $1 cells, $2 text, $3 its end, $4 limit, $5 and $6 the place to go on at, $7.. ranges.
///
/// A page of each field and cell, merged. A user counts by the smallest field that matches, and if two are
/// the same, by the first: so it comes once.
fn prefix_statement(is_next: bool, has_ranges: bool) -> String {
    let from = if is_next { ">" } else { ">=" };
    let join = range_join(has_ranges, 7);
    let parts = FIELDS.iter().enumerate().map(|(place, field)| {
        let smaller = FIELDS.iter().enumerate().filter(|(other, _)| *other != place);
        let no_smaller = smaller.map(|(other, smaller)| {
            let below = if other < place { "<=" } else { "<" };
            format!("AND NOT COALESCE(s.{smaller} >= $2 AND s.{smaller} {below} s.{field}, false)")
        });
        format!(
            "SELECT k.user_id, k.term FROM unnest($1::smallint[]) AS c (cell) CROSS JOIN LATERAL (
                SELECT s.user_id, s.{field} AS term FROM user_search s {join}
                WHERE s.cell = c.cell AND (s.{field}, s.user_id) {from} ($5, $6)
                    AND s.{field} < $3 AND s.{field} IS NOT NULL {}
                ORDER BY s.{field}, s.user_id LIMIT $4
            ) k",
            no_smaller.collect::<Vec<_>>().join(" "),
        )
    });
    format!(
        "{SELECT_USERS} JOIN (
            SELECT m.user_id, m.term FROM ({}) m ORDER BY m.term, m.user_id LIMIT $4
        ) page ON page.user_id = u.id ORDER BY page.term, page.user_id",
        parts.collect::<Vec<_>>().join(" UNION ALL "),
    )
}

/// $1 cells, $2 text, $3 its end, $4 limit, $5 pattern, $6 characters, $7 the id to go on behind, $8.. ranges.
///
/// Whether an index on characters is read, or users in the order of ids until the page is full, is for the
/// planner to say, which knows how common the text is. Whatever it takes, the text itself is compared.
fn substring_statement(by_trigrams: bool, is_next: bool, has_ranges: bool) -> String {
    let join = range_join(has_ranges, 8);
    let characters =
        if by_trigrams { "" } else { "AND string_to_array(s.search_text, NULL) @> $6" };
    let behind = if is_next { "AND s.user_id > $7" } else { "" };
    let no_prefix = FIELDS
        .iter()
        .map(|field| format!("AND (s.{field} < $2 OR s.{field} >= $3 OR s.{field} IS NULL)"));
    format!(
        "{SELECT_USERS} JOIN (
            SELECT s.user_id FROM user_search s {join}
            WHERE s.cell = ANY($1) AND s.search_text LIKE $5 {characters} {behind} {}
            ORDER BY s.user_id LIMIT $4
        ) page ON page.user_id = u.id ORDER BY page.user_id",
        no_prefix.collect::<Vec<_>>().join(" "),
    )
}
