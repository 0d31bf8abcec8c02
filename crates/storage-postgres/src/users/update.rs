//! Replacing stored users, all or none.

use std::collections::{HashMap, HashSet};

use systemprompt_users_domain::{StorageError, StorageResult, UniqueKey, User, UserId};
use uuid::Uuid;

use super::one;
use super::row::UserColumns;
use super::search_index::{self, Searchable};
use crate::unit::Unit;

pub(super) async fn many(unit: &mut Unit, users: &[User]) -> StorageResult<()> {
    let users = &distinct(users)?;
    let stored = lock(unit, users).await?;
    for user in users {
        match stored.get(&user.id.as_uuid()) {
            Some(row) if row.version.checked_add(1) == Some(user.version) => {}
            _ => return Err(StorageError::Stale),
        }
    }
    // Only a key that is new can be taken; where there is none, nothing can fail that has to be undone.
    let may_conflict = users
        .iter()
        .any(|user| stored.get(&user.id.as_uuid()).is_none_or(|row| row.differs_in_keys(user)));
    if may_conflict {
        replace_undoably(unit, users).await?;
    } else {
        let result = replace(unit, users).await?;
        unit.done(result)?;
    }
    search_index::update(unit, users, &stored).await
}

/// One of each; the same user in two states can't both follow from the stored one.
fn distinct(users: &[User]) -> StorageResult<Vec<&User>> {
    let mut by_id: HashMap<UserId, &User> = HashMap::with_capacity(users.len());
    let mut distinct = Vec::with_capacity(users.len());
    for user in users {
        match by_id.insert(user.id, user) {
            None => distinct.push(user),
            Some(other) if other == user => {}
            Some(_) => return Err(StorageError::Stale),
        }
    }
    Ok(distinct)
}

/// What is stored of a user that decides whether it may be replaced.
pub(super) struct Stored {
    version: i64,
    name_key: String,
    email: Option<String>,
    token_hash: Option<Vec<u8>>,
    is_live: bool,
    pub(super) searchable: Searchable,
}

/// The same as a row.
struct StoredRow {
    id: Uuid,
    version: i64,
    name_key: String,
    email: Option<String>,
    token_hash: Option<Vec<u8>>,
    is_live: bool,
    cell: i16,
    search_text: Option<String>,
    visitor_text: Option<String>,
}

/// Selects it; what follows the tables is the argument.
macro_rules! stored {
    ($tail:literal, $argument:expr) => {
        sqlx::query_as!(
            StoredRow,
            r#"SELECT u.id, u.version, u.name_key, u.email, u.token_hash,
            u.status <> 'deleted' AS "is_live!", u.cell AS "cell!", s.search_text, s.visitor_text
        FROM users u LEFT JOIN user_search s ON s.user_id = u.id "# + $tail,
            $argument
        )
    };
}

impl StoredRow {
    fn into_stored(self) -> Stored {
        Stored {
            version: self.version,
            name_key: self.name_key,
            email: self.email,
            token_hash: self.token_hash,
            is_live: self.is_live,
            searchable: Searchable {
                cell: self.cell,
                search_text: self.search_text,
                visitor_text: self.visitor_text,
            },
        }
    }
}

impl Stored {
    fn differs_in_keys(&self, user: &User) -> bool {
        let token = user.token_hash.as_ref().map(|hash| hash.as_bytes().as_slice());
        let takes_token = token.is_some() && self.token_hash.as_deref() != token;
        let email = user.email.as_ref().map(|email| email.as_str());
        let takes_keys = !self.is_live
            || self.name_key != user.name.canonical()
            || (email.is_some() && self.email.as_deref() != email);
        takes_token || (user.is_live() && takes_keys)
    }
}

async fn lock(unit: &mut Unit, users: &[&User]) -> StorageResult<HashMap<Uuid, Stored>> {
    let rows = if let [user] = users {
        stored!("WHERE u.id = $1 FOR NO KEY UPDATE OF u", user.id.as_uuid())
            .fetch_all(unit.writer()?)
            .await
    } else {
        let ids: Vec<Uuid> = users.iter().map(|user| user.id.as_uuid()).collect();
        stored!("WHERE u.id = ANY($1) ORDER BY u.id FOR NO KEY UPDATE OF u", &ids)
            .fetch_all(unit.writer()?)
            .await
    };
    Ok(unit.done(rows)?.into_iter().map(|row| (row.id, row.into_stored())).collect())
}

async fn replace_undoably(unit: &mut Unit, users: &[&User]) -> StorageResult<()> {
    unit.run("SAVEPOINT replace_users").await?;
    let mut result = replace(unit, users).await?;
    if is_conflict(&result) {
        unit.run("ROLLBACK TO SAVEPOINT replace_users").await?;
        if let Some(key) = taken_key(unit, users).await? {
            unit.run("RELEASE SAVEPOINT replace_users").await?;
            let source = result.err().map(|error| Box::new(error) as _);
            return Err(StorageError::Conflict { key, source });
        }
        // Users of this batch pass keys on to each other, and a unique index looks at each row in turn.
        give_up_keys(unit, users).await?;
        result = replace(unit, users).await?;
    }
    let result = unit.done(result);
    match &result {
        Ok(()) => unit.run("RELEASE SAVEPOINT replace_users").await?,
        Err(_) => unit.run("ROLLBACK TO SAVEPOINT replace_users").await?,
    }
    result
}

fn is_conflict(result: &sqlx::Result<()>) -> bool {
    matches!(result, Err(sqlx::Error::Database(error)) if error.is_unique_violation())
}

/// The key that two users of the batch, or one of it and another, would share.
async fn taken_key(unit: &mut Unit, users: &[&User]) -> StorageResult<Option<UniqueKey>> {
    let columns = UserColumns::of(users.iter().copied().filter(|user| user.is_live()));
    let emails: Vec<&str> = columns.emails.iter().copied().flatten().collect();
    let everybody = UserColumns::of(users.iter().copied());
    let tokens: Vec<&[u8]> = everybody.token_hashes.iter().copied().flatten().collect();
    let taken = sqlx::query!(
        r#"SELECT
            EXISTS (SELECT 1 FROM users WHERE name_key = ANY($1) AND status <> 'deleted'
                AND id <> ALL($4)) AS "name!",
            EXISTS (SELECT 1 FROM users WHERE email = ANY($2) AND status <> 'deleted'
                AND email IS NOT NULL AND id <> ALL($4)) AS "email!",
            EXISTS (SELECT 1 FROM users WHERE token_hash = ANY($3) AND token_hash IS NOT NULL
                AND id <> ALL($4)) AS "token!""#,
        &columns.name_keys as _,
        &emails as _,
        &tokens as _,
        &everybody.ids,
    )
    .fetch_one(unit.writer()?)
    .await;
    let taken = unit.done(taken)?;
    Ok(if taken.name || has_double(&columns.name_keys) {
        Some(UniqueKey::Name)
    } else if taken.email || has_double(&emails) {
        Some(UniqueKey::Email)
    } else if taken.token || has_double(&tokens) {
        Some(UniqueKey::Token)
    } else {
        None
    })
}

fn has_double<T: Eq + std::hash::Hash>(values: &[T]) -> bool {
    values.iter().collect::<HashSet<_>>().len() < values.len()
}

/// Leaves the users with keys that nobody can ask for, until they get their new ones.
async fn give_up_keys(unit: &mut Unit, users: &[&User]) -> StorageResult<()> {
    let ids: Vec<Uuid> = users.iter().map(|user| user.id.as_uuid()).collect();
    let result = sqlx::query!(
        r"UPDATE users SET name_key = E'\x01' || id::text, email = NULL, token_hash = NULL
        WHERE id = ANY($1)",
        &ids,
    )
    .execute(unit.writer()?)
    .await;
    unit.done(result).map(|_| ())
}

/// The driver's own result inside, since a conflict is not the end here.
async fn replace(unit: &mut Unit, users: &[&User]) -> StorageResult<sqlx::Result<()>> {
    if let [user] = users {
        return one::replace(unit, user).await;
    }
    let columns = UserColumns::of(users.iter().copied());
    let result = sqlx::query!(
        "UPDATE users u SET
            name = n.name, name_key = n.name_key, email = n.email,
            email_verified = n.email_verified, full_name = n.full_name,
            display_name = n.display_name, avatar_url = n.avatar_url, status = n.status,
            roles = n.roles, is_bot = n.is_bot, fingerprint = n.fingerprint,
            token_hash = n.token_hash, created_at = n.created_at, updated_at = n.updated_at,
            last_active_at = n.last_active_at, deleted_at = n.deleted_at,
            status_before_delete = n.status_before_delete, merged_into = n.merged_into,
            legal_hold = n.legal_hold, version = n.version
        FROM unnest(
            $1::uuid[], $2::text[], $3::text[], $4::text[], $5::boolean[], $6::text[], $7::text[],
            $8::text[], $9::text[], $10::smallint[], $11::boolean[], $12::text[], $13::bytea[],
            $14::timestamptz[], $15::timestamptz[], $16::timestamptz[], $17::timestamptz[],
            $18::text[], $19::uuid[], $20::boolean[], $21::bigint[]
        ) AS n (
            id, name, name_key, email, email_verified, full_name, display_name, avatar_url, status,
            roles, is_bot, fingerprint, token_hash, created_at, updated_at, last_active_at,
            deleted_at, status_before_delete, merged_into, legal_hold, version
        )
        WHERE u.id = n.id",
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
    .execute(unit.writer()?)
    .await;
    Ok(result.map(|_| ()))
}
