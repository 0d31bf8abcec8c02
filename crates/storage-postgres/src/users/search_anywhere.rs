//! Search for a text anywhere in the fields of users: several ways to find them, each bounded in what it reads.

use sqlx::AssertSqlSafe;
use systemprompt_users_domain::{StorageResult, User};
use uuid::Uuid;

use super::cell;
use super::row::{SELECT_USERS, UserRow, into_users};
use super::search::{Query, Search, ranges};
use super::search_index::SEPARATOR;
use crate::unit::Unit;

/// How many users are looked at in the order of ids before anything else is tried: a text that one user in ten holds
/// fills a page from these.
const FIRST_WALK: usize = 1_000;

/// How many users an index on characters may name. More of them are read sooner in the order of ids.
const CANDIDATES: i64 = 50_000;

/// How many users of the filter are looked at one by one.
const FEW: usize = 1_000;

/// How many users are looked at in the order of ids, once nothing else is left; then twice as many, and so on.
const NEXT_WALK: usize = 4_000;

/// A sample that holds the text less often than this says nothing of where it is.
const TELLING: i64 = 10;

/// How many pages of the table a sample reads.
const SAMPLE: u8 = 8;

/// Which part of the users is read: registered and anonymous ones lie apart.
struct Part {
    column: &'static str,
    cells: Vec<i16>,
}

/// Where users hold the text, as far as a statement has looked.
#[derive(sqlx::FromRow)]
struct Found {
    ids: Vec<Uuid>,
    /// How many it has looked at.
    seen: i64,
    /// The last one of these.
    last: Option<Uuid>,
}

impl Search<'_> {
    /// Up to `limit` users behind the id `behind` in whom the text is, but begins no field.
    pub(super) async fn substrings(
        &self,
        unit: &mut Unit,
        behind: Option<Uuid>,
        limit: usize,
    ) -> StorageResult<Vec<User>> {
        let (visitors, registered): (Vec<i16>, Vec<i16>) =
            self.cells.iter().partition(|cell| cell::is_anonymous(**cell));
        let mut ids = Vec::new();
        for (column, cells) in [("search_text", registered), ("visitor_text", visitors)] {
            if !cells.is_empty() {
                let part = Part { column, cells };
                ids.extend(self.substrings_in(unit, &part, behind, limit).await?);
            }
        }
        ids.sort_unstable();
        ids.truncate(limit);
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let sql = format!("{SELECT_USERS} WHERE u.id = ANY($1) ORDER BY u.id");
        let rows = sqlx::query_as::<_, UserRow>(AssertSqlSafe(sql))
            .bind(ids)
            .fetch_all(unit.reader()?)
            .await;
        into_users(unit.done(rows)?)
    }

    /// The ids of those in one part. What is cheap for a common text is tried first, then what is cheap for a rare one,
    /// then what is cheap for a rare filter; what is left is read to where the page is full.
    async fn substrings_in(
        &self,
        unit: &mut Unit,
        part: &Part,
        behind: Option<Uuid>,
        limit: usize,
    ) -> StorageResult<Vec<Uuid>> {
        let mut found = self.walk(unit, part, behind, FIRST_WALK, limit).await?;
        if is_done(&found, FIRST_WALK, limit) {
            return Ok(found.ids);
        }
        if !self.is_near(unit, part, behind).await? {
            let named = self.by_characters(unit, part, behind, limit).await?;
            if named.seen <= CANDIDATES {
                return Ok(named.ids);
            }
        }
        // Of ranges it is known already that they hold many.
        if !self.has_ranges()
            && let Some(few) = self.few(unit).await?
        {
            return self.substrings_of_few(unit, part, &few, behind, limit).await;
        }
        let mut ids = std::mem::take(&mut found.ids);
        let mut budget = NEXT_WALK;
        loop {
            let left = limit.saturating_sub(ids.len());
            found = self.walk(unit, part, found.last, budget, left).await?;
            ids.extend_from_slice(&found.ids);
            if is_done(&found, budget, left) {
                return Ok(ids);
            }
            budget = budget.saturating_mul(2);
        }
    }

    /// Whether a page is filled sooner in the order of ids than by all who hold the text: whether there are fewer users
    /// before the first one who holds it than who hold it. By some pages out of the whole table, since what the planner
    /// knows may be of long ago.
    async fn is_near(
        &self,
        unit: &mut Unit,
        part: &Part,
        behind: Option<Uuid>,
    ) -> StorageResult<bool> {
        let column = part.column;
        let sql = format!(
            "WITH sample AS MATERIALIZED (
                SELECT s.user_id, s.{column} LIKE $1 AS holds, s.user_id > $2 OR NOT $3 AS is_next
                FROM user_search s TABLESAMPLE SYSTEM (
                    LEAST(100, 819200.0 * {SAMPLE} / GREATEST(pg_relation_size('user_search'), 8192))
                ) REPEATABLE (7) WHERE s.{column} IS NOT NULL
            ), nearest AS MATERIALIZED (
                SELECT user_id FROM sample WHERE holds AND is_next ORDER BY user_id LIMIT 1
            )
            SELECT count(*) FILTER (WHERE s.holds),
                count(*) FILTER (WHERE n.user_id IS NULL OR s.is_next AND s.user_id < n.user_id)
            FROM sample s LEFT JOIN nearest n ON true"
        );
        let counts: sqlx::Result<(i64, i64)> = sqlx::query_as(AssertSqlSafe(sql))
            .bind(like_pattern(self.text.as_str()))
            .bind(behind.unwrap_or_default())
            .bind(behind.is_some())
            .persistent(false)
            .fetch_one(unit.reader()?)
            .await;
        let (holders, before) = unit.done(counts)?;
        Ok(holders >= TELLING && before < holders)
    }

    /// Looks at `budget` users in the order of ids.
    async fn walk(
        &self,
        unit: &mut Unit,
        part: &Part,
        behind: Option<Uuid>,
        budget: usize,
        limit: usize,
    ) -> StorageResult<Found> {
        let sql = walk_statement(part.column, budget, behind.is_some(), self.has_ranges());
        self.find(unit, sql, part, behind, limit).await
    }

    /// Looks at those whom an index on characters names, all of them if they are no more than `CANDIDATES`.
    async fn by_characters(
        &self,
        unit: &mut Unit,
        part: &Part,
        behind: Option<Uuid>,
        limit: usize,
    ) -> StorageResult<Found> {
        let by_trigrams = has_trigram(self.text.as_str());
        let sql =
            characters_statement(part.column, by_trigrams, behind.is_some(), self.has_ranges());
        self.find(unit, sql, part, behind, limit).await
    }

    async fn find(
        &self,
        unit: &mut Unit,
        sql: String,
        part: &Part,
        behind: Option<Uuid>,
        limit: usize,
    ) -> StorageResult<Found> {
        let text = self.text.as_str();
        let query = sqlx::query_as::<_, Found>(AssertSqlSafe(sql))
            .bind(&part.cells)
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .bind(like_pattern(text))
            .bind(like_pattern(&format!("{SEPARATOR}{text}")))
            .bind(characters(text))
            .bind(behind.unwrap_or_default());
        let found = self.with_ranges(query).fetch_one(unit.reader()?).await;
        unit.done(found)
    }

    /// The ids of all users that meet the filter, whatever they hold, if they are few.
    pub(super) async fn few(&self, unit: &mut Unit) -> StorageResult<Option<Vec<Uuid>>> {
        let columns = [
            ("created_at", 2, !self.filter.created.is_unbounded()),
            ("last_active_at", 4, !self.filter.last_active.is_unbounded()),
        ];
        let all = [("created_at", 2, true)];
        let columns = if self.has_ranges() { columns.as_slice() } else { all.as_slice() };
        for (column, first, _) in columns.iter().filter(|(_, _, is_bounded)| *is_bounded) {
            let query: Query<'_, (Uuid,)> =
                sqlx::query_as(AssertSqlSafe(few_statement(column, *first, self.has_ranges())))
                    .bind(&self.cells);
            let ids = self.with_ranges(query).fetch_all(unit.reader()?).await;
            let ids = unit.done(ids)?;
            if ids.len() <= FEW {
                return Ok(Some(ids.into_iter().map(|(id,)| id).collect()));
            }
        }
        Ok(None)
    }

    /// Those of a few who hold the text and meet the filter.
    pub(super) async fn of_few(&self, unit: &mut Unit, few: &[Uuid]) -> StorageResult<Vec<User>> {
        let sql = format!(
            "{SELECT_USERS} JOIN users r ON r.id = u.id WHERE u.id = ANY($1) AND u.cell = ANY($2) {}
                AND EXISTS (SELECT 1 FROM user_search s WHERE s.user_id = u.id
                    AND COALESCE(s.search_text, s.visitor_text) LIKE $3 OFFSET 0)",
            ranges(self.has_ranges(), 4),
        );
        let query = sqlx::query_as::<_, UserRow>(AssertSqlSafe(sql))
            .bind(few)
            .bind(&self.cells)
            .bind(like_pattern(self.text.as_str()));
        let rows = self.with_ranges(query).fetch_all(unit.reader()?).await;
        into_users(unit.done(rows)?)
    }

    async fn substrings_of_few(
        &self,
        unit: &mut Unit,
        part: &Part,
        few: &[Uuid],
        behind: Option<Uuid>,
        limit: usize,
    ) -> StorageResult<Vec<Uuid>> {
        let column = part.column;
        let sql = format!(
            "SELECT s.user_id FROM unnest($1::uuid[]) AS few (id)
            CROSS JOIN LATERAL (
                SELECT s.user_id FROM user_search s WHERE s.user_id = few.id
                    AND s.{column} LIKE $2 AND s.{column} NOT LIKE $3 OFFSET 0
            ) s
            WHERE s.user_id > $4 OR NOT $5 ORDER BY s.user_id LIMIT $6"
        );
        let text = self.text.as_str();
        let ids: sqlx::Result<Vec<(Uuid,)>> = sqlx::query_as(AssertSqlSafe(sql))
            .bind(few)
            .bind(like_pattern(text))
            .bind(like_pattern(&format!("{SEPARATOR}{text}")))
            .bind(behind.unwrap_or_default())
            .bind(behind.is_some())
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .persistent(false)
            .fetch_all(unit.reader()?)
            .await;
        Ok(unit.done(ids)?.into_iter().map(|(id,)| id).collect())
    }
}

/// Whether nothing is left to look for: the page is full, or there was less to look at than it might have.
fn is_done(found: &Found, budget: usize, limit: usize) -> bool {
    found.ids.len() >= limit || usize::try_from(found.seen).is_ok_and(|seen| seen < budget)
}

/// Whether the index on trigrams can serve: three letters or digits in a row that every locale knows.
fn has_trigram(text: &str) -> bool {
    text.as_bytes().windows(3).any(|three| three.iter().all(u8::is_ascii_alphanumeric))
}

/// The different characters of a text.
fn characters(text: &str) -> Vec<String> {
    let mut characters: Vec<String> = text.chars().map(String::from).collect();
    characters.sort_unstable();
    characters.dedup();
    characters
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

/// Those of `hits`, which is a list of ids, who meet the filter: the first of them by id, one after the other, until
/// they fill the page.
fn filtered(hits: &str, has_ranges: bool) -> String {
    let ranges = ranges(has_ranges, 7);
    format!(
        "ARRAY(
            SELECT h.user_id FROM ({hits} ORDER BY user_id) h
            CROSS JOIN LATERAL (
                SELECT 1 FROM users r WHERE r.id = h.user_id AND r.cell = ANY($1) {ranges} OFFSET 0
            ) met
            ORDER BY h.user_id LIMIT $2
        ) AS ids"
    )
}

/// $1 cells, $2 limit, $3 pattern, $4 pattern of a prefix, $6 the id to go on behind, $7.. ranges.
fn walk_statement(column: &str, budget: usize, is_next: bool, has_ranges: bool) -> String {
    let behind = if is_next { "AND s.user_id > $6" } else { "" };
    let filtered = filtered("SELECT user_id FROM seen WHERE hit", has_ranges);
    format!(
        "WITH seen AS MATERIALIZED (
            SELECT s.user_id, s.{column} LIKE $3 AND s.{column} NOT LIKE $4 AS hit
            FROM user_search s WHERE s.{column} IS NOT NULL {behind}
            ORDER BY s.user_id LIMIT {budget}
        )
        SELECT {filtered}, (SELECT count(*) FROM seen) AS seen,
            (SELECT user_id FROM seen ORDER BY user_id DESC LIMIT 1) AS last"
    )
}

/// As for a walk; $5 characters. The pattern is hidden from the planner, which would else compare what it believes
/// of the text: it assumes few, and takes the index.
fn characters_statement(
    column: &str,
    by_trigrams: bool,
    is_next: bool,
    has_ranges: bool,
) -> String {
    let named = if by_trigrams {
        format!("s.{column} LIKE (SELECT $3)")
    } else {
        format!("string_to_array(s.{column}, NULL) @> (SELECT $5)")
    };
    let behind = if is_next { "AND user_id > $6" } else { "" };
    let hits = format!("SELECT user_id FROM candidates WHERE hit {behind}");
    let filtered = filtered(&hits, has_ranges);
    let most = CANDIDATES + 1;
    format!(
        "WITH candidates AS MATERIALIZED (
            SELECT s.user_id, s.{column} LIKE $3 AND s.{column} NOT LIKE $4 AS hit
            FROM user_search s WHERE s.{column} IS NOT NULL AND {named} LIMIT {most}
        )
        SELECT {filtered}, (SELECT count(*) FROM candidates) AS seen, NULL::uuid AS last"
    )
}

/// One more than a few users of the cells $1, by the index on `column`, whose bounds are $`first` and the next one.
fn few_statement(column: &str, first: usize, has_ranges: bool) -> String {
    let most = FEW + 1;
    let range = if has_ranges {
        format!(
            "AND r.{column} >= COALESCE(${first}, '-infinity'::timestamptz)
                AND r.{column} < COALESCE(${}, 'infinity'::timestamptz)",
            first + 1
        )
    } else {
        String::new()
    };
    format!(
        "SELECT k.id FROM unnest($1::smallint[]) AS c (cell)
        CROSS JOIN LATERAL (
            SELECT r.id FROM users r WHERE r.cell = c.cell {range}
            ORDER BY r.{column}, r.id LIMIT {most}
        ) k LIMIT {most}"
    )
}
