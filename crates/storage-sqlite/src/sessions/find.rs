//! Looking sessions up, and listing them.

use chrono::{DateTime, Utc};
use sqlx::SqliteConnection;
use systemprompt_users_domain::{
    Page, PageRequest, SessionActivity, SessionFilter, SessionId, SessionOrder, StorageResult,
    TokenHash, User, UserId, UserSession,
};

use super::row::{SessionRow, sessions};
use crate::codec::{hex_list, micros, optional_time, unsigned};
use crate::error::{other, storage_error};
use crate::sql::Sql;
use crate::users::UserRow;

/// The columns of a session, for statements whose shape depends on what is asked for.
const COLUMNS: &str = "id, user_id, token_hash, ip, user_agent, device_type, os, browser, \
                       fingerprint, started_at, last_activity_at, expires_at, idle_timeout, \
                       ended_at, end_reason";

/// See `SessionRepository::find_many`.
pub(crate) async fn by_ids(
    connection: &mut SqliteConnection,
    ids: &[SessionId],
) -> StorageResult<Vec<UserSession>> {
    let ids = hex_list(ids.iter().map(SessionId::as_uuid));
    let rows = sqlx::query_as!(
        SessionRow,
        "SELECT id, user_id, token_hash, ip, user_agent, device_type, os, browser, fingerprint,
                started_at, last_activity_at, expires_at, idle_timeout, ended_at, end_reason
         FROM sessions INDEXED BY sessions_id
         WHERE id IN (SELECT unhex(value) FROM json_each(?1))",
        ids
    )
    .fetch_all(connection)
    .await
    .map_err(storage_error)?;
    sessions(rows)
}

/// See `SessionRepository::find_by_token`: one statement, since every request of a host asks it.
pub(crate) async fn by_token(
    connection: &mut SqliteConnection,
    token: &TokenHash,
) -> StorageResult<Option<(UserSession, User)>> {
    let hash = token.as_bytes().as_slice();
    let row = sqlx::query!(
        r#"SELECT sessions.id AS session_id, user_id, sessions.token_hash AS session_token, ip,
                  user_agent, device_type, os, browser, sessions.fingerprint AS session_fingerprint,
                  started_at, last_activity_at, expires_at, idle_timeout, ended_at, end_reason, users.*
           FROM sessions CROSS JOIN users ON users.id = sessions.user_id
           WHERE sessions.token_hash = ?1"#,
        hash
    )
    .fetch_optional(connection)
    .await
    .map_err(storage_error)?;
    let Some(row) = row else { return Ok(None) };
    let session = SessionRow {
        id: row.session_id,
        user_id: row.user_id,
        token_hash: row.session_token,
        ip: row.ip,
        user_agent: row.user_agent,
        device_type: row.device_type,
        os: row.os,
        browser: row.browser,
        fingerprint: row.session_fingerprint,
        started_at: row.started_at,
        last_activity_at: row.last_activity_at,
        expires_at: row.expires_at,
        idle_timeout: row.idle_timeout,
        ended_at: row.ended_at,
        end_reason: row.end_reason,
    };
    let user = UserRow {
        place: row.place,
        id: row.id,
        name: row.name,
        name_key: row.name_key,
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
        cell: row.cell,
    };
    Ok(Some((session.try_into()?, user.try_into()?)))
}

/// See `SessionRepository::list`.
pub(crate) async fn list(
    connection: &mut SqliteConnection,
    filter: &SessionFilter,
    order: SessionOrder,
    page: &PageRequest,
) -> StorageResult<Page<UserSession>> {
    let rows: Vec<SessionRow> =
        list_sql(filter, order, page)?.rows().fetch_all(connection).await.map_err(storage_error)?;
    Ok(Page::from_rows(sessions(rows)?, page.limit, |session| order.cursor(session)))
}

fn list_sql(filter: &SessionFilter, order: SessionOrder, page: &PageRequest) -> StorageResult<Sql> {
    let (column, name) = match order {
        SessionOrder::Newest => ("started_at", "started"),
        SessionOrder::RecentlyActive => ("last_activity_at", "active"),
    };
    let of_user = if filter.user_id.is_some() { "user_" } else { "" };
    let open = if filter.live_at.is_some() { "open_" } else { "" };
    let mut sql = Sql::default();
    sql.push("SELECT ").push(COLUMNS);
    sql.push(&format!(" FROM sessions INDEXED BY sessions_{of_user}{open}{name} WHERE true"));
    if let Some(user_id) = filter.user_id {
        let user_id = sql.bind(user_id.as_uuid())?;
        sql.push(&format!(" AND user_id = {user_id}"));
    }
    if let Some(live_at) = filter.live_at {
        let live_at = sql.bind(micros(live_at))?;
        sql.push(&format!(
            " AND ended_at IS NULL AND live_until > {live_at} AND EXISTS (\
             SELECT 1 FROM users WHERE id = sessions.user_id AND status = 'active')"
        ));
    }
    if let Some(cursor) = &page.after {
        let time = sql.bind(micros(cursor.time().map_err(other)?))?;
        let id = sql.bind(cursor.id)?;
        sql.push(&format!(" AND ({column}, id) < ({time}, {id})"));
    }
    let limit = sql.bind(i64::from(page.limit.get()) + 1)?;
    sql.push(&format!(" ORDER BY {column} DESC, id DESC LIMIT {limit}"));
    Ok(sql)
}

/// See `SessionRepository::list_surplus`.
pub(crate) async fn surplus(
    connection: &mut SqliteConnection,
    user: UserId,
    keep: u16,
    now: DateTime<Utc>,
) -> StorageResult<Vec<SessionId>> {
    let (user, keep, now) = (user.as_uuid(), i64::from(keep), micros(now));
    let ids = sqlx::query_scalar!(
        "SELECT id FROM sessions INDEXED BY sessions_user_open_active
         WHERE user_id = ?1 AND ended_at IS NULL AND live_until > ?2
         ORDER BY last_activity_at DESC, id DESC LIMIT -1 OFFSET ?3",
        user,
        now,
        keep
    )
    .fetch_all(connection)
    .await
    .map_err(storage_error)?;
    Ok(ids.into_iter().map(SessionId::from_uuid).collect())
}

/// See `SessionRepository::activity`.
pub(crate) async fn activity(
    connection: &mut SqliteConnection,
    user: UserId,
    now: DateTime<Utc>,
) -> StorageResult<SessionActivity> {
    let (user, now) = (user.as_uuid(), micros(now));
    let row = sqlx::query!(
        r#"SELECT
            (SELECT count(*) FROM sessions WHERE user_id = ?1) AS "total!: i64",
            (SELECT count(*) FROM sessions INDEXED BY sessions_user_open_active
             WHERE user_id = ?1 AND ended_at IS NULL AND live_until > ?2)
                AS "live!: i64",
            (SELECT max(last_activity_at) FROM sessions WHERE user_id = ?1) AS "last: i64""#,
        user,
        now
    )
    .fetch_one(connection)
    .await
    .map_err(storage_error)?;
    Ok(SessionActivity {
        total: unsigned(row.total)?,
        live: unsigned(row.live)?,
        last_activity_at: optional_time(row.last)?,
    })
}
