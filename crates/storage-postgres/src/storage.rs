//! The adapter's public face.

use std::fmt;

use async_trait::async_trait;
use systemprompt_users_domain::{ChangeSignal, Storage, StorageError, StorageResult, UnitOfWork};

use crate::migrate;
use crate::pool::Pool;
use crate::replica::{self, Replica};
use crate::server::{Purpose, ServerUrl, Servers};
use crate::unit::Unit;
use crate::{PostgresOptions, UrlError};

/// A Postgres database, version 15 or newer. A clone is a handle to the same connections.
#[derive(Clone)]
pub struct PostgresStorage {
    pool: Pool,
    replica: Option<Replica>,
}

impl PostgresStorage {
    /// Connects to `postgres://user:password@host:port/database` with the default options. The readme tells of
    /// several hosts, and of the options of a URL.
    ///
    /// # Errors
    /// `Other` with a [`UrlError`] when the URL is none, or has an option that is not known; `Unavailable` when no
    /// server answers that takes changes; `Other` when all refuse for good, such as for a wrong password.
    pub async fn connect(url: &str) -> StorageResult<Self> {
        Self::connect_with(url, PostgresOptions::default()).await
    }

    /// Checks a URL without connecting.
    ///
    /// # Errors
    /// What is wrong with it, and what would be right; never a part of it that may be a password.
    pub fn check_url(url: &str) -> Result<(), UrlError> {
        ServerUrl::parse(url, Purpose::Primary).map(drop)
    }

    /// Checks the URL of a replica without connecting. It may ask for a standby, too.
    ///
    /// # Errors
    /// As for [`PostgresStorage::check_url`].
    pub fn check_replica_url(url: &str) -> Result<(), UrlError> {
        ServerUrl::parse(url, Purpose::Replica).map(drop)
    }

    /// The same with options.
    ///
    /// # Errors
    /// As for [`PostgresStorage::connect`].
    pub async fn connect_with(url: &str, options: PostgresOptions) -> StorageResult<Self> {
        let pool = pool(url, Purpose::Primary, options)?;
        drop(pool.acquire().await?);
        Ok(Self { pool, replica: None })
    }

    /// The same with a replica of the database, which streams or otherwise follows it: units of
    /// [`read_lagging`](Storage::read_lagging) come from there. While it does not answer they come from the
    /// primary, and no unit waits for it.
    ///
    /// # Errors
    /// As for [`PostgresStorage::connect`]; `Other` when the schema of the replica is behind that of the primary.
    pub async fn connect_with_replica(
        url: &str,
        replica_url: &str,
        options: PostgresOptions,
    ) -> StorageResult<Self> {
        let acquire_timeout = options.acquire_timeout.min(replica::PATIENCE);
        let bounded = PostgresOptions { acquire_timeout, ..options.clone() };
        let pool = pool(replica_url, Purpose::Replica, bounded)?;
        let primary = Self::connect_with(url, options).await?;
        let (expected, _) = primary.schema_version().await?;
        let replica = Replica::connect(pool, expected).await?;
        Ok(Self { replica: Some(replica), ..primary })
    }

    /// Whether the replica is asked, or passed over because it does not answer or its schema is behind; `None`
    /// when there is none.
    pub fn replica_in_use(&self) -> Option<bool> {
        self.replica.as_ref().map(Replica::is_in_use)
    }

    /// Brings the schema up to date. Hosts that do it at once wait for each other; hosts that run the
    /// version before go on working.
    ///
    /// # Errors
    /// `Other` when the schema is newer than this program, or was changed by somebody else.
    pub async fn migrate(&self) -> StorageResult<()> {
        let mut connection = self.pool.connect_unbounded().await?;
        migrate::run(&mut connection).await?;
        if let Some(replica) = &self.replica {
            replica.look_again();
        }
        Ok(())
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
        if let Some(replica) = &self.replica {
            replica.close().await;
        }
    }
}

/// A pool, without a connection yet, of the servers that a URL leads to.
fn pool(url: &str, purpose: Purpose, mut options: PostgresOptions) -> StorageResult<Pool> {
    let url = ServerUrl::parse(url, purpose).map_err(|error| StorageError::Other(error.into()))?;
    options.connect_timeout = url.connect_timeout.unwrap_or(options.connect_timeout);
    options.max_connection_age = url.max_connection_age.unwrap_or(options.max_connection_age);
    Ok(Pool::new(Servers::new(url, &options), options))
}

#[async_trait]
impl Storage for PostgresStorage {
    async fn read(&self) -> StorageResult<Box<dyn UnitOfWork>> {
        Ok(Box::new(Unit::reading(self.pool.acquire().await?)))
    }

    async fn read_lagging(&self) -> StorageResult<Box<dyn UnitOfWork>> {
        if let Some(replica) = &self.replica
            && let Some(lease) = replica.acquire().await
        {
            return Ok(Box::new(Unit::lagging(lease)));
        }
        self.read().await
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
