//! Bans and facts, page by page.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sqlx::AssertSqlSafe;
use systemprompt_users_domain::{
    BanFact, BanId, BanOrigin, BannedIp, Cursor, Page, PageRequest, StorageResult,
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
        "WHERE b.id = ANY (ARRAY(
            SELECT k.id FROM unnest($1::smallint[], $2::timestamptz[]) AS c (class, since)
            CROSS JOIN LATERAL (
                SELECT r.id, r.banned_at FROM bans r
                WHERE r.length_class = c.class AND r.lifted_at IS NULL
                    AND (r.until IS NULL OR r.until > $3) AND r.banned_at > c.since
                    AND (r.banned_at, r.id) < (COALESCE($4, 'infinity'::timestamptz), $5)
                ORDER BY r.banned_at DESC, r.id DESC LIMIT $6
            ) k
            ORDER BY k.banned_at DESC, k.id DESC LIMIT $6
        ))
        ORDER BY b.banned_at DESC, b.id DESC",
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

/// How many facts are looked at in the order of the list before another way is taken.
const PATIENCE: i64 = 500;

/// Where most facts of an origin are in force, reading them in the order of the list is the way; where most
/// have run out, it is reading those that have not. Which it is shows on the first few.
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
    let place = Place {
        value,
        now: bound(now),
        after: page.after.as_ref().map(|after| after.id),
        limit: i64::from(page.limit.get()) + 1,
    };
    let bans = match first_by_ledger(unit, column, &place).await? {
        Some(bans) => bans,
        None => by_end(unit, column, &place).await?,
    };
    Ok(Page::from_rows(bans, page.limit, |ban| Cursor::at_id(ban.id.as_uuid())))
}

/// Which bans of an origin are wanted.
struct Place<'a> {
    value: &'a str,
    now: DateTime<Utc>,
    after: Option<Uuid>,
    limit: i64,
}

/// The page, if it is found among the first facts.
async fn first_by_ledger(
    unit: &mut Unit,
    column: &str,
    place: &Place<'_>,
) -> StorageResult<Option<Vec<BannedIp>>> {
    let behind = if place.after.is_some() { "AND ban_id > $3" } else { "" };
    let sql = format!(
        "SELECT ban_id, sequence, until IS NULL OR until > $2 FROM ban_facts
        WHERE {column} = $1 AND kind = 'banned' {behind} ORDER BY ban_id, sequence LIMIT $4"
    );
    let facts = sqlx::query_as::<_, (Uuid, i64, bool)>(AssertSqlSafe(sql))
        .bind(place.value)
        .bind(place.now)
        .bind(place.after.unwrap_or_default())
        .bind(PATIENCE)
        .fetch_all(unit.reader()?)
        .await;
    let facts = unit.done(facts)?;
    let are_all = facts.len() < usize::try_from(PATIENCE).unwrap_or(usize::MAX);
    let valid = facts.into_iter().filter(|(_, _, is_valid)| *is_valid);
    let newest: BTreeMap<Uuid, i64> = valid.map(|(ban, sequence, _)| (ban, sequence)).collect();
    let ids: Vec<Uuid> = newest.keys().copied().collect();
    let rows = bans!("WHERE b.id = ANY($1) ORDER BY b.id", &ids).fetch_all(unit.reader()?).await;
    let mut bans = into_bans(unit.done(rows)?)?;
    bans.retain(|ban| {
        let sequence = newest.get(&ban.id.as_uuid()).copied().unwrap_or(0);
        ban.is_in_force(place.now) && sequence > i64::from(ban.lifted_through)
    });
    let limit = usize::try_from(place.limit).unwrap_or(usize::MAX);
    let is_page = are_all || bans.len() >= limit;
    bans.truncate(limit);
    Ok(is_page.then_some(bans))
}

/// The page, out of all facts of the origin that have not run out.
async fn by_end(unit: &mut Unit, column: &str, place: &Place<'_>) -> StorageResult<Vec<BannedIp>> {
    let behind = if place.after.is_some() { "AND ban_id > $3" } else { "" };
    // OFFSET 0 keeps the question about the ledger one for each fact, asked until the page is full.
    let sql = format!(
        "WITH valid AS MATERIALIZED (
            SELECT ban_id, sequence FROM ban_facts
            WHERE {column} = $1 AND kind = 'banned' AND until > $2 {behind}
            UNION ALL
            SELECT ban_id, sequence FROM ban_facts
            WHERE {column} = $1 AND kind = 'banned' AND until IS NULL {behind}
        ), newest AS (
            SELECT ban_id, max(sequence) AS sequence FROM valid GROUP BY ban_id ORDER BY ban_id
        )
        {SELECT_BANS} WHERE b.id = ANY (ARRAY(
            SELECT newest.ban_id FROM newest CROSS JOIN LATERAL (
                SELECT 1 FROM bans r
                WHERE r.id = newest.ban_id AND newest.sequence > r.lifted_through
                    AND r.lifted_at IS NULL AND (r.until IS NULL OR r.until > $2)
                OFFSET 0
            ) in_force
            ORDER BY newest.ban_id LIMIT $4
        )) ORDER BY b.id"
    );
    let rows = sqlx::query_as::<_, BanRow>(AssertSqlSafe(sql))
        .bind(place.value)
        .bind(place.now)
        .bind(place.after.unwrap_or_default())
        .bind(place.limit)
        .persistent(false)
        .fetch_all(unit.reader()?)
        .await;
    into_bans(unit.done(rows)?)
}

pub(super) async fn history(
    unit: &mut Unit,
    ban: BanId,
    page: &PageRequest,
) -> StorageResult<Page<BanFact>> {
    let before = match &page.after {
        None => None,
        Some(after) => Some(i64::from(after.sequence().map_err(|_| foreign_cursor())?)),
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
