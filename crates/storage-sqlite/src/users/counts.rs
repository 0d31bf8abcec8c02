//! Exact figures, out of the counts that are kept (table `user_counts`).

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use sqlx::SqliteConnection;
use systemprompt_users_domain::{
    AnonymousScope, SignupDay, StorageResult, TimeRange, UserFilter, UserTally,
};

use super::cell::{all_cells, cells, tally};
use super::list::Conditions;
use crate::codec::{micros, number_list, time, unsigned};
use crate::error::storage_error;
use crate::sql::Sql;
use crate::time_span::{DAY, Parts};

/// See `UserRepository::tally`.
pub(crate) async fn tallies(
    connection: &mut SqliteConnection,
    created: &TimeRange,
) -> StorageResult<Vec<UserTally>> {
    let parts = Parts::of(created.from.map(micros), created.until.map(micros));
    let (slots, edges) = (parts.slots_json(), parts.edges_json());
    let cells = number_list(all_cells());
    let rows = sqlx::query!(
        r#"SELECT cell AS "cell!: i64", sum(count) AS "count!: i64" FROM (
            SELECT kept.cell, kept.count
            FROM json_each(?1) AS slot CROSS JOIN user_counts AS kept
              ON kept.span = slot.value ->> 0
             AND kept.start >= slot.value ->> 1 AND kept.start < slot.value ->> 2
            UNION ALL
            SELECT users.cell, 1
            FROM json_each(?2) AS edge CROSS JOIN users INDEXED BY users_cell_created
              ON users.cell IN (SELECT value FROM json_each(?3))
             AND users.created_at >= edge.value ->> 0 AND users.created_at < edge.value ->> 1
        ) GROUP BY cell"#,
        slots,
        edges,
        cells
    )
    .fetch_all(connection)
    .await
    .map_err(storage_error)?;
    rows.into_iter().map(|row| tally(row.cell, unsigned(row.count)?)).collect()
}

/// See `UserRepository::count`.
pub(crate) async fn count(
    connection: &mut SqliteConnection,
    filter: &UserFilter,
) -> StorageResult<u64> {
    if !filter.last_active.is_unbounded() {
        return count_seen(connection, filter).await;
    }
    let tallies = tallies(connection, &filter.created).await?;
    Ok(tallies.iter().filter(|tally| tally.matches(filter)).map(|tally| tally.count).sum())
}

/// Users who were seen in a range of times: last activity moves all the time, so nobody keeps these counts.
async fn count_seen(connection: &mut SqliteConnection, filter: &UserFilter) -> StorageResult<u64> {
    let mut sql = Sql::default();
    let cells = sql.bind(number_list(cells(filter)))?;
    let conditions = Conditions::of(&mut sql, filter)?;
    sql.push("SELECT count(*) FROM users INDEXED BY users_cell_active WHERE cell IN (SELECT value FROM json_each(")
        .push(&cells)
        .push("))")
        .push(conditions.text());
    let (count,): (i64,) = sql.rows().fetch_one(connection).await.map_err(storage_error)?;
    unsigned(count)
}

/// See `UserRepository::signups_per_day`.
pub(crate) async fn signups_per_day(
    connection: &mut SqliteConnection,
    first: NaiveDate,
    last: NaiveDate,
) -> StorageResult<Vec<SignupDay>> {
    let (first, last) = (day_start(first), day_start(last));
    let registered = UserFilter { anonymous: AnonymousScope::Exclude, ..UserFilter::default() };
    let cells = number_list(cells(&registered));
    let rows = sqlx::query!(
        r#"SELECT start, sum(count) AS "count!: i64" FROM user_counts
           WHERE span = ?1 AND start >= ?2 AND start <= ?3
             AND cell IN (SELECT value FROM json_each(?4))
           GROUP BY start ORDER BY start"#,
        DAY,
        first,
        last,
        cells
    )
    .fetch_all(connection)
    .await
    .map_err(storage_error)?;
    rows.into_iter()
        .map(|row| {
            Ok(SignupDay { day: time(row.start)?.date_naive(), count: unsigned(row.count)? })
        })
        .collect()
}

fn day_start(day: NaiveDate) -> i64 {
    micros(DateTime::<Utc>::from_naive_utc_and_offset(day.and_time(NaiveTime::MIN), Utc))
}
