//! Ending, moving and removing sessions.
//!
//! Rows are locked in the order of ids. The clean-ups go by time instead, so they pass over what another
//! unit holds and never wait. They hand the ids on as an array: to the planner a batch of unknown size is a
//! tenth of the table, which it would join by reading it all.

use chrono::{DateTime, Utc};
use systemprompt_users_domain::{EndReason, EndedSession, SessionId, StorageResult, UserId};
use uuid::Uuid;

use crate::time::bound;
use crate::unit::Unit;
use crate::users::uuids;

/// A row that was ended.
struct Ended {
    id: Uuid,
    user_id: Uuid,
}

fn in_order(rows: Vec<Ended>) -> Vec<EndedSession> {
    let ended = rows.into_iter().map(|row| EndedSession {
        user_id: UserId::from_uuid(row.user_id),
        id: SessionId::from_uuid(row.id),
    });
    let mut ended: Vec<_> = ended.collect();
    ended.sort_unstable();
    ended
}

pub(super) async fn many(
    unit: &mut Unit,
    ids: &[SessionId],
    reason: EndReason,
    now: DateTime<Utc>,
) -> StorageResult<Vec<EndedSession>> {
    let ids: Vec<Uuid> = ids.iter().map(SessionId::as_uuid).collect();
    let rows = sqlx::query_as!(
        Ended,
        "WITH open AS MATERIALIZED (
            SELECT id FROM sessions WHERE id = ANY($1) AND ended_at IS NULL
            ORDER BY id FOR NO KEY UPDATE
        )
        UPDATE sessions s SET ended_at = $2, end_reason = $3 FROM open
        WHERE s.id = open.id AND s.ended_at IS NULL
        RETURNING s.id, s.user_id",
        &ids,
        now,
        reason.as_str(),
    )
    .fetch_all(unit.writer()?)
    .await;
    Ok(in_order(unit.done(rows)?))
}

pub(super) async fn all(
    unit: &mut Unit,
    users: &[UserId],
    except: Option<SessionId>,
    reason: EndReason,
    now: DateTime<Utc>,
) -> StorageResult<Vec<EndedSession>> {
    if let [user] = users {
        return all_of_one(unit, *user, except, reason, now).await;
    }
    let rows = sqlx::query_as!(
        Ended,
        "WITH found AS MATERIALIZED (
            SELECT s.id FROM unnest($1::uuid[]) AS u (id) CROSS JOIN LATERAL (
                SELECT id FROM sessions
                WHERE user_id = u.id AND ended_at IS NULL AND id IS DISTINCT FROM $2 OFFSET 0
            ) s
        ), open AS MATERIALIZED (
            SELECT id FROM sessions
            WHERE id = ANY (ARRAY(SELECT id FROM found)) AND user_id = ANY($1) AND ended_at IS NULL
            ORDER BY id FOR NO KEY UPDATE
        )
        UPDATE sessions s SET ended_at = $3, end_reason = $4
        WHERE s.id = ANY (ARRAY(SELECT id FROM open)) AND s.ended_at IS NULL
        RETURNING s.id, s.user_id",
        &uuids(users),
        except.map(|id| id.as_uuid()),
        now,
        reason.as_str(),
    )
    .fetch_all(unit.writer()?)
    .await;
    Ok(in_order(unit.done(rows)?))
}

/// The same of one user, for whom one plan is good for ever.
async fn all_of_one(
    unit: &mut Unit,
    user: UserId,
    except: Option<SessionId>,
    reason: EndReason,
    now: DateTime<Utc>,
) -> StorageResult<Vec<EndedSession>> {
    let rows = sqlx::query_as!(
        Ended,
        "WITH open AS MATERIALIZED (
            SELECT id FROM sessions
            WHERE user_id = $1 AND ended_at IS NULL AND id IS DISTINCT FROM $2
            ORDER BY id FOR NO KEY UPDATE
        )
        UPDATE sessions s SET ended_at = $3, end_reason = $4 FROM open
        WHERE s.id = open.id AND s.ended_at IS NULL
        RETURNING s.id, s.user_id",
        user.as_uuid(),
        except.map(|id| id.as_uuid()),
        now,
        reason.as_str(),
    )
    .fetch_all(unit.writer()?)
    .await;
    Ok(in_order(unit.done(rows)?))
}

pub(super) async fn move_all(
    unit: &mut Unit,
    source: UserId,
    target: UserId,
) -> StorageResult<u64> {
    let result = sqlx::query!(
        "WITH moved AS MATERIALIZED (
            SELECT id FROM sessions WHERE user_id = $1 ORDER BY id FOR NO KEY UPDATE
        )
        UPDATE sessions s SET user_id = $2 FROM moved WHERE s.id = moved.id AND s.user_id = $1",
        source.as_uuid(),
        target.as_uuid(),
    )
    .execute(unit.writer()?)
    .await;
    Ok(unit.done(result)?.rows_affected())
}

pub(super) async fn expired(unit: &mut Unit, now: DateTime<Utc>, limit: u16) -> StorageResult<u64> {
    let result = sqlx::query!(
        "WITH over AS MATERIALIZED (
            SELECT id FROM sessions WHERE ended_at IS NULL AND live_until <= $1
            ORDER BY live_until, id LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED
        )
        UPDATE sessions SET ended_at = live_until, end_reason = 'expired'
        WHERE id = ANY (ARRAY(SELECT id FROM over))",
        bound(now),
        i64::from(limit),
    )
    .execute(unit.writer()?)
    .await;
    Ok(unit.done(result)?.rows_affected())
}

pub(super) async fn delete(
    unit: &mut Unit,
    before: DateTime<Utc>,
    limit: u16,
) -> StorageResult<u64> {
    let result = sqlx::query!(
        "WITH old AS MATERIALIZED (
            SELECT id FROM sessions WHERE ended_at < $1
            ORDER BY ended_at, id LIMIT $2 FOR UPDATE SKIP LOCKED
        )
        DELETE FROM sessions WHERE id = ANY (ARRAY(SELECT id FROM old))",
        bound(before),
        i64::from(limit),
    )
    .execute(unit.writer()?)
    .await;
    Ok(unit.done(result)?.rows_affected())
}
