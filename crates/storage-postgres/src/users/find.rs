//! Single users and sets of them by what identifies them.
//!
//! One has statements of its own: how long an array is, the server learns with each call, and so it makes
//! another plan each time, which costs more than the look-up.

use systemprompt_users_domain::{
    Email, Fingerprint, StorageResult, TokenHash, User, UserId, UserName,
};

use super::row::{UserRow, into_users, users};
use super::{cell, uuids};
use crate::unit::Unit;

pub(super) async fn by_ids(unit: &mut Unit, ids: &[UserId]) -> StorageResult<Vec<User>> {
    if let [id] = ids {
        let row = users!("WHERE u.id = $1", id.as_uuid()).fetch_optional(unit.reader()?).await;
        return into_users(unit.done(row)?);
    }
    let rows = users!("WHERE u.id = ANY($1)", &uuids(ids)).fetch_all(unit.reader()?).await;
    into_users(unit.done(rows)?)
}

/// Not `FOR UPDATE`: a session that is begun for one of these users refers to it, which takes a weaker lock
/// that goes together with this one, so that signing in does not wait for a change of the profile.
pub(super) async fn lock(unit: &mut Unit, ids: &[UserId]) -> StorageResult<Vec<User>> {
    if let [id] = ids {
        let row = users!("WHERE u.id = $1 FOR NO KEY UPDATE", id.as_uuid())
            .fetch_optional(unit.writer()?)
            .await;
        return into_users(unit.done(row)?);
    }
    let rows = users!("WHERE u.id = ANY($1) ORDER BY u.id FOR NO KEY UPDATE", &uuids(ids))
        .fetch_all(unit.writer()?)
        .await;
    into_users(unit.done(rows)?)
}

pub(super) async fn by_emails(unit: &mut Unit, emails: &[Email]) -> StorageResult<Vec<User>> {
    if let [email] = emails {
        let row = users!(
            "WHERE u.email = $1 AND u.status <> 'deleted' AND u.email IS NOT NULL",
            email.as_str()
        )
        .fetch_optional(unit.reader()?)
        .await;
        return into_users(unit.done(row)?);
    }
    let emails: Vec<&str> = emails.iter().map(Email::as_str).collect();
    let rows = users!(
        "WHERE u.email = ANY($1) AND u.status <> 'deleted' AND u.email IS NOT NULL",
        &emails as _
    )
    .fetch_all(unit.reader()?)
    .await;
    into_users(unit.done(rows)?)
}

pub(super) async fn by_names(unit: &mut Unit, names: &[UserName]) -> StorageResult<Vec<User>> {
    if let [name] = names {
        let row = users!("WHERE u.name_key = $1 AND u.status <> 'deleted'", name.canonical())
            .fetch_optional(unit.reader()?)
            .await;
        return into_users(unit.done(row)?);
    }
    let names: Vec<&str> = names.iter().map(UserName::canonical).collect();
    let rows = users!("WHERE u.name_key = ANY($1) AND u.status <> 'deleted'", &names as _)
        .fetch_all(unit.reader()?)
        .await;
    into_users(unit.done(rows)?)
}

pub(super) async fn deleted_by_email(
    unit: &mut Unit,
    email: &Email,
) -> StorageResult<Option<User>> {
    let row = users!(
        "WHERE u.email = $1 AND u.status = 'deleted' AND u.email IS NOT NULL
        ORDER BY u.deleted_at DESC NULLS LAST, u.id DESC LIMIT 1",
        email.as_str()
    )
    .fetch_optional(unit.reader()?)
    .await;
    unit.done(row)?.map(UserRow::into_user).transpose()
}

pub(super) async fn deleted_by_name(
    unit: &mut Unit,
    name: &UserName,
) -> StorageResult<Option<User>> {
    let row = users!(
        "WHERE u.name_key = $1 AND u.status = 'deleted'
        ORDER BY u.deleted_at DESC NULLS LAST, u.id DESC LIMIT 1",
        name.canonical()
    )
    .fetch_optional(unit.reader()?)
    .await;
    unit.done(row)?.map(UserRow::into_user).transpose()
}

pub(super) async fn by_token(unit: &mut Unit, token: &TokenHash) -> StorageResult<Option<User>> {
    let row = users!(
        "WHERE u.token_hash = $1 AND u.token_hash IS NOT NULL AND u.roles = 4",
        token.as_bytes().as_slice()
    )
    .fetch_optional(unit.reader()?)
    .await;
    unit.done(row)?.map(UserRow::into_user).transpose()
}

pub(super) async fn anonymous_by_fingerprint(
    unit: &mut Unit,
    fingerprint: &Fingerprint,
) -> StorageResult<Option<User>> {
    let row = users!(
        "WHERE u.fingerprint = $1 AND u.status = 'active' AND u.roles = 4
        ORDER BY u.created_at DESC, u.id DESC LIMIT 1",
        fingerprint.as_str()
    )
    .fetch_optional(unit.reader()?)
    .await;
    unit.done(row)?.map(UserRow::into_user).transpose()
}

pub(super) async fn has_other_active_admin(
    unit: &mut Unit,
    except: &[UserId],
) -> StorageResult<bool> {
    let found = sqlx::query_scalar!(
        // In order, so that an index is the only way: by its reckoning, the planner would find one of a few
        // admins soon by reading all users.
        r#"SELECT EXISTS (
            SELECT 1 FROM unnest($1::smallint[]) AS c (cell) CROSS JOIN LATERAL (
                SELECT u.id FROM users u WHERE u.cell = c.cell AND u.id <> ALL($2)
                ORDER BY u.created_at, u.id LIMIT 1
            ) admin
        ) AS "found!""#,
        &cell::active_admins(),
        &uuids(except),
    )
    .fetch_one(unit.reader()?)
    .await;
    unit.done(found)
}
