//! The adapter's public face.

use std::fmt;
use std::str::FromStr;

use async_trait::async_trait;
use sqlx::postgres::PgConnectOptions;
use systemprompt_users_domain::{ChangeSignal, Storage, StorageError, StorageResult, UnitOfWork};

use crate::PostgresOptions;
use crate::migrate;
use crate::pool::Pool;
use crate::unit::Unit;

/// A Postgres database, version 15 or newer. A clone is a handle to the same connections.
#[derive(Clone)]
pub struct PostgresStorage {
    pool: Pool,
}

impl PostgresStorage {
    /// Connects to `postgres://user:password@host:port/database` with the default options.
    ///
    /// # Errors
    /// `Other` when the URL is none, `Unavailable` when the server does not answer.
    pub async fn connect(url: &str) -> StorageResult<Self> {
        Self::connect_with(url, PostgresOptions::default()).await
    }

    /// The same with options.
    ///
    /// # Errors
    /// As for [`PostgresStorage::connect`].
    pub async fn connect_with(url: &str, options: PostgresOptions) -> StorageResult<Self> {
        let not_postgres =
            || StorageError::Other("the URL is not one of a Postgres database".into());
        if !["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme)) {
            return Err(not_postgres());
        }
        // The driver's message may repeat the URL, and with it a password.
        let server = PgConnectOptions::from_str(url)
            .map_err(|_| not_postgres())?
            .application_name(&options.application_name);
        let pool = Pool::new(server, options);
        drop(pool.acquire().await?);
        Ok(Self { pool })
    }

    /// Brings the schema up to date. Hosts that do it at once wait for each other; hosts that run the
    /// version before go on working.
    ///
    /// # Errors
    /// `Other` when the schema is newer than this program, or was changed by somebody else.
    pub async fn migrate(&self) -> StorageResult<()> {
        let mut connection = self.pool.connect_unbounded().await?;
        migrate::run(&mut connection).await
    }

    /// The last migration that was applied, and the last one that this program knows; 0 is none.
    ///
    /// # Errors
    /// `Unavailable` when the server does not answer.
    pub async fn schema_version(&self) -> StorageResult<(i64, i64)> {
        let mut connection = self.pool.connect_unbounded().await?;
        migrate::version(&mut connection).await
    }

    /// Lets no unit begin any more, waits for those that are open (no longer than for a connection), and
    /// closes all connections, of all handles.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

#[async_trait]
impl Storage for PostgresStorage {
    async fn read(&self) -> StorageResult<Box<dyn UnitOfWork>> {
        Ok(Box::new(Unit::reading(self.pool.acquire().await?)))
    }

    async fn write(&self) -> StorageResult<Box<dyn UnitOfWork>> {
        Ok(Box::new(Unit::writing(self.pool.acquire().await?).await?))
    }

    async fn signal(&self) -> StorageResult<Box<dyn ChangeSignal>> {
        self.pool.listen().await
    }
}

impl fmt::Debug for PostgresStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStorage").finish_non_exhaustive()
    }
}
