//! The schema: bringing it up to date, and how far it is.

use sqlx::PgConnection;
use sqlx::migrate::{MigrateError, Migrator};
use systemprompt_users_domain::{StorageError, StorageResult};

use crate::error::storage_error;
use crate::users::{refold, search_index};

static MIGRATIONS: Migrator = sqlx::migrate!();

pub(crate) async fn run(connection: &mut PgConnection) -> StorageResult<()> {
    MIGRATIONS.run_direct(None, connection, false).await.map_err(|error| match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => {
            storage_error(error)
        }
        other => StorageError::Other(Box::new(other)),
    })?;
    refold::fill_pending(connection).await?;
    search_index::fill_pending(connection).await
}

pub(crate) async fn version(connection: &mut PgConnection) -> StorageResult<(i64, i64)> {
    let latest = MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or(0);
    // Not checked at compile time: the table belongs to the driver, and may not be there yet.
    let is_there = sqlx::query_scalar("SELECT to_regclass('_sqlx_migrations') IS NOT NULL");
    if !is_there.fetch_one(&mut *connection).await.map_err(storage_error)? {
        return Ok((0, latest));
    }
    let current =
        sqlx::query_scalar("SELECT COALESCE(max(version), 0) FROM _sqlx_migrations WHERE success");
    let current = current.fetch_one(connection).await.map_err(storage_error)?;
    Ok((current, latest))
}
