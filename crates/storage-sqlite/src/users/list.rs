//! Lists of users: keyset pages of any filter in any order.
//!
//! A filter is a list of cells. In each cell the index of the order gives the users in that order, and SQLite
//! merges the cells as it goes, so a page costs what it shows. Where a filter bounds a time that the order
//! does not go by, users in order could be passed over at length; if few users are in the range, these are
//! sorted instead.

use sqlx::SqliteConnection;
use systemprompt_users_domain::{
    Cursor, Page, PageRequest, StorageResult, TimeRange, User, UserFilter, UserOrder,
};

use super::cell::cells;
use super::row::{UserRow, users};
use crate::codec::{micros, number_list, unsigned};
use crate::error::{other, storage_error};
use crate::sql::Sql;

/// How many users are rather sorted than looked for in order.
pub(crate) const FEW: i64 = 1000;

/// See `UserRepository::list`; `connection` sees one state throughout.
pub(crate) async fn list(
    connection: &mut SqliteConnection,
    filter: &UserFilter,
    order: UserOrder,
    page: &PageRequest,
) -> StorageResult<Page<User>> {
    let cells = cells(filter);
    if cells.is_empty() {
        return Ok(Page { items: Vec::new(), next: None });
    }
    let shape = Shape::of(order);
    let sql = match few_in_range(connection, filter, &cells, shape.column).await? {
        Some(index) => sorted_page(&shape, index, filter, &cells, page)?,
        None => merged_page(&shape, filter, &cells, page)?,
    };
    let rows: Vec<UserRow> = sql.rows().fetch_all(connection).await.map_err(storage_error)?;
    Ok(Page::from_rows(users(rows)?, page.limit, |user| order.cursor(user)))
}

/// How an order looks in SQL.
struct Shape {
    index: &'static str,
    column: &'static str,
    descending: bool,
}

impl Shape {
    fn of(order: UserOrder) -> Self {
        let (index, column, descending) = match order {
            UserOrder::Newest => ("users_cell_created", "created_at", true),
            UserOrder::Oldest => ("users_cell_created", "created_at", false),
            UserOrder::RecentlyActive => ("users_cell_active", "last_active_at", true),
            UserOrder::Name => ("users_cell_name", "name_key", false),
        };
        Self { index, column, descending }
    }

    fn order_by(&self, table: &str) -> String {
        let direction = if self.descending { "DESC" } else { "ASC" };
        let column = self.column;
        format!(" ORDER BY {table}{column} {direction}, {table}place {direction}")
    }

    /// The condition that a user stands behind the cursor. Its user may be gone or have moved, so the id
    /// is turned into a place now.
    fn behind(&self, sql: &mut Sql, cursor: Option<&Cursor>) -> StorageResult<String> {
        let Some(cursor) = cursor else { return Ok(String::new()) };
        let value = match self.column {
            "name_key" => sql.bind(cursor.text().map_err(other)?.to_owned())?,
            _ => sql.bind(micros(cursor.time().map_err(other)?))?,
        };
        let id = sql.bind(cursor.id)?;
        let column = self.column;
        Ok(if self.descending {
            let place = "SELECT next.place FROM users AS next WHERE next.id >= ";
            format!(
                " AND ({column}, place) < ({value}, \
                 ifnull(({place}{id} ORDER BY next.id LIMIT 1), 9223372036854775807))"
            )
        } else {
            let place = "SELECT last.place FROM users AS last WHERE last.id <= ";
            format!(
                " AND ({column}, place) > ({value}, \
                 ifnull(({place}{id} ORDER BY last.id DESC LIMIT 1), -9223372036854775808))"
            )
        })
    }
}

/// The conditions of a filter that are no cells: its two ranges of times.
pub(crate) struct Conditions(String);

impl Conditions {
    pub(crate) fn of(sql: &mut Sql, filter: &UserFilter) -> StorageResult<Self> {
        let mut text = String::new();
        for (column, range) in ranges(filter) {
            for (sign, end) in [(">=", range.from), ("<", range.until)] {
                if let Some(end) = end {
                    let end = sql.bind(micros(end))?;
                    text.push_str(&format!(" AND {column} {sign} {end}"));
                }
            }
        }
        Ok(Self(text))
    }

    /// Begins with ` AND`, or is empty.
    pub(crate) fn text(&self) -> &str {
        &self.0
    }
}

fn ranges(filter: &UserFilter) -> [(&'static str, TimeRange); 2] {
    [("created_at", filter.created), ("last_active_at", filter.last_active)]
}

/// The index that leads to the few users of a range, if the filter has one that is not the order's own.
pub(crate) async fn few_in_range(
    connection: &mut SqliteConnection,
    filter: &UserFilter,
    cells: &[i64],
    ordered_by: &str,
) -> StorageResult<Option<&'static str>> {
    for (column, range) in ranges(filter) {
        if range.is_unbounded() || column == ordered_by {
            continue;
        }
        let index = index_of(column);
        let only = match column {
            "created_at" => UserFilter { created: range, ..UserFilter::default() },
            _ => UserFilter { last_active: range, ..UserFilter::default() },
        };
        let mut sql = Sql::default();
        let cells = sql.bind(number_list(cells.iter().copied()))?;
        let conditions = Conditions::of(&mut sql, &only)?;
        let limit = sql.bind(FEW + 1)?;
        sql.push("SELECT count(*) FROM (SELECT 1 FROM users INDEXED BY ")
            .push(index)
            .push(" WHERE cell IN (SELECT value FROM json_each(")
            .push(&cells)
            .push("))")
            .push(conditions.text())
            .push(" LIMIT ")
            .push(&limit)
            .push(")");
        let (count,): (i64,) =
            sql.rows().fetch_one(&mut *connection).await.map_err(storage_error)?;
        if unsigned::<u64>(count)? <= unsigned::<u64>(FEW)? {
            return Ok(Some(index));
        }
    }
    Ok(None)
}

fn index_of(column: &str) -> &'static str {
    match column {
        "created_at" => "users_cell_created",
        _ => "users_cell_active",
    }
}

/// The cells, each in order, merged.
fn merged_page(
    shape: &Shape,
    filter: &UserFilter,
    cells: &[i64],
    page: &PageRequest,
) -> StorageResult<Sql> {
    let mut sql = Sql::default();
    let behind = shape.behind(&mut sql, page.after.as_ref())?;
    let conditions = Conditions::of(&mut sql, filter)?;
    let limit = sql.bind(i64::from(page.limit.get()) + 1)?;
    sql.push("SELECT users.* FROM (");
    for (nth, cell) in cells.iter().enumerate() {
        let cell = sql.bind(*cell)?;
        sql.push(if nth == 0 { "SELECT " } else { " UNION ALL SELECT " })
            .push(shape.column)
            .push(", place FROM users INDEXED BY ")
            .push(shape.index)
            .push(" WHERE cell = ")
            .push(&cell)
            .push(conditions.text())
            .push(&behind);
    }
    sql.push(&shape.order_by(""))
        .push(" LIMIT ")
        .push(&limit)
        .push(") AS page CROSS JOIN users ON users.place = page.place")
        .push(&shape.order_by("page."));
    Ok(sql)
}

/// The few users of a range, sorted.
fn sorted_page(
    shape: &Shape,
    index: &str,
    filter: &UserFilter,
    cells: &[i64],
    page: &PageRequest,
) -> StorageResult<Sql> {
    let mut sql = Sql::default();
    let cells = sql.bind(number_list(cells.iter().copied()))?;
    let behind = shape.behind(&mut sql, page.after.as_ref())?;
    let conditions = Conditions::of(&mut sql, filter)?;
    let limit = sql.bind(i64::from(page.limit.get()) + 1)?;
    sql.push("SELECT * FROM users INDEXED BY ")
        .push(index)
        .push(" WHERE cell IN (SELECT value FROM json_each(")
        .push(&cells)
        .push("))")
        .push(conditions.text())
        .push(&behind)
        .push(&shape.order_by(""))
        .push(" LIMIT ")
        .push(&limit);
    Ok(sql)
}
