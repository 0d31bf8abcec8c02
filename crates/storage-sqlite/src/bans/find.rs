//! Looking bans up.

use chrono::{DateTime, Utc};
use sqlx::SqliteConnection;
use systemprompt_users_domain::{
    BanFact, BanId, BannedIp, Cursor, IpTarget, Page, PageRequest, StorageResult,
};

use super::row::{FactRow, LedgerRow, ledgers};
use crate::codec::{micros, text_list, unsigned};
use crate::error::{other, storage_error};
use crate::time_span::Parts;

/// See `BannedIpRepository::find_many`.
pub(crate) async fn by_targets(
    connection: &mut SqliteConnection,
    targets: &[IpTarget],
) -> StorageResult<Vec<BannedIp>> {
    let targets = text_list(targets.iter().map(ToString::to_string));
    let rows = sqlx::query_as!(
        LedgerRow,
        "SELECT id, target, banned_at, until, lifted_at, reason, source, fingerprint, offence_path,
                user_agent, session_ids, user_id, ban_count, fact_count, lifted_through
         FROM ban_ledgers INDEXED BY ban_ledgers_target
         WHERE target IN (SELECT value FROM json_each(?1))",
        targets
    )
    .fetch_all(connection)
    .await
    .map_err(storage_error)?;
    ledgers(rows)
}

/// See `BannedIpRepository::find_covering`.
pub(crate) async fn covering(
    connection: &mut SqliteConnection,
    target: &IpTarget,
    now: DateTime<Utc>,
) -> StorageResult<Vec<BannedIp>> {
    let networks = text_list(target.covering().map(|network| network.to_string()));
    let now = micros(now);
    let rows = sqlx::query_as!(
        LedgerRow,
        "SELECT id, target, banned_at, until, lifted_at, reason, source, fingerprint, offence_path,
                user_agent, session_ids, user_id, ban_count, fact_count, lifted_through
         FROM ban_ledgers INDEXED BY ban_ledgers_target
         WHERE target IN (SELECT value FROM json_each(?1)) AND lifted_at IS NULL AND until > ?2",
        networks,
        now
    )
    .fetch_all(connection)
    .await
    .map_err(storage_error)?;
    let mut bans = ledgers(rows)?;
    bans.sort_by_key(|ban| std::cmp::Reverse(ban.target.network().prefix_len()));
    Ok(bans)
}

/// See `BannedIpRepository::history`.
pub(crate) async fn history(
    connection: &mut SqliteConnection,
    ban: BanId,
    page: &PageRequest,
) -> StorageResult<Page<BanFact>> {
    let before = match &page.after {
        Some(cursor) => i64::from(cursor.sequence().map_err(other)?),
        None => i64::MAX,
    };
    let (id, limit) = (ban.as_uuid(), i64::from(page.limit.get()) + 1);
    let rows = sqlx::query_as!(
        FactRow,
        "SELECT ban_id, sequence, target, until, at, actor, reason, source, fingerprint, offence_path,
                user_agent, session_ids, user_id
         FROM ban_facts WHERE ban_id = ?1 AND sequence < ?2 ORDER BY sequence DESC LIMIT ?3",
        id,
        before,
        limit
    )
    .fetch_all(connection)
    .await
    .map_err(storage_error)?;
    let facts = rows.into_iter().map(BanFact::try_from).collect::<StorageResult<_>>()?;
    Ok(Page::from_rows(facts, page.limit, |fact: &BanFact| {
        Cursor::at_text(format!("{:010}", fact.sequence), ban.as_uuid())
    }))
}

/// See `BannedIpRepository::count_active`.
pub(crate) async fn count_active(
    connection: &mut SqliteConnection,
    now: DateTime<Utc>,
) -> StorageResult<u64> {
    // In force is what ends after `now`, and what never ends (span 0).
    let parts = Parts::of(Some(micros(now) + 1), None);
    let (slots, edges) = (parts.slots_json(), parts.edges_json());
    let count = sqlx::query_scalar!(
        r#"SELECT
            (SELECT ifnull(sum(count), 0) FROM ban_counts WHERE span = 0)
            + (SELECT ifnull(sum(kept.count), 0)
               FROM json_each(?1) AS slot CROSS JOIN ban_counts AS kept
                 ON kept.span = slot.value ->> 0
                AND kept.start >= slot.value ->> 1 AND kept.start < slot.value ->> 2)
            + (SELECT count(*)
               FROM json_each(?2) AS edge CROSS JOIN ban_ledgers INDEXED BY ban_ledgers_until
                 ON lifted_at IS NULL AND until >= edge.value ->> 0 AND until < edge.value ->> 1)
            AS "count!: i64""#,
        slots,
        edges
    )
    .fetch_one(connection)
    .await
    .map_err(storage_error)?;
    unsigned(count)
}
