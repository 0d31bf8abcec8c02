//! The schema's versions and the way up.

use sqlx::migrate::{Migrate, Migrator};
use sqlx::{AssertSqlSafe, SqliteConnection, SqlitePool};
use systemprompt_users_domain::StorageResult;

use crate::error::{migrate_error, other, storage_error};
use crate::file::APPLICATION_ID;
use crate::users;

/// The folder `migrations/sqlite` of the repository, part of the binary.
static MIGRATOR: Migrator = sqlx::migrate!("./migrations");

/// The version from which on the tables of the search are there.
const SEARCH_VERSION: i64 = 6;

/// The version from which on names, emails and the search are folded in one way.
const FOLDING_VERSION: i64 = 8;

/// Where a schema stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SchemaVersion {
    /// The version of the database; 0 is an empty one.
    pub current: i64,
    /// The version that this release works with.
    pub latest: i64,
}

impl SchemaVersion {
    /// Whether a migration is due.
    pub const fn is_outdated(&self) -> bool {
        self.current < self.latest
    }
}

/// Goes to the latest version in one transaction, so another process sees the old schema or the new one,
/// and waits while this one is at it.
pub(crate) async fn run(pool: &SqlitePool) -> StorageResult<()> {
    let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await.map_err(storage_error)?;
    let before = version(&mut transaction).await?;
    // `run` does the same, but its future is not `Send` for every caller.
    MIGRATOR.run_direct(None, &mut *transaction, false).await.map_err(migrate_error)?;
    sqlx::query(AssertSqlSafe(format!("PRAGMA application_id = {APPLICATION_ID}")))
        .execute(&mut *transaction)
        .await
        .map_err(storage_error)?;
    users::tune_index(&mut transaction).await?;
    if before.current < FOLDING_VERSION {
        users::refold(&mut transaction, before.current >= SEARCH_VERSION).await?;
    }
    if before.current < SEARCH_VERSION {
        users::index_everybody(&mut transaction).await?;
    }
    transaction.commit().await.map_err(storage_error)
}

pub(crate) async fn version(connection: &mut SqliteConnection) -> StorageResult<SchemaVersion> {
    let latest = MIGRATOR.iter().map(|migration| migration.version).max().unwrap_or(0);
    let known: i64 =
        sqlx::query_scalar("SELECT count(*) FROM sqlite_schema WHERE name = '_sqlx_migrations'")
            .fetch_one(&mut *connection)
            .await
            .map_err(storage_error)?;
    if known == 0 {
        return Ok(SchemaVersion { current: 0, latest });
    }
    let applied =
        connection.list_applied_migrations(&MIGRATOR.table_name).await.map_err(migrate_error)?;
    let current = applied.iter().map(|migration| migration.version).max().unwrap_or(0);
    if current > latest {
        return Err(other(format!(
            "schema {current} is newer than this release, which knows {latest}"
        )));
    }
    Ok(SchemaVersion { current, latest })
}
