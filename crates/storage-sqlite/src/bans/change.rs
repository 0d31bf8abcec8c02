//! Adding to ledgers, and dropping them.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::SqliteConnection;
use systemprompt_users_domain::{BanFact, BannedIp, StorageError, StorageResult, UserId};

use super::json::{fact_json, ledgers_json};
use crate::codec::micros;
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
    let done = sqlx::query!(
        "UPDATE ban_ledgers INDEXED BY ban_ledgers_id SET
             banned_at = new.value ->> 2, until = new.value ->> 3, lifted_at = new.value ->> 4,
             reason = new.value ->> 5, source = new.value ->> 6, fingerprint = new.value ->> 7,
             offence_path = new.value ->> 8, user_agent = new.value ->> 9,
             session_ids = new.value ->> 10, user_id = unhex(new.value ->> 11),
             ban_count = new.value ->> 12, fact_count = new.value ->> 13,
             lifted_through = new.value ->> 14
         FROM (SELECT unhex(value ->> 0) AS id, value FROM json_each(?1)) AS new
         WHERE ban_ledgers.id = new.id AND ban_ledgers.target = new.value ->> 1
           AND ban_ledgers.fact_count = (new.value ->> 13) - 1",
        rows
    )
    .execute(connection)
    .await
    .map_err(storage_error)?;
    all_of(bans, done.rows_affected())
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
