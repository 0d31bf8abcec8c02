//! Storing new users, and telling which key keeps one out.

use std::collections::{HashMap, HashSet};

use systemprompt_users_domain::{
    InsertOutcome, StorageError, StorageResult, UniqueKey, User, UserId,
};
use uuid::Uuid;

use super::copy;
use super::one;
use super::row::UserColumns;
use super::search_index;
use crate::copy::MANY;
use crate::unit::Unit;

/// How often a user is tried again whose key was taken, and free when we looked by whom.
const ATTEMPTS: usize = 3;

pub(super) async fn many(unit: &mut Unit, users: &[User]) -> StorageResult<Vec<InsertOutcome>> {
    let mut outcomes = Vec::with_capacity(users.len());
    for run in runs_of_unique_ids(users) {
        outcomes.extend(insert_run(unit, run).await?);
    }
    Ok(outcomes)
}

/// Cuts before each id that was there already, so that within a run an id names one user. Ids come from a
/// random source, so this is one run.
fn runs_of_unique_ids(users: &[User]) -> Vec<&[User]> {
    let mut runs = Vec::new();
    let mut seen = HashSet::new();
    let mut begin = 0;
    for (place, user) in users.iter().enumerate() {
        if !seen.insert(user.id) {
            runs.extend(users.get(begin..place));
            seen = HashSet::from([user.id]);
            begin = place;
        }
    }
    runs.extend(users.get(begin..).filter(|rest| !rest.is_empty()));
    runs
}

async fn insert_run(unit: &mut Unit, users: &[User]) -> StorageResult<Vec<InsertOutcome>> {
    let all: Vec<&User> = users.iter().collect();
    if is_copied(unit, &all).await? {
        return Ok(vec![InsertOutcome::Inserted; users.len()]);
    }
    let mut inserted = insert(unit, &all).await?;
    let mut conflicts = HashMap::new();
    for attempt in 1.. {
        let open: Vec<&User> = users
            .iter()
            .filter(|user| !inserted.contains(&user.id) && !conflicts.contains_key(&user.id))
            .collect();
        if open.is_empty() {
            break;
        }
        let holders = holders(unit, &open).await?;
        let later = Places::of(users, &inserted);
        for user in &open {
            if let Some(key) = taken_key(user, &holders, &later) {
                conflicts.insert(user.id, key);
            }
        }
        // Whoever kept the others out is gone meanwhile.
        let again = open.into_iter().filter(|user| !conflicts.contains_key(&user.id));
        let again: Vec<&User> = again.collect();
        if again.is_empty() {
            break;
        }
        if attempt > ATTEMPTS {
            let message = "other units take and free the same keys all the time";
            return Err(StorageError::Unavailable(message.into()));
        }
        inserted.extend(insert(unit, &again).await?);
    }
    let outcome = |user: &User| match conflicts.get(&user.id) {
        Some(key) => InsertOutcome::Conflict(*key),
        None => InsertOutcome::Inserted,
    };
    Ok(users.iter().map(outcome).collect())
}

/// Stores all of `users` in the quickest way, if they are many and each key is free; or none.
///
/// The constraints decide. Holders are looked for first since a copy that fails has written rows for nothing,
/// of which an import that is run once more would leave as many as there are users.
async fn is_copied(unit: &mut Unit, users: &[&User]) -> StorageResult<bool> {
    if users.len() < MANY || !holders(unit, users).await?.is_empty() {
        return Ok(false);
    }
    if !copy::insert(unit, users).await? {
        return Ok(false);
    }
    search_index::add(unit, users).await?;
    Ok(true)
}

/// Stores those that it can, and answers which.
async fn insert(unit: &mut Unit, users: &[&User]) -> StorageResult<HashSet<UserId>> {
    if let [user] = users {
        if !one::insert(unit, user).await? {
            return Ok(HashSet::new());
        }
        search_index::add(unit, users).await?;
        return Ok(HashSet::from([user.id]));
    }
    let columns = UserColumns::of(users.iter().copied());
    let ids = sqlx::query_scalar!(
        "INSERT INTO users (
            id, name, name_key, email, email_verified, full_name, display_name, avatar_url, status,
            roles, is_bot, fingerprint, token_hash, created_at, updated_at, last_active_at,
            deleted_at, status_before_delete, merged_into, legal_hold, version
        )
        SELECT * FROM unnest(
            $1::uuid[], $2::text[], $3::text[], $4::text[], $5::boolean[], $6::text[], $7::text[],
            $8::text[], $9::text[], $10::smallint[], $11::boolean[], $12::text[], $13::bytea[],
            $14::timestamptz[], $15::timestamptz[], $16::timestamptz[], $17::timestamptz[],
            $18::text[], $19::uuid[], $20::boolean[], $21::bigint[]
        )
        ON CONFLICT DO NOTHING RETURNING id",
        &columns.ids,
        &columns.names as _,
        &columns.name_keys as _,
        &columns.emails as _,
        &columns.emails_verified,
        &columns.full_names as _,
        &columns.display_names as _,
        &columns.avatar_urls as _,
        &columns.statuses as _,
        &columns.roles,
        &columns.are_bots,
        &columns.fingerprints as _,
        &columns.token_hashes as _,
        &columns.created_at,
        &columns.updated_at,
        &columns.last_active_at,
        &columns.deleted_at as _,
        &columns.statuses_before_delete as _,
        &columns.merged_into as _,
        &columns.legal_holds,
        &columns.versions,
    )
    .fetch_all(unit.writer()?)
    .await;
    let inserted: HashSet<_> = unit.done(ids)?.into_iter().map(UserId::from_uuid).collect();
    let new: Vec<&User> =
        users.iter().copied().filter(|user| inserted.contains(&user.id)).collect();
    search_index::add(unit, &new).await?;
    Ok(inserted)
}

/// Where in the batch the users stand that were stored with it.
struct Places(HashMap<Uuid, usize>, HashMap<UserId, usize>);

impl Places {
    fn of(users: &[User], inserted: &HashSet<UserId>) -> Self {
        let places = users.iter().enumerate();
        let all = places.clone().map(|(place, user)| (user.id, place)).collect();
        let stored = places
            .filter(|(_, user)| inserted.contains(&user.id))
            .map(|(place, user)| (user.id.as_uuid(), place))
            .collect();
        Self(stored, all)
    }

    /// Whether `holder` came into the storage after `user` had been refused.
    fn is_later(&self, holder: Uuid, user: UserId) -> bool {
        matches!((self.0.get(&holder), self.1.get(&user)), (Some(stored), Some(refused)) if stored > refused)
    }
}

/// A stored user that holds a key which one of ours asks for.
struct Holder {
    id: Uuid,
    name_key: String,
    email: Option<String>,
    token_hash: Option<Vec<u8>>,
    is_live: bool,
}

async fn holders(unit: &mut Unit, users: &[&User]) -> StorageResult<Vec<Holder>> {
    let columns = UserColumns::of(users.iter().copied());
    let emails: Vec<&str> = columns.emails.iter().copied().flatten().collect();
    let tokens: Vec<&[u8]> = columns.token_hashes.iter().copied().flatten().collect();
    let holders = sqlx::query_as!(
        Holder,
        r#"SELECT id AS "id!", name_key AS "name_key!", email, token_hash,
            status <> 'deleted' AS "is_live!"
        FROM users WHERE id = ANY($1)
        UNION ALL
        SELECT id, name_key, email, token_hash, true
        FROM users WHERE name_key = ANY($2) AND status <> 'deleted'
        UNION ALL
        SELECT id, name_key, email, token_hash, true
        FROM users WHERE email = ANY($3) AND status <> 'deleted' AND email IS NOT NULL
        UNION ALL
        SELECT id, name_key, email, token_hash, status <> 'deleted'
        FROM users WHERE token_hash = ANY($4) AND token_hash IS NOT NULL"#,
        &columns.ids,
        &columns.name_keys as _,
        &emails as _,
        &tokens as _,
    )
    .fetch_all(unit.writer()?)
    .await;
    unit.done(holders)
}

/// The first key of `user` that was taken when it was its turn.
fn taken_key(user: &User, holders: &[Holder], places: &Places) -> Option<UniqueKey> {
    let email = user.email.as_ref().map(|email| email.as_str());
    let token = user.token_hash.as_ref().map(|hash| hash.as_bytes().as_slice());
    let others = || holders.iter().filter(|holder| !places.is_later(holder.id, user.id));
    let live = || others().filter(|holder| user.is_live() && holder.is_live);
    if others().any(|holder| holder.id == user.id.as_uuid()) {
        Some(UniqueKey::Id)
    } else if live().any(|holder| holder.name_key == user.name.canonical()) {
        Some(UniqueKey::Name)
    } else if live().any(|holder| email.is_some() && holder.email.as_deref() == email) {
        Some(UniqueKey::Email)
    } else if others().any(|holder| token.is_some() && holder.token_hash.as_deref() == token) {
        Some(UniqueKey::Token)
    } else {
        None
    }
}
