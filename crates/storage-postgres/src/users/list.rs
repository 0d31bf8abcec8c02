//! Users in an order, page by page.

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::{Postgres, QueryBuilder};
use systemprompt_users_domain::{
    Cursor, Page, PageRequest, SortKey, StorageError, StorageResult, TimeRange, User, UserFilter,
    UserOrder,
};
use uuid::Uuid;

use super::cell;
use super::row::{SELECT_USERS, UserRow, into_users, users};
use crate::time::bound;
use crate::unit::Unit;

/// Reads a page of each cell that meets the filter out of one index, and merges these pages. The cost is
/// that of at most 48 short index scans, whatever is filtered by, however many users there are, and
/// however rare those wanted.
pub(super) async fn page(
    unit: &mut Unit,
    filter: &UserFilter,
    order: UserOrder,
    page: &PageRequest,
) -> StorageResult<Page<User>> {
    let cells = cell::matching(filter);
    if cells.is_empty() {
        return Ok(Page { items: Vec::new(), next: None });
    }
    let mut query = statement(&cells, filter, order, page)?;
    // With a range of another time than the order's, the best plan depends on the values.
    let has_foreign_range =
        !foreign_ranges(filter, order).iter().all(|(_, range)| range.is_unbounded());
    let rows = query
        .build_query_as::<UserRow>()
        .persistent(!has_foreign_range)
        .fetch_all(unit.reader()?)
        .await;
    let users = into_users(unit.done(rows)?)?;
    Ok(Page::from_rows(users, page.limit, |user| order.cursor(user)))
}

fn statement(
    cells: &[i16],
    filter: &UserFilter,
    order: UserOrder,
    page: &PageRequest,
) -> StorageResult<QueryBuilder<Postgres>> {
    let (column, direction) = match order {
        UserOrder::Newest => ("created_at", "DESC"),
        UserOrder::Oldest => ("created_at", "ASC"),
        UserOrder::RecentlyActive => ("last_active_at", "DESC"),
        UserOrder::Name => ("name_key", "ASC"),
    };
    let limit = i64::from(page.limit.get()) + 1;
    // As an array, not a join: to the planner a page of unknown size is a tenth of the table.
    let mut query = QueryBuilder::new(SELECT_USERS);
    query.push("WHERE u.id = ANY (ARRAY(SELECT k.id FROM unnest(").push_bind(cells.to_vec());
    query.push("::smallint[]) AS c (cell) CROSS JOIN LATERAL (SELECT r.id, r.");
    query.push(column).push(" AS place FROM users r WHERE r.cell = c.cell");
    push_own_range(&mut query, filter, order, page.after.as_ref())?;
    for (column, range) in foreign_ranges(filter, order) {
        if let Some(from) = range.from {
            query.push(format_args!(" AND r.{column} >= ")).push_bind(bound(from));
        }
        if let Some(until) = range.until {
            query.push(format_args!(" AND r.{column} < ")).push_bind(bound(until));
        }
    }
    query.push(format_args!(" ORDER BY r.{column} {direction}, r.id {direction} LIMIT "));
    query.push_bind(limit);
    query.push(format_args!(") k ORDER BY k.place {direction}, k.id {direction} LIMIT "));
    query.push_bind(limit);
    query.push(format_args!(")) ORDER BY u.{column} {direction}, u.id {direction}"));
    Ok(query)
}

/// The ranges of times that are not the order's own.
fn foreign_ranges(filter: &UserFilter, order: UserOrder) -> Vec<(&'static str, TimeRange)> {
    let created = ("created_at", filter.created);
    let last_active = ("last_active_at", filter.last_active);
    match order {
        UserOrder::Newest | UserOrder::Oldest => vec![last_active],
        UserOrder::RecentlyActive => vec![created],
        UserOrder::Name => vec![created, last_active],
    }
}

/// Bounds the scan at both ends. The cursor and the range are made one bound each: an index scan that is
/// given two at its beginning may start at the wider one.
fn push_own_range(
    query: &mut QueryBuilder<Postgres>,
    filter: &UserFilter,
    order: UserOrder,
    after: Option<&Cursor>,
) -> StorageResult<()> {
    match order {
        UserOrder::Newest => push_descending(query, "created_at", filter.created, after),
        UserOrder::RecentlyActive => {
            push_descending(query, "last_active_at", filter.last_active, after)
        }
        UserOrder::Oldest => push_ascending(query, "created_at", filter.created, after),
        UserOrder::Name => {
            if let Some(after) = after {
                let SortKey::Text(text) = &after.key else { return Err(foreign_cursor()) };
                query.push(" AND (r.name_key, r.id) > (").push_bind(text.clone());
                query.push(", ").push_bind(after.id).push(")");
            }
            Ok(())
        }
    }
}

fn push_descending(
    query: &mut QueryBuilder<Postgres>,
    column: &'static str,
    range: TimeRange,
    after: Option<&Cursor>,
) -> StorageResult<()> {
    // Before the least id of a time is before that time.
    let until = range.until.map(|until| (bound(until), Uuid::nil()));
    if let Some((time, id)) = place(after)?.into_iter().chain(until).min() {
        query.push(format_args!(" AND (r.{column}, r.id) < (")).push_bind(time);
        query.push(", ").push_bind(id).push(")");
    }
    if let Some(from) = range.from {
        query.push(format_args!(" AND r.{column} >= ")).push_bind(bound(from));
    }
    Ok(())
}

fn push_ascending(
    query: &mut QueryBuilder<Postgres>,
    column: &'static str,
    range: TimeRange,
    after: Option<&Cursor>,
) -> StorageResult<()> {
    // After the greatest id of the microsecond before a time is from that time on.
    let from = range.from.map(|from| (bound(from) - TimeDelta::microseconds(1), Uuid::max()));
    if let Some((time, id)) = place(after)?.into_iter().chain(from).max() {
        query.push(format_args!(" AND (r.{column}, r.id) > (")).push_bind(time);
        query.push(", ").push_bind(id).push(")");
    }
    if let Some(until) = range.until {
        query.push(format_args!(" AND r.{column} < ")).push_bind(bound(until));
    }
    Ok(())
}

/// The place behind which a list that is ordered by time goes on.
pub(crate) fn place(after: Option<&Cursor>) -> StorageResult<Option<(DateTime<Utc>, Uuid)>> {
    match after {
        None => Ok(None),
        Some(Cursor { key: SortKey::Time(time), id, .. }) => Ok(Some((bound(*time), *id))),
        Some(_) => Err(foreign_cursor()),
    }
}

pub(crate) fn foreign_cursor() -> StorageError {
    StorageError::Other("the cursor is of another list".into())
}

pub(super) async fn idle_anonymous(
    unit: &mut Unit,
    idle_since: DateTime<Utc>,
    now: DateTime<Utc>,
    after: Option<Cursor>,
    limit: u16,
) -> StorageResult<Vec<User>> {
    let after = place(after.as_ref())?;
    // OFFSET 0 keeps the question about sessions one for each user: as a join, all sessions may be read.
    let rows = users!(
        "WHERE u.status = 'active' AND u.roles = 4 AND NOT u.legal_hold
            AND (u.last_active_at, u.id) > (COALESCE($1, '-infinity'::timestamptz), $2)
            AND u.last_active_at < $3
            AND NOT EXISTS (
                SELECT 1 FROM sessions s
                WHERE s.user_id = u.id AND s.ended_at IS NULL AND s.live_until > $4 OFFSET 0
            )
        ORDER BY u.last_active_at, u.id LIMIT $5",
        after.map(|(time, _)| time),
        after.map_or_else(Uuid::nil, |(_, id)| id),
        bound(idle_since),
        bound(now),
        i64::from(limit),
    )
    .fetch_all(unit.reader()?)
    .await;
    into_users(unit.done(rows)?)
}

pub(super) async fn purgeable(
    unit: &mut Unit,
    before: DateTime<Utc>,
    limit: u16,
) -> StorageResult<Vec<User>> {
    let rows = users!(
        "WHERE u.status = 'deleted' AND NOT u.legal_hold AND u.deleted_at < $1
        ORDER BY u.deleted_at, u.id LIMIT $2",
        bound(before),
        i64::from(limit),
    )
    .fetch_all(unit.reader()?)
    .await;
    into_users(unit.done(rows)?)
}
