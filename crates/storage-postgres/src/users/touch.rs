//! Being seen, which is no change.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use systemprompt_users_domain::{StorageResult, UserId};

use crate::unit::Unit;

pub(super) async fn many(unit: &mut Unit, seen: &[(UserId, DateTime<Utc>)]) -> StorageResult<()> {
    let mut latest = HashMap::new();
    for (id, at) in seen {
        let known = latest.entry(id.as_uuid()).or_insert(*at);
        *known = (*known).max(*at);
    }
    let (ids, times): (Vec<_>, Vec<_>) = latest.into_iter().unzip();
    // Locked in the order of ids, as by everybody else; what is locked is looked at anew.
    let result = sqlx::query!(
        "WITH seen AS MATERIALIZED (
            SELECT u.id, t.at FROM unnest($1::uuid[], $2::timestamptz[]) AS t (id, at)
            JOIN users u ON u.id = t.id
            WHERE u.last_active_at < t.at
            ORDER BY u.id FOR NO KEY UPDATE OF u
        )
        UPDATE users u SET last_active_at = seen.at FROM seen
        WHERE u.id = seen.id AND u.last_active_at < seen.at",
        &ids,
        &times,
    )
    .execute(unit.writer()?)
    .await;
    unit.done(result).map(|_| ())
}
