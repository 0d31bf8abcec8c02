//! Removing users for good.

use systemprompt_users_domain::{PurgePreview, StorageResult, UserId};

use super::uuids;
use crate::bans::forget_users;
use crate::error::corrupt;
use crate::unit::Unit;

pub(super) async fn preview(unit: &mut Unit, ids: &[UserId]) -> StorageResult<PurgePreview> {
    let counts = sqlx::query!(
        r#"SELECT
            (SELECT count(*) FROM users WHERE id = ANY($1)) AS "users!",
            (SELECT count(*) FROM sessions WHERE user_id = ANY($1)) AS "sessions!",
            (SELECT count(*) FROM ban_facts WHERE user_id = ANY($1)) AS "bans!",
            (SELECT count(*) FROM users
                WHERE merged_into = ANY($1) AND merged_into IS NOT NULL AND id <> ALL($1)) AS "merged!""#,
        &uuids(ids),
    )
    .fetch_one(unit.reader()?)
    .await;
    let counts = unit.done(counts)?;
    Ok(PurgePreview {
        users: unsigned(counts.users)?,
        sessions: unsigned(counts.sessions)?,
        ban_associations: unsigned(counts.bans)?,
        merged_references: unsigned(counts.merged)?,
    })
}

fn unsigned(count: i64) -> StorageResult<u64> {
    u64::try_from(count).map_err(corrupt)
}

pub(super) async fn many(unit: &mut Unit, ids: &[UserId]) -> StorageResult<PurgePreview> {
    let ids = uuids(ids);
    // All rows that change, in the order of ids, as by everybody else.
    let locked = sqlx::query!(
        "SELECT id FROM users
        WHERE id = ANY($1) OR (merged_into = ANY($1) AND merged_into IS NOT NULL)
        ORDER BY id FOR UPDATE",
        &ids,
    )
    .fetch_all(unit.writer()?)
    .await;
    unit.done(locked)?;
    let sessions = sqlx::query!(
        "WITH gone AS MATERIALIZED (
            SELECT id FROM sessions WHERE user_id = ANY($1) ORDER BY id FOR UPDATE
        )
        DELETE FROM sessions WHERE id = ANY (ARRAY(SELECT id FROM gone))",
        &ids,
    )
    .execute(unit.writer()?)
    .await;
    let sessions = unit.done(sessions)?.rows_affected();
    let ban_associations = forget_users(unit, &ids).await?;
    let merged_references = sqlx::query!(
        "UPDATE users SET merged_into = NULL
        WHERE merged_into = ANY($1) AND merged_into IS NOT NULL AND id <> ALL($1)",
        &ids,
    )
    .execute(unit.writer()?)
    .await;
    let merged_references = unit.done(merged_references)?.rows_affected();
    // What the search holds of them goes along by foreign keys.
    let users =
        sqlx::query!("DELETE FROM users WHERE id = ANY($1)", &ids).execute(unit.writer()?).await;
    let users = unit.done(users)?.rows_affected();
    Ok(PurgePreview { users, sessions, ban_associations, merged_references })
}
