//! Sessions by id and token, in lists, and how many a user has.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use sqlx::{Postgres, QueryBuilder};
use systemprompt_users_domain::{
    Page, PageRequest, SessionActivity, SessionFilter, SessionId, SessionOrder, StorageResult,
    TokenHash, User, UserId, UserSession,
};
use uuid::Uuid;

use super::row::{SELECT_SESSIONS, SessionRow, into_sessions};
use crate::error::corrupt;
use crate::time::bound;
use crate::unit::Unit;
use crate::users::UserRow;
use crate::users::list::place;

pub(super) async fn by_ids(unit: &mut Unit, ids: &[SessionId]) -> StorageResult<Vec<UserSession>> {
    let ids: Vec<Uuid> = ids.iter().map(SessionId::as_uuid).collect();
    let rows = sqlx::query_as!(
        SessionRow,
        r#"SELECT id, user_id, token_hash, ip AS "ip: IpAddr", user_agent, device_type, os, browser,
            fingerprint, started_at, last_activity_at, expires_at, idle_seconds, ended_at, end_reason
        FROM sessions WHERE id = ANY($1)"#,
        &ids,
    )
    .fetch_all(unit.reader()?)
    .await;
    into_sessions(unit.done(rows)?)
}

/// Both rows with one statement: this is asked for with every request that a host gets.
pub(super) async fn by_token(
    unit: &mut Unit,
    token: &TokenHash,
) -> StorageResult<Option<(UserSession, User)>> {
    let row = sqlx::query!(
        r#"SELECT s.id AS s_id, s.ip AS "s_ip: IpAddr", s.user_agent, s.device_type, s.os,
            s.browser, s.fingerprint AS s_fingerprint, s.started_at, s.last_activity_at,
            s.expires_at, s.idle_seconds, s.ended_at, s.end_reason,
            u.id, u.name, u.email, u.email_verified, u.full_name, u.display_name, u.avatar_url,
            u.status, u.roles, u.is_bot, u.fingerprint, u.token_hash, u.created_at, u.updated_at,
            u.last_active_at, u.deleted_at, u.status_before_delete, u.merged_into, u.legal_hold,
            u.version
        FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.token_hash = $1"#,
        token.as_bytes().as_slice(),
    )
    .fetch_optional(unit.reader()?)
    .await;
    let Some(row) = unit.done(row)? else { return Ok(None) };
    let session = SessionRow {
        id: row.s_id,
        user_id: row.id,
        token_hash: token.as_bytes().to_vec(),
        ip: row.s_ip,
        user_agent: row.user_agent,
        device_type: row.device_type,
        os: row.os,
        browser: row.browser,
        fingerprint: row.s_fingerprint,
        started_at: row.started_at,
        last_activity_at: row.last_activity_at,
        expires_at: row.expires_at,
        idle_seconds: row.idle_seconds,
        ended_at: row.ended_at,
        end_reason: row.end_reason,
    };
    let user = UserRow {
        id: row.id,
        name: row.name,
        email: row.email,
        email_verified: row.email_verified,
        full_name: row.full_name,
        display_name: row.display_name,
        avatar_url: row.avatar_url,
        status: row.status,
        roles: row.roles,
        is_bot: row.is_bot,
        fingerprint: row.fingerprint,
        token_hash: row.token_hash,
        created_at: row.created_at,
        updated_at: row.updated_at,
        last_active_at: row.last_active_at,
        deleted_at: row.deleted_at,
        status_before_delete: row.status_before_delete,
        merged_into: row.merged_into,
        legal_hold: row.legal_hold,
        version: row.version,
    };
    Ok(Some((session.into_session()?, user.into_user()?)))
}

pub(super) async fn list(
    unit: &mut Unit,
    filter: &SessionFilter,
    order: SessionOrder,
    page: &PageRequest,
) -> StorageResult<Page<UserSession>> {
    let mut query = list_statement(filter, order, page)?;
    let rows = query.build_query_as::<SessionRow>().fetch_all(unit.reader()?).await;
    let sessions = into_sessions(unit.done(rows)?)?;
    Ok(Page::from_rows(sessions, page.limit, |session| order.cursor(session)))
}

fn list_statement(
    filter: &SessionFilter,
    order: SessionOrder,
    page: &PageRequest,
) -> StorageResult<QueryBuilder<Postgres>> {
    let column = match order {
        SessionOrder::Newest => "started_at",
        SessionOrder::RecentlyActive => "last_activity_at",
    };
    let mut query = QueryBuilder::new(SELECT_SESSIONS);
    query.push("WHERE true");
    if let Some(user) = filter.user_id {
        query.push(" AND s.user_id = ").push_bind(user.as_uuid());
    }
    if let Some(now) = filter.live_at {
        query.push(" AND s.ended_at IS NULL AND s.live_until > ").push_bind(bound(now));
        // OFFSET 0 keeps the question about the user one for each session: as a join, all may be read.
        query.push(
            " AND EXISTS (SELECT 1 FROM users u WHERE u.id = s.user_id
                AND u.status = 'active' OFFSET 0)",
        );
    }
    if let Some((time, id)) = place(page.after.as_ref())? {
        query.push(format_args!(" AND (s.{column}, s.id) < (")).push_bind(time);
        query.push(", ").push_bind(id).push(")");
    }
    query.push(format_args!(" ORDER BY s.{column} DESC, s.id DESC LIMIT "));
    query.push_bind(i64::from(page.limit.get()) + 1);
    Ok(query)
}

pub(super) async fn surplus(
    unit: &mut Unit,
    user: UserId,
    keep: u16,
    now: DateTime<Utc>,
) -> StorageResult<Vec<SessionId>> {
    let ids = sqlx::query_scalar!(
        "SELECT id FROM sessions
        WHERE user_id = $1 AND ended_at IS NULL AND live_until > $2
        ORDER BY last_activity_at DESC, id DESC OFFSET $3",
        user.as_uuid(),
        bound(now),
        i64::from(keep),
    )
    .fetch_all(unit.reader()?)
    .await;
    Ok(unit.done(ids)?.into_iter().map(SessionId::from_uuid).collect())
}

pub(super) async fn activity(
    unit: &mut Unit,
    user: UserId,
    now: DateTime<Utc>,
) -> StorageResult<SessionActivity> {
    let row = sqlx::query!(
        r#"SELECT count(*) AS "total!",
            count(*) FILTER (WHERE ended_at IS NULL AND live_until > $2) AS "live!",
            max(last_activity_at) AS last_activity_at
        FROM sessions WHERE user_id = $1"#,
        user.as_uuid(),
        bound(now),
    )
    .fetch_one(unit.reader()?)
    .await;
    let row = unit.done(row)?;
    Ok(SessionActivity {
        total: u64::try_from(row.total).map_err(corrupt)?,
        live: u64::try_from(row.live).map_err(corrupt)?,
        last_activity_at: row.last_activity_at,
    })
}
