//! Bans by target, and how many are in force.

use chrono::{DateTime, Utc};
use sqlx::types::ipnet::IpNet;
use systemprompt_users_domain::{BannedIp, IpTarget, StorageResult};

use super::row::{bans, into_bans};
use crate::error::corrupt;
use crate::time::{DAY, HOUR, bound, down, up};
use crate::unit::Unit;

pub(super) async fn many(unit: &mut Unit, targets: &[IpTarget]) -> StorageResult<Vec<BannedIp>> {
    let targets: Vec<IpNet> = targets.iter().map(IpTarget::network).collect();
    let rows =
        bans!("WHERE b.target = ANY($1::cidr[])", &targets as _).fetch_all(unit.reader()?).await;
    into_bans(unit.done(rows)?)
}

/// Asks for all networks that can cover the target by name: some look-ups in one index.
pub(super) async fn covering(
    unit: &mut Unit,
    target: &IpTarget,
    now: DateTime<Utc>,
) -> StorageResult<Vec<BannedIp>> {
    let covering: Vec<IpNet> = target.covering().map(|wider| wider.network()).collect();
    let rows = bans!(
        "WHERE b.target = ANY($1::cidr[])
            AND b.lifted_at IS NULL AND (b.until IS NULL OR b.until > $2)
        ORDER BY masklen(b.target) DESC",
        &covering as _,
        bound(now),
    )
    .fetch_all(unit.reader()?)
    .await;
    into_bans(unit.done(rows)?)
}

/// Out of counters by the hour in which bans end; only those that end within this hour are looked at.
pub(super) async fn count_active(unit: &mut Unit, now: DateTime<Utc>) -> StorageResult<u64> {
    let now = bound(now);
    let next_hour = down(now, HOUR).checked_add_signed(HOUR).unwrap_or(now);
    let next_day = up(next_hour, DAY);
    let count = sqlx::query_scalar!(
        r#"SELECT (
            (SELECT COALESCE(sum(n), 0) FROM tallies
                WHERE series = 'bans_by_day' AND starts >= $3)
            + (SELECT COALESCE(sum(n), 0) FROM tallies
                WHERE series = 'bans_by_hour' AND starts >= $2 AND starts < $3)
            + (SELECT count(*) FROM bans WHERE lifted_at IS NULL AND until > $1 AND until < $2)
        )::bigint AS "count!""#,
        now,
        next_hour,
        next_day,
    )
    .fetch_one(unit.reader()?)
    .await;
    u64::try_from(unit.done(count)?).map_err(corrupt)
}
