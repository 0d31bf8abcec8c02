//! What a search looks into: the folded fields of users, in tables of their own.

use std::collections::{BTreeMap, HashMap};

use sqlx::{Connection, PgConnection};
use systemprompt_users_domain::{StorageResult, User, search_fields};
use uuid::Uuid;

use super::cell;
use super::copy;
use super::row::{into_users, users};
use super::update::Stored;
use crate::copy::MANY;
use crate::error::storage_error;
use crate::unit::Unit;

/// Stands before each field, and in none.
pub(super) const SEPARATOR: char = '\u{1F}';

/// What is stored for the search of one user.
pub(super) struct Searchable {
    pub(super) cell: i16,
    pub(super) search_text: Option<String>,
    pub(super) visitor_text: Option<String>,
}

impl Searchable {
    pub(super) fn new(user: &User) -> Self {
        let text: String =
            search_fields(user).into_iter().flat_map(|field| [SEPARATOR.into(), field]).collect();
        let (search_text, visitor_text) =
            if user.is_anonymous() { (None, Some(text)) } else { (Some(text), None) };
        Self { cell: cell::of(user), search_text, visitor_text }
    }

    fn has_same_text(&self, other: &Self) -> bool {
        self.search_text == other.search_text && self.visitor_text == other.visitor_text
    }
}

/// All of it, as one array for each column.
#[derive(Default)]
struct Columns {
    ids: Vec<Uuid>,
    search_texts: Vec<Option<String>>,
    visitor_texts: Vec<Option<String>>,
    term_ids: Vec<Uuid>,
    term_cells: Vec<i16>,
    shared: Vec<i16>,
    terms: Vec<String>,
}

impl Columns {
    fn of<'a>(users: impl IntoIterator<Item = &'a User>) -> Self {
        let mut columns = Self::default();
        for user in users {
            let searchable = Searchable::new(user);
            let (id, cell) = (user.id.as_uuid(), cell::of(user));
            columns.ids.push(id);
            columns.search_texts.push(searchable.search_text);
            columns.visitor_texts.push(searchable.visitor_text);
            for (shared, term) in terms(user) {
                columns.term_ids.push(id);
                columns.term_cells.push(cell);
                columns.shared.push(shared);
                columns.terms.push(term);
            }
        }
        columns
    }
}

/// The different fields of `user` in order, each with how many bytes it has in common with the one before.
pub(super) fn terms(user: &User) -> Vec<(i16, String)> {
    let mut fields = search_fields(user);
    fields.sort_unstable();
    fields.dedup();
    let mut before = String::new();
    let terms = fields.into_iter().map(|field| {
        let shared = before.bytes().zip(field.bytes()).take_while(|(a, b)| a == b).count();
        before.clone_from(&field);
        (i16::try_from(shared).unwrap_or(i16::MAX), field)
    });
    terms.collect()
}

/// Adds what the search needs of new users.
pub(super) async fn add(unit: &mut Unit, users: &[&User]) -> StorageResult<()> {
    if users.is_empty() {
        return Ok(());
    }
    if users.len() >= MANY {
        return copy::add_to_search(unit, users).await;
    }
    let columns = Columns::of(users.iter().copied());
    let result = insert(unit.writer()?, &columns).await;
    unit.done(result)
}

/// Brings what the search has of these users, of whom `stored` is what is there, up to date.
pub(super) async fn update(
    unit: &mut Unit,
    users: &[&User],
    stored: &HashMap<Uuid, Stored>,
) -> StorageResult<()> {
    let mut moved: BTreeMap<i16, Vec<Uuid>> = BTreeMap::new();
    let mut renamed = Vec::new();
    for user in users {
        let new = Searchable::new(user);
        match stored.get(&user.id.as_uuid()).map(|stored| &stored.searchable) {
            Some(old) if old.has_same_text(&new) && old.cell == new.cell => {}
            Some(old) if old.has_same_text(&new) => {
                moved.entry(new.cell).or_default().push(user.id.as_uuid());
            }
            _ => renamed.push(*user),
        }
    }
    for (cell, ids) in moved {
        // An array that the planner does not know the size of: it takes the index whatever it believes of the table.
        let result = sqlx::query!(
            "UPDATE user_terms SET cell = $2 WHERE user_id = ANY (ARRAY(SELECT unnest($1::uuid[])))",
            &ids,
            cell,
        )
        .execute(unit.writer()?)
        .await;
        unit.done(result)?;
    }
    if renamed.is_empty() {
        return Ok(());
    }
    let columns = Columns::of(renamed);
    let result = sqlx::query!("DELETE FROM user_terms WHERE user_id = ANY($1)", &columns.ids)
        .execute(unit.writer()?)
        .await;
    unit.done(result)?;
    let result = insert(unit.writer()?, &columns).await;
    unit.done(result)
}

async fn insert(connection: &mut PgConnection, columns: &Columns) -> sqlx::Result<()> {
    sqlx::query!(
        "WITH searchable AS (
            INSERT INTO user_search (user_id, search_text, visitor_text)
            SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[])
            ON CONFLICT (user_id) DO UPDATE
                SET search_text = excluded.search_text, visitor_text = excluded.visitor_text
        )
        INSERT INTO user_terms (user_id, cell, shared, term)
        SELECT * FROM unnest($4::uuid[], $5::smallint[], $6::smallint[], $7::text[])
        ON CONFLICT (user_id, term) DO UPDATE SET cell = excluded.cell, shared = excluded.shared",
        &columns.ids,
        &columns.search_texts as _,
        &columns.visitor_texts as _,
        &columns.term_ids,
        &columns.term_cells,
        &columns.shared,
        &columns.terms,
    )
    .execute(connection)
    .await
    .map(|_| ())
}

/// How many batches there may be: those of a thousand million users.
const MAX_BATCHES: u32 = 1_000_000;

/// Adds the users that a migration has left to the application, in batches, each of which stays when the
/// next one fails. Hosts that do it at once take turns.
pub(crate) async fn fill_pending(connection: &mut PgConnection) -> StorageResult<()> {
    for _ in 0..MAX_BATCHES {
        if fill_batch(connection).await? == 0 {
            break;
        }
    }
    Ok(())
}

async fn fill_batch(connection: &mut PgConnection) -> StorageResult<usize> {
    let mut transaction = connection.begin().await.map_err(storage_error)?;
    sqlx::query!("SELECT pg_advisory_xact_lock(hashtextextended('systemprompt-users:search', 0))")
        .execute(&mut *transaction)
        .await
        .map_err(storage_error)?;
    let ids = sqlx::query_scalar!(
        "DELETE FROM user_search_pending WHERE user_id IN (
            SELECT user_id FROM user_search_pending ORDER BY user_id LIMIT 1000
        ) RETURNING user_id"
    )
    .fetch_all(&mut *transaction)
    .await
    .map_err(storage_error)?;
    // Without those that this version has changed, and so added, meanwhile.
    let rows = users!(
        "WHERE u.id = ANY($1) AND NOT EXISTS (SELECT 1 FROM user_search s WHERE s.user_id = u.id)
        ORDER BY u.id FOR NO KEY UPDATE",
        &ids
    )
    .fetch_all(&mut *transaction)
    .await
    .map_err(storage_error)?;
    let columns = Columns::of(&into_users(rows)?);
    insert(&mut transaction, &columns).await.map_err(storage_error)?;
    transaction.commit().await.map_err(storage_error)?;
    Ok(ids.len())
}

#[cfg(test)]
mod tests {
    use systemprompt_users_contract::fixtures::{name, user};
    use systemprompt_users_domain::{FullName, SearchMatch, SearchText, User};

    use super::terms;

    /// The rule that the index relies on: of the terms that start with a text, the one that shares less than
    /// the text is long is the one that the user is ranked by.
    #[test]
    fn the_smallest_matching_field_is_told_by_what_it_shares() {
        let user = User {
            name: name("anna"),
            full_name: Some(FullName::parse("Anna Ännchen").unwrap()),
            ..user(1)
        };
        let user = User { email: Some("anna@example.com".parse().unwrap()), ..user };
        for text in ["a", "anna", "anna@", "anna ä", "anna än", "b"] {
            let text = SearchText::parse(text).unwrap();
            let length = i16::try_from(text.as_str().len()).unwrap();
            let told: Vec<_> = terms(&user)
                .into_iter()
                .filter(|(shared, term)| term.starts_with(text.as_str()) && *shared < length)
                .map(|(_, term)| SearchMatch::Prefix(term))
                .collect();
            assert_eq!(told, Vec::from_iter(text.rank(&user)), "{text:?}");
        }
    }
}
