//! Exact counts, out of counters that a trigger keeps, and of users only at the edges of a range.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use systemprompt_users_domain::{SignupDay, StorageResult, TimeRange, UserFilter, UserTally};

use super::cell;
use crate::error::corrupt;
use crate::time::{DAY, HOUR, bound, down, up};
use crate::unit::Unit;

pub(super) async fn count(unit: &mut Unit, filter: &UserFilter) -> StorageResult<u64> {
    if !filter.last_active.is_unbounded() {
        return count_by_activity(unit, filter).await;
    }
    let tallies = tally(unit, &filter.created).await?;
    Ok(tallies.iter().filter(|tally| tally.matches(filter)).map(|tally| tally.count).sum())
}

/// No counter knows when users were seen; the index on it is read, of the cells in question only.
async fn count_by_activity(unit: &mut Unit, filter: &UserFilter) -> StorageResult<u64> {
    let count = sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM users
        WHERE cell = ANY($1)
            AND last_active_at >= COALESCE($2, '-infinity'::timestamptz)
            AND last_active_at < COALESCE($3, 'infinity'::timestamptz)
            AND created_at >= COALESCE($4, '-infinity'::timestamptz)
            AND created_at < COALESCE($5, 'infinity'::timestamptz)"#,
        &cell::matching(filter),
        filter.last_active.from.map(bound),
        filter.last_active.until.map(bound),
        filter.created.from.map(bound),
        filter.created.until.map(bound),
    )
    .fetch_one(unit.reader()?)
    .await;
    unsigned(unit.done(count)?)
}

pub(super) async fn tally(unit: &mut Unit, created: &TimeRange) -> StorageResult<Vec<UserTally>> {
    let periods = Periods::of(created);
    let edge_cells = if periods.has_edges() { cell::every() } else { Vec::new() };
    let rows = sqlx::query!(
        r#"SELECT part.cell AS "cell!", sum(part.n)::bigint AS "count!" FROM (
            SELECT cell, n FROM tallies
            WHERE $1 AND series = 'users' AND starts = '-infinity'
            UNION ALL
            SELECT cell, n FROM tallies WHERE series = 'users_by_day'
                AND starts >= COALESCE($2, '-infinity'::timestamptz)
                AND starts < COALESCE($3, 'infinity'::timestamptz)
            UNION ALL
            SELECT cell, n FROM tallies
            WHERE series = 'users_by_hour' AND starts >= $4 AND starts < $5
            UNION ALL
            SELECT cell, n FROM tallies
            WHERE series = 'users_by_hour' AND starts >= $6 AND starts < $7
            UNION ALL
            SELECT c.cell, edge.n FROM unnest($8::smallint[]) AS c (cell) CROSS JOIN LATERAL (
                SELECT count(*) AS n FROM users u
                WHERE u.cell = c.cell AND u.created_at >= $9 AND u.created_at < $10
            ) edge
            UNION ALL
            SELECT c.cell, edge.n FROM unnest($8::smallint[]) AS c (cell) CROSS JOIN LATERAL (
                SELECT count(*) AS n FROM users u
                WHERE u.cell = c.cell AND u.created_at >= $11 AND u.created_at < $12
            ) edge
        ) part
        GROUP BY part.cell HAVING sum(part.n) <> 0"#,
        periods.all,
        periods.days.0,
        periods.days.1,
        periods.hours[0].0,
        periods.hours[0].1,
        periods.hours[1].0,
        periods.hours[1].1,
        &edge_cells,
        periods.edges[0].0,
        periods.edges[0].1,
        periods.edges[1].0,
        periods.edges[1].1,
    )
    .fetch_all(unit.reader()?)
    .await;
    let tallies = unit.done(rows)?.into_iter().map(|row| {
        let unknown = || corrupt(format!("no user is in cell {}", row.cell));
        cell::tally(row.cell, unsigned(row.count)?).ok_or_else(unknown)
    });
    tallies.collect()
}

pub(super) async fn signups_per_day(
    unit: &mut Unit,
    first: NaiveDate,
    last: NaiveDate,
) -> StorageResult<Vec<SignupDay>> {
    let rows = sqlx::query!(
        r#"SELECT starts AS "starts!", sum(n)::bigint AS "count!" FROM tallies
        WHERE series = 'users_by_day' AND starts >= $1 AND starts <= $2 AND cell = ANY($3)
        GROUP BY starts HAVING sum(n) <> 0 ORDER BY starts"#,
        bound(first.and_time(NaiveTime::MIN).and_utc()),
        bound(last.and_time(NaiveTime::MIN).and_utc()),
        &cell::matching(&UserFilter::default()),
    )
    .fetch_all(unit.reader()?)
    .await;
    let days = unit
        .done(rows)?
        .into_iter()
        .map(|row| Ok(SignupDay { day: row.starts.date_naive(), count: unsigned(row.count)? }));
    days.collect()
}

fn unsigned(count: i64) -> StorageResult<u64> {
    u64::try_from(count).map_err(|_| corrupt("a count is below zero"))
}

type Period = (DateTime<Utc>, DateTime<Utc>);

/// A range of time, cut into what is counted already and what is not.
struct Periods {
    /// All time; then all else is empty.
    all: bool,
    /// Whole days; an end that is `None` is open.
    days: (Option<DateTime<Utc>>, Option<DateTime<Utc>>),
    /// Whole hours before the first and after the last whole day.
    hours: [Period; 2],
    /// What is left at either end: less than an hour.
    edges: [Period; 2],
}

impl Periods {
    fn of(range: &TimeRange) -> Self {
        let nothing = (DateTime::UNIX_EPOCH, DateTime::UNIX_EPOCH);
        let no_days = (Some(nothing.0), Some(nothing.1));
        let mut periods =
            Self { all: false, days: no_days, hours: [nothing; 2], edges: [nothing; 2] };
        let (from, until) = (range.from.map(bound), range.until.map(bound));
        if range.is_unbounded() {
            periods.all = true;
            return periods;
        }
        if let (Some(from), Some(until)) = (from, until) {
            let first_hour = up(from, HOUR);
            let last_hour = down(until, HOUR);
            if first_hour > last_hour {
                periods.edges[0] = (from, until);
                return periods;
            }
            let (first_day, last_day) = (up(first_hour, DAY), down(last_hour, DAY));
            periods.edges = [(from, first_hour), (last_hour, until)];
            if first_day > last_day {
                periods.hours[0] = (first_hour, last_hour);
            } else {
                periods.hours = [(first_hour, first_day), (last_day, last_hour)];
                periods.days = (Some(first_day), Some(last_day));
            }
            return periods;
        }
        periods.days = (None, None);
        if let Some(from) = from {
            let hour = up(from, HOUR);
            let day = up(hour, DAY);
            periods.edges[0] = (from, hour);
            periods.hours[0] = (hour, day);
            periods.days.0 = Some(day);
        }
        if let Some(until) = until {
            let hour = down(until, HOUR);
            let day = down(hour, DAY);
            periods.edges[1] = (hour, until);
            periods.hours[1] = (day, hour);
            periods.days.1 = Some(day);
        }
        periods
    }

    fn has_edges(&self) -> bool {
        self.edges.iter().any(|(from, until)| from < until)
    }
}
