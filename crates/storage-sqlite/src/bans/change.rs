//! Adding to ledgers, and dropping them.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sqlx::SqliteConnection;
use systemprompt_users_domain::{BanFact, BannedIp, StorageError, StorageResult, UserId};

use super::json::{fact_json, ledgers_json};
use crate::codec::{hex, micros, unsigned};
use crate::error::storage_error;

/// See `BannedIpRepository::append`; the caller takes everything back when it fails.
pub(crate) async fn append(
    connection: &mut SqliteConnection,
    changes: &[(BannedIp, BanFact)],
) -> StorageResult<()> {
    let mut rest: Vec<&BannedIp> = changes.iter().map(|(ban, _)| ban).collect();
    while !rest.is_empty() {
        // A statement sees a ledger once: each round has the next state of each ledger that is left.
        let (mut seen, mut round, mut later) = (HashSet::new(), Vec::new(), Vec::new());
        for ban in rest {
            if seen.insert(ban.target) { &mut round } else { &mut later }.push(ban);
        }
        rest = later;
        let (new, known): (Vec<&BannedIp>, Vec<&BannedIp>) =
            round.into_iter().partition(|ban| ban.fact_count == 1);
        open(connection, &new).await?;
        advance(connection, &known).await?;
    }
    add(connection, changes.iter().map(|(_, fact)| fact)).await
}

/// Begins ledgers; `Stale` when one of them is there already.
async fn open(connection: &mut SqliteConnection, bans: &[&BannedIp]) -> StorageResult<()> {
    let Some(rows) = ledgers_json(bans)? else { return Ok(()) };
    let done = sqlx::query!(
        "INSERT INTO ban_ledgers (
             id, target, banned_at, until, lifted_at, reason, source, fingerprint, offence_path,
             user_agent, session_ids, user_id, ban_count, fact_count, lifted_through
         )
         SELECT
             unhex(value ->> 0), value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5,
             value ->> 6, value ->> 7, value ->> 8, value ->> 9, value ->> 10, unhex(value ->> 11),
             value ->> 12, value ->> 13, value ->> 14
         FROM json_each(?1) WHERE true
         ON CONFLICT DO NOTHING",
        rows
    )
    .execute(connection)
    .await
    .map_err(storage_error)?;
    all_of(bans, done.rows_affected())
}

/// Brings ledgers to their next state; `Stale` when one of them is at another one than the last.
async fn advance(connection: &mut SqliteConnection, bans: &[&BannedIp]) -> StorageResult<()> {
    let Some(rows) = ledgers_json(bans)? else { return Ok(()) };
    check_states_before(&mut *connection, bans).await?;
    // All of them are there, so each insert conflicts and becomes an update of the one row that it meets. An
    // `UPDATE ... FROM` would be planned, where there are few ledgers, as a walk over all.
    sqlx::query!(
        "INSERT INTO ban_ledgers (
             id, target, banned_at, until, lifted_at, reason, source, fingerprint, offence_path,
             user_agent, session_ids, user_id, ban_count, fact_count, lifted_through
         )
         SELECT
             unhex(value ->> 0), value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5,
             value ->> 6, value ->> 7, value ->> 8, value ->> 9, value ->> 10, unhex(value ->> 11),
             value ->> 12, value ->> 13, value ->> 14
         FROM json_each(?1) WHERE true
         ON CONFLICT (id) DO UPDATE SET
             banned_at = excluded.banned_at, until = excluded.until, lifted_at = excluded.lifted_at,
             reason = excluded.reason, source = excluded.source, fingerprint = excluded.fingerprint,
             offence_path = excluded.offence_path, user_agent = excluded.user_agent,
             session_ids = excluded.session_ids, user_id = excluded.user_id,
             ban_count = excluded.ban_count, fact_count = excluded.fact_count,
             lifted_through = excluded.lifted_through",
        rows
    )
    .execute(connection)
    .await
    .map_err(storage_error)?;
    Ok(())
}

/// Checks that each ledger is there and holds exactly one fact less than its new state says; else `Stale`.
async fn check_states_before(
    connection: &mut SqliteConnection,
    bans: &[&BannedIp],
) -> StorageResult<()> {
    let wanted: Vec<Value> = bans
        .iter()
        .map(|ban| json!([hex(ban.id.as_uuid()), ban.target.to_string(), ban.fact_count]))
        .collect();
    let wanted = Value::Array(wanted).to_string();
    // A cross join is made in the order in which it is written: each ledger is looked up.
    let found = sqlx::query_scalar!(
        r#"SELECT count(*) AS "found!: i64"
         FROM json_each(?1) AS wanted CROSS JOIN ban_ledgers INDEXED BY ban_ledgers_id
         WHERE ban_ledgers.id = unhex(wanted.value ->> 0)
           AND ban_ledgers.target = wanted.value ->> 1
           AND ban_ledgers.fact_count = (wanted.value ->> 2) - 1"#,
        wanted
    )
    .fetch_one(connection)
    .await
    .map_err(storage_error)?;
    all_of(bans, unsigned(found)?)
}

fn all_of(bans: &[&BannedIp], done: u64) -> StorageResult<()> {
    if usize::try_from(done) == Ok(bans.len()) { Ok(()) } else { Err(StorageError::Stale) }
}

/// Adds facts to ledgers that are at their state already.
async fn add(
    connection: &mut SqliteConnection,
    facts: impl Iterator<Item = &BanFact>,
) -> StorageResult<()> {
    let rows = Value::Array(facts.map(fact_json).collect::<StorageResult<_>>()?).to_string();
    sqlx::query!(
        "INSERT INTO ban_facts (
             ban_id, sequence, target, kind, until, at, actor, reason, source, fingerprint, offence_path,
             user_agent, session_ids, user_id
         )
         SELECT
             unhex(value ->> 0), value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5,
             value ->> 6, value ->> 7, value ->> 8, value ->> 9, value ->> 10, value ->> 11,
             value ->> 12, unhex(value ->> 13)
         FROM json_each(?1)",
        rows
    )
    .execute(connection)
    .await
    .map_err(storage_error)?;
    Ok(())
}

/// See `BannedIpRepository::reassign_user`.
pub(crate) async fn reassign_user(
    connection: &mut SqliteConnection,
    source: UserId,
    target: UserId,
) -> StorageResult<u64> {
    let (source, target) = (source.as_uuid(), target.as_uuid());
    sqlx::query!("UPDATE ban_ledgers SET user_id = ?2 WHERE user_id = ?1", source, target)
        .execute(&mut *connection)
        .await
        .map_err(storage_error)?;
    let facts =
        sqlx::query!("UPDATE ban_facts SET user_id = ?2 WHERE user_id = ?1", source, target)
            .execute(connection)
            .await
            .map_err(storage_error)?;
    Ok(facts.rows_affected())
}

/// See `BannedIpRepository::delete_over`. The facts go with their ledger, by the foreign key; a ban that never
/// ends by itself is over at the end of all times.
pub(crate) async fn delete_over(
    connection: &mut SqliteConnection,
    before: DateTime<Utc>,
    limit: u16,
) -> StorageResult<u64> {
    let (before, limit) = (micros(before), i64::from(limit));
    let done = sqlx::query!(
        "DELETE FROM ban_ledgers INDEXED BY ban_ledgers_id WHERE id IN (
             SELECT id FROM ban_ledgers INDEXED BY ban_ledgers_over
             WHERE over_at < ?1 ORDER BY over_at, id LIMIT ?2
         )",
        before,
        limit
    )
    .execute(connection)
    .await
    .map_err(storage_error)?;
    Ok(done.rows_affected())
}
