//! Lists of bans in force.

use chrono::{DateTime, Utc};
use sqlx::SqliteConnection;
use systemprompt_users_domain::{BanOrigin, BannedIp, Cursor, Page, PageRequest, StorageResult};

use super::row::{LedgerRow, ledgers};
use crate::codec::micros;
use crate::error::{other, storage_error};
use crate::sql::Sql;

/// The columns of a ledger, for statements whose shape depends on what is asked for.
const COLUMNS: &str = "ban_ledgers.id, ban_ledgers.target, banned_at, ban_ledgers.until, lifted_at, \
                       ban_ledgers.reason, ban_ledgers.source, ban_ledgers.fingerprint, \
                       ban_ledgers.offence_path, ban_ledgers.user_agent, ban_ledgers.session_ids, \
                       ban_ledgers.user_id, ban_count, fact_count, lifted_through";

/// How long bans of a band last at the most, in microseconds; see the column `band` of `ban_ledgers`. A ban
/// of band 0 never ends, one of the last band ends some time.
const BANDS: [Option<i64>; 7] = [
    None,
    Some(600_000_000),
    Some(7_200_000_000),
    Some(172_800_000_000),
    Some(1_209_600_000_000),
    Some(7_776_000_000_000),
    None,
];

/// How many facts of an origin are rather sorted than looked for in order.
const FEW: i64 = 1000;

/// See `BannedIpRepository::list_active`.
pub(crate) async fn active(
    connection: &mut SqliteConnection,
    now: DateTime<Utc>,
    page: &PageRequest,
) -> StorageResult<Page<BannedIp>> {
    let rows: Vec<LedgerRow> =
        active_sql(now, page)?.rows().fetch_all(connection).await.map_err(storage_error)?;
    Ok(Page::from_rows(ledgers(rows)?, page.limit, BannedIp::cursor))
}

/// The bands, each from its newest ban to the oldest that can still be in force, merged.
fn active_sql(now: DateTime<Utc>, page: &PageRequest) -> StorageResult<Sql> {
    let mut sql = Sql::default();
    let bound_now = sql.bind(micros(now))?;
    let behind = match &page.after {
        Some(cursor) => {
            let time = sql.bind(micros(cursor.time().map_err(other)?))?;
            let id = sql.bind(cursor.id)?;
            format!(" AND (banned_at, id) < ({time}, {id})")
        }
        None => String::new(),
    };
    let limit = sql.bind(i64::from(page.limit.get()) + 1)?;
    sql.push("SELECT ").push(COLUMNS).push(" FROM (");
    for (band, longest) in BANDS.iter().enumerate() {
        sql.push(if band == 0 { "SELECT" } else { " UNION ALL SELECT" }).push(&format!(
            " banned_at AS began, id FROM ban_ledgers INDEXED BY ban_ledgers_band \
             WHERE band = {band} AND lifted_at IS NULL AND until > {bound_now}{behind}"
        ));
        if let Some(longest) = longest {
            let began = sql.bind(micros(now).saturating_sub(*longest))?;
            sql.push(&format!(" AND banned_at > {began}"));
        }
    }
    sql.push(&format!(
        " ORDER BY began DESC, id DESC LIMIT {limit}) AS page \
         CROSS JOIN ban_ledgers ON ban_ledgers.id = page.id \
         ORDER BY page.began DESC, page.id DESC"
    ));
    Ok(sql)
}

/// See `BannedIpRepository::list_by_origin`; `connection` sees one state throughout.
///
/// An origin may have reported much that has run out. Where little of it still holds, that is sorted; where
/// much does, it is met soon enough on the way through the ledgers.
pub(crate) async fn by_origin(
    connection: &mut SqliteConnection,
    origin: &BanOrigin,
    now: DateTime<Utc>,
    page: &PageRequest,
) -> StorageResult<Page<BannedIp>> {
    let (column, value) = match origin {
        BanOrigin::Source(source) => ("source", source.as_str()),
        BanOrigin::Fingerprint(fingerprint) => ("fingerprint", fingerprint.as_str()),
    };
    let (holding,): (i64,) = holding_sql(column, value, now)?
        .rows()
        .fetch_one(&mut *connection)
        .await
        .map_err(storage_error)?;
    let index = if holding <= FEW { "_until" } else { "" };
    let rows: Vec<LedgerRow> = by_origin_sql(column, value, index, now, page)?
        .rows()
        .fetch_all(connection)
        .await
        .map_err(storage_error)?;
    Ok(Page::from_rows(ledgers(rows)?, page.limit, |ban| Cursor::at_id(ban.id.as_uuid())))
}

/// Up to how many facts of an origin end after `now`; no more than tell many from few.
fn holding_sql(column: &str, value: &str, now: DateTime<Utc>) -> StorageResult<Sql> {
    let mut sql = Sql::default();
    let value = sql.bind(value.to_owned())?;
    let now = sql.bind(micros(now))?;
    let limit = sql.bind(FEW + 1)?;
    sql.push(&format!(
        "SELECT count(*) FROM (\
         SELECT 1 FROM ban_facts INDEXED BY ban_facts_{column}_until \
         WHERE {column} = {value} AND until IS NOT NULL AND until > {now} LIMIT {limit})"
    ));
    Ok(sql)
}

fn by_origin_sql(
    column: &str,
    value: &str,
    index: &str,
    now: DateTime<Utc>,
    page: &PageRequest,
) -> StorageResult<Sql> {
    let mut sql = Sql::default();
    let value = sql.bind(value.to_owned())?;
    let now = sql.bind(micros(now))?;
    let behind = match &page.after {
        Some(cursor) => format!(" AND fact.ban_id > {}", sql.bind(cursor.id)?),
        None => String::new(),
    };
    let limit = sql.bind(i64::from(page.limit.get()) + 1)?;
    // A fact is in force after the last lift of its ledger, until its own end; then the ledger is, too.
    sql.push("SELECT ").push(COLUMNS).push(&format!(
        " FROM (\
             SELECT DISTINCT fact.ban_id FROM ban_facts AS fact INDEXED BY ban_facts_{column}{index} \
             CROSS JOIN ban_ledgers AS ledger ON ledger.id = fact.ban_id \
             WHERE fact.{column} = {value} AND fact.until IS NOT NULL AND fact.until > {now}{behind} \
               AND fact.sequence > ledger.lifted_through \
             ORDER BY fact.ban_id LIMIT {limit}\
         ) AS page CROSS JOIN ban_ledgers ON ban_ledgers.id = page.ban_id ORDER BY page.ban_id"
    ));
    Ok(sql)
}
