//! Starting, touching, ending and dropping sessions.

use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::SqliteConnection;
use sqlx::types::Uuid;
use systemprompt_users_domain::{
    EndReason, EndedSession, SessionId, StorageResult, UserId, UserSession,
};

use crate::codec::{duration_micros, hex, hex_list, micros};
use crate::error::storage_error;

/// See `SessionRepository::insert`.
pub(crate) async fn insert(
    connection: &mut SqliteConnection,
    session: &UserSession,
) -> StorageResult<()> {
    let (id, user_id) = (session.id.as_uuid(), session.user_id.as_uuid());
    let token_hash = session.token_hash.as_bytes().as_slice();
    let ip = session.ip.map(|ip| ip.to_string());
    let fingerprint = session.fingerprint.as_ref().map(|fingerprint| fingerprint.as_str());
    let started_at = micros(session.started_at);
    let last_activity_at = micros(session.last_activity_at);
    let expires_at = micros(session.expires_at);
    let idle_timeout = session.idle_timeout.map(duration_micros);
    let ended_at = session.ended_at.map(micros);
    let end_reason = session.end_reason.map(EndReason::as_str);
    sqlx::query!(
        "INSERT INTO sessions (
             id, user_id, token_hash, ip, user_agent, device_type, os, browser, fingerprint, started_at,
             last_activity_at, expires_at, idle_timeout, ended_at, end_reason
         ) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
        id,
        user_id,
        token_hash,
        ip,
        session.user_agent,
        session.device_type,
        session.os,
        session.browser,
        fingerprint,
        started_at,
        last_activity_at,
        expires_at,
        idle_timeout,
        ended_at,
        end_reason,
    )
    .execute(connection)
    .await
    .map_err(storage_error)?;
    Ok(())
}

/// See `SessionRepository::touch_many`. Of several times of one session each counts that finds it open, from
/// the first on: so they are taken in their order.
pub(crate) async fn touch_many(
    connection: &mut SqliteConnection,
    seen: &[(SessionId, DateTime<Utc>)],
) -> StorageResult<()> {
    let mut rest: Vec<(SessionId, DateTime<Utc>)> = seen.to_vec();
    rest.sort_unstable();
    while !rest.is_empty() {
        // Each round has the first time of each session that is left.
        let mut round = Vec::with_capacity(rest.len());
        let mut later = Vec::new();
        let mut last = None;
        for (id, at) in rest {
            if last.replace(id) == Some(id) {
                later.push((id, at));
            } else {
                round.push(json!([hex(id.as_uuid()), micros(at)]));
            }
        }
        rest = later;
        touch_round(connection, json!(round).to_string()).await?;
    }
    Ok(())
}

async fn touch_round(connection: &mut SqliteConnection, seen: String) -> StorageResult<()> {
    sqlx::query!(
        "UPDATE sessions INDEXED BY sessions_id SET last_activity_at = seen.at
         FROM (SELECT unhex(value ->> 0) AS id, value ->> 1 AS at FROM json_each(?1)) AS seen
         WHERE sessions.id = seen.id AND sessions.last_activity_at < seen.at
           AND sessions.ended_at IS NULL AND sessions.live_until > seen.at",
        seen
    )
    .execute(connection)
    .await
    .map_err(storage_error)?;
    Ok(())
}

/// See `SessionRepository::end_many`.
pub(crate) async fn end_many(
    connection: &mut SqliteConnection,
    ids: &[SessionId],
    reason: EndReason,
    now: DateTime<Utc>,
) -> StorageResult<Vec<EndedSession>> {
    let ids = hex_list(ids.iter().map(SessionId::as_uuid));
    let (reason, now) = (reason.as_str(), micros(now));
    let rows = sqlx::query_as!(
        EndedRow,
        r#"UPDATE sessions INDEXED BY sessions_id SET ended_at = ?2, end_reason = ?3
           WHERE id IN (SELECT unhex(value) FROM json_each(?1)) AND ended_at IS NULL
           RETURNING user_id AS "user_id!: Uuid", id AS "id!: Uuid""#,
        ids,
        now,
        reason
    )
    .fetch_all(connection)
    .await
    .map_err(storage_error)?;
    Ok(ended(rows))
}

/// See `SessionRepository::end_all`.
pub(crate) async fn end_all(
    connection: &mut SqliteConnection,
    users: &[UserId],
    except: Option<SessionId>,
    reason: EndReason,
    now: DateTime<Utc>,
) -> StorageResult<Vec<EndedSession>> {
    let users = hex_list(users.iter().map(UserId::as_uuid));
    let except = except.map(|id| id.as_uuid());
    let (reason, now) = (reason.as_str(), micros(now));
    let rows = sqlx::query_as!(
        EndedRow,
        r#"UPDATE sessions INDEXED BY sessions_user_open_active SET ended_at = ?2, end_reason = ?3
           WHERE user_id IN (SELECT unhex(value) FROM json_each(?1)) AND ended_at IS NULL
             AND id IS NOT ?4
           RETURNING user_id AS "user_id!: Uuid", id AS "id!: Uuid""#,
        users,
        now,
        reason,
        except
    )
    .fetch_all(connection)
    .await
    .map_err(storage_error)?;
    Ok(ended(rows))
}

struct EndedRow {
    user_id: Uuid,
    id: Uuid,
}

fn ended(rows: Vec<EndedRow>) -> Vec<EndedSession> {
    let sessions = rows.into_iter().map(|row| EndedSession {
        user_id: UserId::from_uuid(row.user_id),
        id: SessionId::from_uuid(row.id),
    });
    let mut sessions: Vec<_> = sessions.collect();
    sessions.sort_unstable();
    sessions
}

/// See `SessionRepository::move_all`.
pub(crate) async fn move_all(
    connection: &mut SqliteConnection,
    source: UserId,
    target: UserId,
) -> StorageResult<u64> {
    let (source, target) = (source.as_uuid(), target.as_uuid());
    let done = sqlx::query!("UPDATE sessions SET user_id = ?2 WHERE user_id = ?1", source, target)
        .execute(connection)
        .await
        .map_err(storage_error)?;
    Ok(done.rows_affected())
}

/// See `SessionRepository::end_expired`.
pub(crate) async fn end_expired(
    connection: &mut SqliteConnection,
    now: DateTime<Utc>,
    limit: u16,
) -> StorageResult<u64> {
    let (now, limit) = (micros(now), i64::from(limit));
    let done = sqlx::query!(
        "UPDATE sessions INDEXED BY sessions_id SET ended_at = live_until, end_reason = 'expired'
         WHERE id IN (
             SELECT id FROM sessions INDEXED BY sessions_run_out
             WHERE ended_at IS NULL AND live_until <= ?1 ORDER BY live_until, id LIMIT ?2
         )",
        now,
        limit
    )
    .execute(connection)
    .await
    .map_err(storage_error)?;
    Ok(done.rows_affected())
}

/// See `SessionRepository::delete_ended`.
pub(crate) async fn delete_ended(
    connection: &mut SqliteConnection,
    before: DateTime<Utc>,
    limit: u16,
) -> StorageResult<u64> {
    let (before, limit) = (micros(before), i64::from(limit));
    let done = sqlx::query!(
        "DELETE FROM sessions INDEXED BY sessions_id WHERE id IN (
             SELECT id FROM sessions INDEXED BY sessions_ended
             WHERE ended_at IS NOT NULL AND ended_at < ?1 ORDER BY ended_at, id LIMIT ?2
         )",
        before,
        limit
    )
    .execute(connection)
    .await
    .map_err(storage_error)?;
    Ok(done.rows_affected())
}
