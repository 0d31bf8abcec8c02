//! Being used, which keeps a session from idling.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use systemprompt_users_domain::{SessionId, StorageResult};
use uuid::Uuid;

use crate::unit::Unit;

/// One statement for all first touches of a session, one for all second ones, and so on; in the order of
/// time, since a touch may be what keeps the session open for the next. Services send one touch of each.
pub(super) async fn many(
    unit: &mut Unit,
    seen: &[(SessionId, DateTime<Utc>)],
) -> StorageResult<()> {
    let mut rest = seen.to_vec();
    rest.sort_unstable_by_key(|(_, at)| *at);
    while !rest.is_empty() {
        let mut touched = HashSet::with_capacity(rest.len());
        let (now, later) = rest.into_iter().partition(|(id, _)| touched.insert(*id));
        touch_each_once(unit, now).await?;
        rest = later;
    }
    Ok(())
}

async fn touch_each_once(
    unit: &mut Unit,
    seen: Vec<(SessionId, DateTime<Utc>)>,
) -> StorageResult<()> {
    let (ids, times): (Vec<Uuid>, Vec<DateTime<Utc>>) =
        seen.into_iter().map(|(id, at)| (id.as_uuid(), at)).unzip();
    // An idle time is cut to some thousand years, which no expiry is beyond.
    let result = sqlx::query!(
        "WITH seen AS MATERIALIZED (
            SELECT s.id, t.at FROM unnest($1::uuid[], $2::timestamptz[]) AS t (id, at)
            JOIN sessions s ON s.id = t.id
            WHERE s.ended_at IS NULL AND s.last_activity_at < t.at AND t.at < s.live_until
            ORDER BY s.id FOR NO KEY UPDATE OF s
        )
        UPDATE sessions s SET
            last_activity_at = seen.at,
            live_until = LEAST(
                s.expires_at, seen.at + LEAST(s.idle_seconds, 100000000000) * interval '1 second'
            )
        FROM seen
        WHERE s.id = seen.id
            AND s.ended_at IS NULL AND s.last_activity_at < seen.at AND seen.at < s.live_until",
        &ids,
        &times,
    )
    .execute(unit.writer()?)
    .await;
    unit.done(result).map(|_| ())
}
