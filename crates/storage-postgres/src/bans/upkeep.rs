//! Moving and dropping what ledgers know of users, and dropping ledgers that are over.

use chrono::{DateTime, Utc};
use systemprompt_users_domain::{StorageResult, UserId};
use uuid::Uuid;

use crate::time::bound;
use crate::unit::Unit;

pub(super) async fn reassign_user(
    unit: &mut Unit,
    source: UserId,
    target: UserId,
) -> StorageResult<u64> {
    change_user(unit, &[source.as_uuid()], Some(target.as_uuid())).await
}

/// Takes the association with these users from facts and ledgers. Answers how many facts.
pub(crate) async fn forget_users(unit: &mut Unit, users: &[Uuid]) -> StorageResult<u64> {
    change_user(unit, users, None).await
}

async fn change_user(unit: &mut Unit, from: &[Uuid], to: Option<Uuid>) -> StorageResult<u64> {
    // The ledgers first, in the order of ids, as by everybody else: who holds a ledger holds its facts.
    let locked = sqlx::query!(
        "SELECT id FROM bans
        WHERE id = ANY (ARRAY(SELECT ban_id FROM ban_facts WHERE user_id = ANY($1)))
        ORDER BY id FOR NO KEY UPDATE",
        from,
    )
    .fetch_all(unit.writer()?)
    .await;
    unit.done(locked)?;
    let facts = sqlx::query!("UPDATE ban_facts SET user_id = $2 WHERE user_id = ANY($1)", from, to)
        .execute(unit.writer()?)
        .await;
    let facts = unit.done(facts)?.rows_affected();
    let ledgers = sqlx::query!("UPDATE bans SET user_id = $2 WHERE user_id = ANY($1)", from, to)
        .execute(unit.writer()?)
        .await;
    unit.done(ledgers)?;
    Ok(facts)
}

pub(super) async fn delete_over(
    unit: &mut Unit,
    before: DateTime<Utc>,
    limit: u16,
) -> StorageResult<u64> {
    // Facts go along by their foreign key.
    let result = sqlx::query!(
        "WITH old AS MATERIALIZED (
            SELECT id FROM bans WHERE COALESCE(lifted_at, until) < $1
            ORDER BY COALESCE(lifted_at, until), id LIMIT $2 FOR UPDATE SKIP LOCKED
        )
        DELETE FROM bans WHERE id = ANY (ARRAY(SELECT id FROM old))",
        bound(before),
        i64::from(limit),
    )
    .execute(unit.writer()?)
    .await;
    Ok(unit.done(result)?.rows_affected())
}
