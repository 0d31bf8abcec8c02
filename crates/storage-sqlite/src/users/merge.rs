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
const SETTINGS: [(&str, i64); 4] = [
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

/// What the smallest change may have merged, in pages: far more than it adds itself.
const LEAST_PAGES: usize = 4;

/// Of how many bytes of documents a page comes to be merged. A page of the index holds some 13 kB of them; each is
/// merged once for each of the up to four sizes that the parts of a million users have.
const BYTES_A_PAGE: usize = 3_000;

/// Of how many removed documents a page comes to be merged: what they leave is seldom a tenth of a page.
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
