//! Bans and facts, page by page.

use chrono::{DateTime, Utc};
use sqlx::AssertSqlSafe;
use systemprompt_users_domain::{
    BanFact, BanId, BanOrigin, BannedIp, Cursor, Page, PageRequest, SortKey, StorageResult,
};
use uuid::Uuid;

use super::row::{BanRow, FactRow, SELECT_BANS, bans, classes, into_bans};
use crate::time::bound;
use crate::unit::Unit;
use crate::users::list::{foreign_cursor, place};

/// Reads a page of each class of length, and merges these pages.
pub(super) async fn active(
    unit: &mut Unit,
    now: DateTime<Utc>,
    page: &PageRequest,
) -> StorageResult<Page<BannedIp>> {
    let now = bound(now);
    let (classes, since) = classes(now);
    let after = place(page.after.as_ref())?;
    let rows = bans!(
        "JOIN (
            SELECT k.id, k.banned_at
            FROM unnest($1::smallint[], $2::timestamptz[]) AS c (class, since)
            CROSS JOIN LATERAL (
                SELECT r.id, r.banned_at FROM bans r
                WHERE r.length_class = c.class AND r.lifted_at IS NULL
                    AND (r.until IS NULL OR r.until > $3) AND r.banned_at > c.since
                    AND (r.banned_at, r.id) < (COALESCE($4, 'infinity'::timestamptz), $5)
                ORDER BY r.banned_at DESC, r.id DESC LIMIT $6
            ) k
            ORDER BY k.banned_at DESC, k.id DESC LIMIT $6
        ) page ON page.id = b.id
        ORDER BY page.banned_at DESC, page.id DESC",
        &classes,
        &since,
        now,
        after.map(|(time, _)| time),
        after.map_or_else(Uuid::nil, |(_, id)| id),
        i64::from(page.limit.get()) + 1,
    )
    .fetch_all(unit.reader()?)
    .await;
    let bans = into_bans(unit.done(rows)?)?;
    Ok(Page::from_rows(bans, page.limit, BannedIp::cursor))
}

pub(super) async fn by_origin(
    unit: &mut Unit,
    origin: &BanOrigin,
    now: DateTime<Utc>,
    page: &PageRequest,
) -> StorageResult<Page<BannedIp>> {
    let (column, value) = match origin {
        BanOrigin::Source(source) => ("source", source.as_str()),
        BanOrigin::Fingerprint(fingerprint) => ("fingerprint", fingerprint.as_str()),
    };
    let after = page.after.as_ref().map(|after| after.id);
    // Not kept prepared: whether most facts of the origin have run out decides the plan.
    let rows =
        sqlx::query_as::<_, BanRow>(AssertSqlSafe(origin_statement(column, after.is_some())))
            .bind(value)
            .bind(bound(now))
            .bind(i64::from(page.limit.get()) + 1)
            .bind(after.unwrap_or_default())
            .persistent(false)
            .fetch_all(unit.reader()?)
            .await;
    let bans = into_bans(unit.done(rows)?)?;
    Ok(Page::from_rows(bans, page.limit, |ban| Cursor::at_id(ban.id.as_uuid())))
}

/// $1 source or fingerprint, $2 now, $3 limit, $4 the ledger to go on behind.
fn origin_statement(column: &str, is_next: bool) -> String {
    let behind = if is_next { "AND f.ban_id > $4" } else { "" };
    format!(
        "{SELECT_BANS} JOIN (
            SELECT DISTINCT f.ban_id FROM ban_facts f JOIN bans r ON r.id = f.ban_id
            WHERE f.{column} = $1 AND f.kind = 'banned' AND (f.until IS NULL OR f.until > $2)
                AND f.sequence > r.lifted_through
                AND r.lifted_at IS NULL AND (r.until IS NULL OR r.until > $2) {behind}
            ORDER BY f.ban_id LIMIT $3
        ) page ON page.ban_id = b.id ORDER BY page.ban_id"
    )
}

pub(super) async fn history(
    unit: &mut Unit,
    ban: BanId,
    page: &PageRequest,
) -> StorageResult<Page<BanFact>> {
    let before = match page.after.as_ref().map(|after| &after.key) {
        None => None,
        Some(SortKey::Text(text)) => Some(text.parse::<i64>().map_err(|_| foreign_cursor())?),
        Some(_) => return Err(foreign_cursor()),
    };
    let rows = sqlx::query_as!(
        FactRow,
        "SELECT f.ban_id, f.sequence, b.target, f.kind, f.until, f.at, f.actor, f.reason, f.source,
            f.fingerprint, f.offence_path, f.user_agent, f.session_ids, f.user_id
        FROM ban_facts f JOIN bans b ON b.id = f.ban_id
        WHERE f.ban_id = $1 AND f.sequence < $2 ORDER BY f.sequence DESC LIMIT $3",
        ban.as_uuid(),
        before.unwrap_or(i64::MAX),
        i64::from(page.limit.get()) + 1,
    )
    .fetch_all(unit.reader()?)
    .await;
    let facts = unit.done(rows)?.into_iter().map(FactRow::into_fact);
    let facts = facts.collect::<StorageResult<Vec<_>>>()?;
    Ok(Page::from_rows(facts, page.limit, |fact| {
        Cursor::at_text(format!("{:010}", fact.sequence), fact.ban_id.as_uuid())
    }))
}
