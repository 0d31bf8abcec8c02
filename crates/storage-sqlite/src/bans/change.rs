//! Adding to ledgers, and dropping them.

use chrono::{DateTime, Utc};
use sqlx::SqliteConnection;
use systemprompt_users_domain::{
    BanFact, BanFactKind, BannedIp, StorageError, StorageResult, UserId,
};

use super::row::{actor_json, end_micros, sessions_json};
use crate::codec::micros;
use crate::error::storage_error;

/// See `BannedIpRepository::append`; the caller takes everything back when it fails.
pub(crate) async fn append(
    connection: &mut SqliteConnection,
    changes: &[(BannedIp, BanFact)],
) -> StorageResult<()> {
    for (ban, fact) in changes {
        let stored = if ban.fact_count == 1 {
            open(connection, ban).await?
        } else {
            advance(connection, ban).await?
        };
        if !stored {
            return Err(StorageError::Stale);
        }
        add(connection, fact).await?;
    }
    Ok(())
}

/// Begins a ledger, unless it is there.
async fn open(connection: &mut SqliteConnection, ban: &BannedIp) -> StorageResult<bool> {
    let (id, target) = (ban.id.as_uuid(), ban.target.to_string());
    let (banned_at, until) = (micros(ban.banned_at), end_micros(ban.until));
    let lifted_at = ban.lifted_at.map(micros);
    let fingerprint = ban.fingerprint.as_ref().map(|fingerprint| fingerprint.as_str());
    let session_ids = sessions_json(&ban.session_ids)?;
    let user_id = ban.user_id.map(|id| id.as_uuid());
    let done = sqlx::query!(
        "INSERT INTO ban_ledgers (
             id, target, banned_at, until, lifted_at, reason, source, fingerprint, offence_path,
             user_agent, session_ids, user_id, ban_count, fact_count, lifted_through
         ) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)
         ON CONFLICT DO NOTHING",
        id,
        target,
        banned_at,
        until,
        lifted_at,
        ban.reason,
        ban.source,
        fingerprint,
        ban.offence_path,
        ban.user_agent,
        session_ids,
        user_id,
        ban.ban_count,
        ban.fact_count,
        ban.lifted_through,
    )
    .execute(connection)
    .await
    .map_err(storage_error)?;
    Ok(done.rows_affected() == 1)
}

/// Brings a ledger to its next state, unless it is at another one than the last.
async fn advance(connection: &mut SqliteConnection, ban: &BannedIp) -> StorageResult<bool> {
    let (id, target) = (ban.id.as_uuid(), ban.target.to_string());
    let (banned_at, until) = (micros(ban.banned_at), end_micros(ban.until));
    let lifted_at = ban.lifted_at.map(micros);
    let fingerprint = ban.fingerprint.as_ref().map(|fingerprint| fingerprint.as_str());
    let session_ids = sessions_json(&ban.session_ids)?;
    let user_id = ban.user_id.map(|id| id.as_uuid());
    let done = sqlx::query!(
        "UPDATE ban_ledgers SET
             banned_at = ?3, until = ?4, lifted_at = ?5, reason = ?6, source = ?7, fingerprint = ?8,
             offence_path = ?9, user_agent = ?10, session_ids = ?11, user_id = ?12, ban_count = ?13,
             fact_count = ?14, lifted_through = ?15
         WHERE id = ?1 AND target = ?2 AND fact_count = ?14 - 1",
        id,
        target,
        banned_at,
        until,
        lifted_at,
        ban.reason,
        ban.source,
        fingerprint,
        ban.offence_path,
        ban.user_agent,
        session_ids,
        user_id,
        ban.ban_count,
        ban.fact_count,
        ban.lifted_through,
    )
    .execute(connection)
    .await
    .map_err(storage_error)?;
    Ok(done.rows_affected() == 1)
}

async fn add(connection: &mut SqliteConnection, fact: &BanFact) -> StorageResult<()> {
    let (ban_id, target) = (fact.ban_id.as_uuid(), fact.target.to_string());
    let (kind, until) = match fact.kind {
        BanFactKind::Banned { until } => ("banned", Some(end_micros(until))),
        BanFactKind::Lifted => ("lifted", None),
    };
    let (at, actor) = (micros(fact.at), actor_json(&fact.actor)?);
    let fingerprint = fact.fingerprint.as_ref().map(|fingerprint| fingerprint.as_str());
    let session_ids = sessions_json(&fact.session_ids)?;
    let user_id = fact.user_id.map(|id| id.as_uuid());
    sqlx::query!(
        "INSERT INTO ban_facts (
             ban_id, sequence, target, kind, until, at, actor, reason, source, fingerprint, offence_path,
             user_agent, session_ids, user_id
         ) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
        ban_id,
        fact.sequence,
        target,
        kind,
        until,
        at,
        actor,
        fact.reason,
        fact.source,
        fingerprint,
        fact.offence_path,
        fact.user_agent,
        session_ids,
        user_id,
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
