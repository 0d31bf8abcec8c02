//! Keeping the index of runs (table `user_grams`) short: how much of it is merged with each change.
//!
//! The index is a pile of sorted parts, one more with each unit that changes it; merged, they are found in sooner.
//! Left to itself SQLite merges in portions that take as long as 100 ms, while whoever writes waits. Here a change merges
//! in proportion to its size: a unit that changes little is never held up by much.

use std::ops::Add;

use sqlx::SqliteConnection;
use systemprompt_users_domain::StorageResult;

use crate::error::storage_error;

/// How the index is kept, in the file; `usermerge` parts of a size become one.
const SETTINGS: [(&str, i64); 5] = [
    // In bytes: a batch of an import becomes one part, not two.
    ("hashsize", 2 * 1024 * 1024),
    // Nothing but what is asked for below.
    ("automerge", 0),
    ("usermerge", 8),
    // So many parts of a size would be merged at once, in one go, however long it takes: never comes to that.
    ("crisismerge", 64),
    // A part is written anew when this percentage of it has been removed.
    ("deletemerge", 25),
];

/// How many pages a change has merged at the most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Effort {
    pages: usize,
}

/// What the smallest change may have merged, in pages: more than it adds itself, and no more than a millisecond.
const LEAST_PAGES: usize = 2;

/// Of how many bytes of documents a page comes to be merged. A page of the index holds some 3,300 of them, and is merged
/// once for each of the three sizes that the parts of a million imported users have.
const BYTES_A_PAGE: usize = 1_000;

/// Of how many removed documents a page comes to be merged. A document takes about a tenth of a page, and of each that
/// is removed three that stay are written anew.
const REMOVED_A_PAGE: usize = 4;

impl Effort {
    /// Nothing was changed.
    pub(crate) const NONE: Self = Self { pages: 0 };

    /// Documents of so many bytes were added.
    pub(crate) const fn of_added(bytes: usize) -> Self {
        Self { pages: LEAST_PAGES + bytes / BYTES_A_PAGE }
    }

    /// So many documents were removed.
    pub(crate) const fn of_removed(documents: usize) -> Self {
        Self { pages: LEAST_PAGES + documents / REMOVED_A_PAGE }
    }
}

impl Add for Effort {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { pages: self.pages.saturating_add(other.pages) }
    }
}

/// Merges what there is to be merged, but no more than that.
pub(crate) async fn run(connection: &mut SqliteConnection, effort: Effort) -> StorageResult<()> {
    if effort == Effort::NONE {
        return Ok(());
    }
    let pages = i64::try_from(effort.pages).unwrap_or(i64::MAX).min(i64::from(i32::MAX));
    sqlx::query!("INSERT INTO user_grams (user_grams, rank) VALUES ('merge', ?1)", pages)
        .execute(connection)
        .await
        .map_err(storage_error)?;
    Ok(())
}

/// Writes the settings of the index into the file, where they are not there yet.
pub(crate) async fn tune(connection: &mut SqliteConnection) -> StorageResult<()> {
    for (name, value) in SETTINGS {
        let is: Option<i64> = sqlx::query_scalar("SELECT v FROM user_grams_config WHERE k = ?1")
            .bind(name)
            .fetch_optional(&mut *connection)
            .await
            .map_err(storage_error)?;
        if is != Some(value) {
            sqlx::query("INSERT INTO user_grams (user_grams, rank) VALUES (?1, ?2)")
                .bind(name)
                .bind(value)
                .execute(&mut *connection)
                .await
                .map_err(storage_error)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use sqlx::sqlite::SqliteConnectOptions;
    use sqlx::{ConnectOptions, Connection};

    use super::super::index::{self, Entry, Indexed};
    use super::*;
    use crate::SqliteStorage;

    async fn parts(connection: &mut SqliteConnection) -> i64 {
        sqlx::query_scalar("SELECT count(DISTINCT segid) FROM user_grams_idx")
            .fetch_one(connection)
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn a_change_is_one_part_and_many_are_merged_into_few() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users.db");
        let storage = SqliteStorage::connect(&path).await.unwrap();
        storage.migrate().await.unwrap();
        storage.close().await.unwrap();
        let options = SqliteConnectOptions::new().filename(&path).foreign_keys(true);
        let mut connection = options.connect().await.unwrap();
        let mut most = 0;
        for change in 0..40 {
            // In no order, as users of the same millisecond have their places.
            let entries = [7, 3, 9, 1].map(|n| Entry {
                place: change * 10 + n,
                cell: 8,
                anonymous: false,
                fields: vec![format!("user {change} {n}")],
            });
            index::add(&mut connection, &entries.clone().map(Indexed::from)).await.unwrap();
            most = most.max(parts(&mut connection).await);
            if change == 0 {
                assert_eq!(most, 1);
            }
            if change % 4 == 0 {
                index::remove(&mut connection, &entries).await.unwrap();
            }
        }
        // Seven of the smallest size and a few of the next.
        assert!((2..=14).contains(&most), "{most}");
        connection.close().await.unwrap();
    }

    #[test]
    fn the_effort_grows_with_the_change() {
        assert_eq!(Effort::NONE + Effort::NONE, Effort::NONE);
        let (little, much) = (Effort::of_added(300), Effort::of_added(600_000));
        assert_eq!((little.pages, much.pages), (2, 602));
        assert_eq!((Effort::of_removed(100) + little).pages, 29);
    }
}
