//! The search: first who has a field that starts with the text, then who holds it within one.
//!
//! The first are ranges of `user_keys`, merged over the cells of the filter; the second come from
//! `user_grams` in the order of ids. Each step reads on until the page is full. Both only propose:
//! `SearchText::rank` and the filter decide. Where a filter leaves few users, these are all looked at.

use sqlx::SqliteConnection;
use systemprompt_users_domain::{
    Cursor, Page, PageLimit, PageRequest, SearchMatch, SearchText, SortKey, StorageResult, User,
    UserFilter,
};

use super::cell::{cells, tally};
use super::grams;
use super::list::{Conditions, FEW, few_in_range};
use super::row::{UserRow, users};
use crate::codec::{micros, number_list};
use crate::error::{other, storage_error};
use crate::sql::Sql;

/// How many candidates one statement gives at the most.
const MAX_STEP: i64 = 1000;

/// A user who matches, and how well.
type Hit = (SearchMatch, User);

/// See `UserRepository::search`; `connection` sees one state throughout.
pub(crate) async fn search(
    connection: &mut SqliteConnection,
    text: &SearchText,
    filter: &UserFilter,
    page: &PageRequest,
) -> StorageResult<Page<User>> {
    let search = Search { text, filter, cells: cells(filter), limit: page.limit };
    let hits = match few_users(connection, &search).await? {
        Some(few) => search.sorted(few, page.after.as_ref())?,
        None => search.in_order(connection, page.after.as_ref()).await?,
    };
    let page = Page::from_rows(hits, page.limit, cursor);
    Ok(page.map(|(_, user)| user))
}

fn cursor((rank, user): &Hit) -> Cursor {
    let id = user.id.as_uuid();
    match rank {
        SearchMatch::Prefix(text) => Cursor::at_text(text.clone(), id),
        SearchMatch::Substring => Cursor::at_id(id),
    }
}

/// What is searched for.
struct Search<'s> {
    text: &'s SearchText,
    filter: &'s UserFilter,
    cells: Vec<i64>,
    limit: PageLimit,
}

impl Search<'_> {
    /// The hits among a few users.
    fn sorted(&self, few: Vec<User>, after: Option<&Cursor>) -> StorageResult<Vec<Hit>> {
        let behind = match after.map(|cursor| (&cursor.key, cursor.id)) {
            None => None,
            Some((SortKey::Text(text), id)) => Some((SearchMatch::Prefix(text.clone()), id)),
            Some((SortKey::Id, id)) => Some((SearchMatch::Substring, id)),
            Some(_) => return Err(other("this is not a cursor of a search")),
        };
        let mut hits: Vec<Hit> = few
            .into_iter()
            .filter(|user| self.filter.matches(user))
            .filter_map(|user| Some((self.text.rank(&user)?, user)))
            .filter(|(rank, user)| {
                behind.as_ref().is_none_or(|behind| *behind < (rank.clone(), user.id.as_uuid()))
            })
            .collect();
        hits.sort_by(|(rank, user), (other_rank, other)| {
            rank.cmp(other_rank).then_with(|| user.id.cmp(&other.id))
        });
        Ok(hits)
    }

    /// One hit more than the page holds, if there are so many.
    async fn in_order(
        &self,
        connection: &mut SqliteConnection,
        after: Option<&Cursor>,
    ) -> StorageResult<Vec<Hit>> {
        let mut hits = Vec::new();
        let mut within_after = i64::MIN;
        match after.map(|cursor| (&cursor.key, cursor.id)) {
            None => self.starting(connection, None, &mut hits).await?,
            Some((SortKey::Text(text), id)) => {
                let place = last_place_up_to(connection, id).await?;
                self.starting(connection, Some((text.clone(), place)), &mut hits).await?;
            }
            Some((SortKey::Id, id)) => within_after = last_place_up_to(connection, id).await?,
            Some(_) => return Err(other("this is not a cursor of a search")),
        }
        if !self.is_full(&hits) {
            self.within(connection, within_after, &mut hits).await?;
        }
        Ok(hits)
    }

    fn is_full(&self, hits: &[Hit]) -> bool {
        hits.len() > usize::from(self.limit.get())
    }

    fn first_step(&self) -> i64 {
        i64::from(self.limit.get()) + 1
    }

    /// Adds users with a field that starts with the text, behind a field and a place.
    async fn starting(
        &self,
        connection: &mut SqliteConnection,
        mut behind: Option<(String, i64)>,
        hits: &mut Vec<Hit>,
    ) -> StorageResult<()> {
        let mut step = self.first_step();
        loop {
            let sql = self.starting_sql(behind.as_ref(), step)?;
            let rows: Vec<KeyRow> =
                sql.rows().fetch_all(&mut *connection).await.map_err(storage_error)?;
            let exhausted = i64::try_from(rows.len()).map_err(other)? < step;
            behind = rows.last().map(|row| (row.key.clone(), row.user.place)).or(behind);
            for row in rows {
                let user = User::try_from(row.user)?;
                // A user has a row for each field and is shown at the smallest.
                let rank = SearchMatch::Prefix(row.key);
                if self.filter.matches(&user) && self.text.rank(&user).as_ref() == Some(&rank) {
                    hits.push((rank, user));
                }
            }
            if exhausted || self.is_full(hits) {
                return Ok(());
            }
            step = (step * 2).min(MAX_STEP);
        }
    }

    fn starting_sql(&self, behind: Option<&(String, i64)>, step: i64) -> StorageResult<Sql> {
        let mut sql = Sql::default();
        let text = sql.bind(self.text.as_str().to_owned())?;
        let mut range = format!(" AND key >= {text}");
        if let Some(end) = self.text.prefix_end() {
            range.push_str(&format!(" AND key < {}", sql.bind(end)?));
        }
        if let Some((key, place)) = behind {
            let (key, place) = (sql.bind(key.clone())?, sql.bind(*place)?);
            range = range.replace(&format!(" AND key >= {text}"), "");
            range.push_str(&format!(" AND (key, place) > ({key}, {place})"));
        }
        let step = sql.bind(step)?;
        sql.push("SELECT page.key, users.* FROM (");
        for (nth, cell) in self.cells.iter().enumerate() {
            let cell = sql.bind(*cell)?;
            sql.push(if nth == 0 { "SELECT" } else { " UNION ALL SELECT" })
                .push(" key, place FROM user_keys WHERE cell = ")
                .push(&cell)
                .push(&range);
        }
        sql.push(" ORDER BY key, place LIMIT ")
            .push(&step)
            .push(") AS page CROSS JOIN users ON users.place = page.place")
            .push(" ORDER BY page.key, page.place");
        Ok(sql)
    }

    /// Adds users who hold the text within a field, behind a place.
    async fn within(
        &self,
        connection: &mut SqliteConnection,
        mut behind: i64,
        hits: &mut Vec<Hit>,
    ) -> StorageResult<()> {
        let tallies = self.cells.iter().map(|cell| tally(*cell, 1));
        let anonymous: Vec<bool> = tallies
            .map(|tally| tally.map(|tally| tally.roles.is_anonymous()))
            .collect::<StorageResult<_>>()?;
        let question = grams::question(
            self.text.as_str(),
            anonymous.contains(&false),
            anonymous.contains(&true),
        );
        let cells = number_list(self.cells.iter().copied());
        let (created_from, created_until) = ends(&self.filter.created);
        let (active_from, active_until) = ends(&self.filter.last_active);
        let mut step = self.first_step();
        loop {
            let rows = sqlx::query_as!(
                UserRow,
                "SELECT users.* FROM user_grams CROSS JOIN users ON users.place = user_grams.rowid
                 WHERE user_grams MATCH ?1 AND user_grams.rowid > ?2
                   AND users.cell IN (SELECT value FROM json_each(?3))
                   AND users.created_at >= ?4 AND users.created_at < ?5
                   AND users.last_active_at >= ?6 AND users.last_active_at < ?7
                 ORDER BY user_grams.rowid LIMIT ?8",
                question,
                behind,
                cells,
                created_from,
                created_until,
                active_from,
                active_until,
                step
            )
            .fetch_all(&mut *connection)
            .await
            .map_err(storage_error)?;
            let exhausted = i64::try_from(rows.len()).map_err(other)? < step;
            behind = rows.last().map_or(behind, |row| row.place);
            for user in users(rows)? {
                if self.text.rank(&user) == Some(SearchMatch::Substring) {
                    hits.push((SearchMatch::Substring, user));
                }
            }
            if exhausted || self.is_full(hits) {
                return Ok(());
            }
            step = (step * 2).min(MAX_STEP);
        }
    }
}

/// A field that starts with the text, and its user.
#[derive(sqlx::FromRow)]
struct KeyRow {
    key: String,
    #[sqlx(flatten)]
    user: UserRow,
}

/// Everybody who meets the filter, if they are few.
async fn few_users(
    connection: &mut SqliteConnection,
    search: &Search<'_>,
) -> StorageResult<Option<Vec<User>>> {
    let cells = number_list(search.cells.iter().copied());
    let all = sqlx::query_scalar!(
        r#"SELECT ifnull(sum(count), 0) AS "count!: i64" FROM user_counts
           WHERE span = 0 AND start = 0 AND cell IN (SELECT value FROM json_each(?1))"#,
        cells
    )
    .fetch_one(&mut *connection)
    .await
    .map_err(storage_error)?;
    let index = if all <= FEW {
        "users_cell_created"
    } else {
        match few_in_range(connection, search.filter, &search.cells, "").await? {
            Some(index) => index,
            None => return Ok(None),
        }
    };
    let mut sql = Sql::default();
    let cells = sql.bind(cells)?;
    let conditions = Conditions::of(&mut sql, search.filter)?;
    sql.push("SELECT * FROM users INDEXED BY ")
        .push(index)
        .push(" WHERE cell IN (SELECT value FROM json_each(")
        .push(&cells)
        .push("))")
        .push(conditions.text());
    let rows: Vec<UserRow> = sql.rows().fetch_all(connection).await.map_err(storage_error)?;
    users(rows).map(Some)
}

/// The place of the user with this id or the next lower one; users behind the id are behind the place.
async fn last_place_up_to(
    connection: &mut SqliteConnection,
    id: sqlx::types::Uuid,
) -> StorageResult<i64> {
    let place =
        sqlx::query_scalar!("SELECT place FROM users WHERE id <= ?1 ORDER BY id DESC LIMIT 1", id)
            .fetch_optional(connection)
            .await
            .map_err(storage_error)?;
    Ok(place.unwrap_or(i64::MIN))
}

/// The ends of a range; an open one is the end of all times.
fn ends(range: &systemprompt_users_domain::TimeRange) -> (i64, i64) {
    (range.from.map_or(i64::MIN, micros), range.until.map_or(i64::MAX, micros))
}
