//! Storing new users.

use std::collections::{HashMap, HashSet};

use serde_json::{Value, json};
use sqlx::SqliteConnection;
use sqlx::types::Uuid;
use systemprompt_users_domain::{
    InsertOutcome, StorageResult, UniqueKey, User, UserTally, search_fields,
};

use super::cell::cell;
use super::index::{self, Entry, Indexed};
use super::json::to_json;
use super::places;
use crate::codec::{hex, number_list};
use crate::error::{other, storage_error};

/// See `UserRepository::insert_many`.
pub(crate) async fn insert_many(
    connection: &mut SqliteConnection,
    users: &[User],
) -> StorageResult<Vec<InsertOutcome>> {
    let mut outcomes = Vec::with_capacity(users.len());
    let mut rest = users;
    while !rest.is_empty() {
        // Which row was stored is told by its id, so no statement takes an id twice.
        let mut seen = HashSet::new();
        let again = rest.iter().position(|user| !seen.insert(user.id)).unwrap_or(rest.len());
        let (distinct, behind) = rest.split_at(again);
        outcomes.extend(insert_distinct(connection, distinct).await?);
        rest = behind;
    }
    Ok(outcomes)
}

async fn insert_distinct(
    connection: &mut SqliteConnection,
    users: &[User],
) -> StorageResult<Vec<InsertOutcome>> {
    let places = places::assign(connection, users.iter().map(|user| user.id.as_uuid())).await?;
    let mut placed = Vec::with_capacity(users.len());
    for user in users {
        let place = places.get(&user.id.as_uuid()).copied();
        placed.push((user, place.ok_or_else(|| other("a new user has no place"))?));
    }
    // What the search is told is made here while SQLite, a thread of its own, stores the rows.
    let (stored, mut indexed) = tokio::join!(insert(connection, &placed), async {
        let entries = placed.iter().map(|(user, place)| entry(user, *place));
        entries.map(Indexed::from).collect::<Vec<_>>()
    });
    let stored = stored?;
    if stored.len() < users.len() {
        let mut is_stored = users.iter().map(|user| stored.contains(&user.id.as_uuid()));
        indexed.retain(|_| is_stored.next().unwrap_or(false));
    }
    index::add(connection, &indexed).await?;
    let mut taken = taken_keys(connection, users, &stored).await?.into_iter();
    let outcomes = users.iter().map(|user| {
        if stored.contains(&user.id.as_uuid()) {
            return InsertOutcome::Inserted;
        }
        InsertOutcome::Conflict(taken.next().unwrap_or(UniqueKey::Token))
    });
    Ok(outcomes.collect())
}

/// What the search index knows of a user at `place`.
pub(crate) fn entry(user: &User, place: i64) -> Entry {
    Entry {
        place,
        cell: cell(&UserTally::of(user)),
        anonymous: user.is_anonymous(),
        fields: search_fields(user),
    }
}

/// Stores those whose keys are all free, one after the other, and answers with their ids.
async fn insert(
    connection: &mut SqliteConnection,
    users: &[(&User, i64)],
) -> StorageResult<HashSet<Uuid>> {
    let rows = to_json(users.iter().copied())?;
    let done = sqlx::query!(
        "INSERT INTO users (
             place, id, name, name_key, email, email_verified, full_name, display_name, avatar_url,
             status, roles, is_bot, fingerprint, token_hash, created_at, updated_at, last_active_at,
             deleted_at, status_before_delete, merged_into, legal_hold, version
         )
         SELECT
             value ->> 0, unhex(value ->> 1), value ->> 2, value ->> 3, value ->> 4, value ->> 5,
             value ->> 6, value ->> 7, value ->> 8, value ->> 9, value ->> 10, value ->> 11,
             value ->> 12, unhex(value ->> 13), value ->> 14, value ->> 15, value ->> 16,
             value ->> 17, value ->> 18, unhex(value ->> 19), value ->> 20, value ->> 21
         FROM jsonb_each(?1) AS row WHERE true ORDER BY row.rowid
         ON CONFLICT DO NOTHING",
        rows
    )
    .execute(&mut *connection)
    .await
    .map_err(storage_error)?;
    if usize::try_from(done.rows_affected()).is_ok_and(|stored| stored == users.len()) {
        return Ok(users.iter().map(|(user, _)| user.id.as_uuid()).collect());
    }
    // The places were free: whoever is at one of them now came with this statement.
    let places = number_list(users.iter().map(|(_, place)| *place));
    let stored = sqlx::query_scalar!(
        r#"SELECT id AS "id!: Uuid" FROM users WHERE place IN (SELECT value FROM json_each(?1))"#,
        places
    )
    .fetch_all(connection)
    .await
    .map_err(storage_error)?;
    Ok(stored.into_iter().collect())
}

/// Of each user that is not among the `stored`, the key that was taken when its turn came: the id, else the
/// name, else the email, else the token. The constraints have refused them; this only asks which.
async fn taken_keys(
    connection: &mut SqliteConnection,
    users: &[User],
    stored: &HashSet<Uuid>,
) -> StorageResult<Vec<UniqueKey>> {
    let turns: HashMap<Uuid, usize> = users
        .iter()
        .enumerate()
        .filter(|(_, user)| stored.contains(&user.id.as_uuid()))
        .map(|(turn, user)| (user.id.as_uuid(), turn))
        .collect();
    let refused = users.iter().enumerate().filter(|(_, user)| !stored.contains(&user.id.as_uuid()));
    let refused: Vec<(usize, &User)> = refused.collect();
    if refused.is_empty() {
        return Ok(Vec::new());
    }
    let keys = refused.iter().map(|(_, user)| {
        let live = user.is_live();
        let name = live.then(|| user.name.canonical());
        let email = user.email.as_ref().filter(|_| live).map(|email| email.as_str());
        json!([hex(user.id.as_uuid()), name, email])
    });
    let keys = Value::Array(keys.collect()).to_string();
    let holders = sqlx::query!(
        r#"SELECT
            EXISTS (SELECT 1 FROM users WHERE id = unhex(value ->> 0)) AS "id!: bool",
            (SELECT id FROM users WHERE name_key = value ->> 1 AND status <> 'deleted')
                AS "name?: Uuid",
            (SELECT id FROM users WHERE email = value ->> 2 AND status <> 'deleted')
                AS "email?: Uuid"
         FROM json_each(?1) ORDER BY key"#,
        keys
    )
    .fetch_all(connection)
    .await
    .map_err(storage_error)?;
    let taken = refused.iter().zip(holders).map(|((turn, _), holders)| {
        // Whoever was stored after this one did not stand in its way.
        let before = |holder: Option<Uuid>| {
            holder.is_some_and(|holder| turns.get(&holder).is_none_or(|other| other < turn))
        };
        if holders.id {
            UniqueKey::Id
        } else if before(holders.name) {
            UniqueKey::Name
        } else if before(holders.email) {
            UniqueKey::Email
        } else {
            UniqueKey::Token
        }
    });
    Ok(taken.collect())
}
