#![doc = include_str!("../README.md")]

mod address_file;
mod redact;
mod url;

use async_trait::async_trait;
use systemprompt_users_domain::{
    ChangeSignal, Result, Storage, StorageResult, UnitOfWork, UserError,
};
use systemprompt_users_memory::MemoryStorage;
use systemprompt_users_postgres::{PostgresOptions, PostgresStorage, UrlError};
use systemprompt_users_sqlite::{SqliteOptions, SqliteStorage};

pub use address_file::{address_file, sqlite_file};
pub use redact::redact_urls;

use crate::url::{DatabaseUrl, SqliteFile};

/// A storage chosen by a URL. A clone is a handle to the same data.
#[derive(Clone)]
pub struct DbPool {
    backend: Backend,
}

#[derive(Clone)]
enum Backend {
    Memory(MemoryStorage),
    Sqlite(SqliteStorage),
    Postgres(PostgresStorage),
}

/// Which adapter a [`DbPool`] uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BackendKind {
    /// Everything is gone with the last handle.
    Memory,
    /// One file on this machine.
    Sqlite,
    /// A server that several hosts share.
    Postgres,
}

/// How far the schema of a database is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SchemaVersion {
    /// The last migration that was applied; 0 is none.
    pub current: i64,
    /// The last migration that this program knows.
    pub latest: i64,
}

impl DbPool {
    /// Connects to `memory:`, `sqlite://path` or `postgres://user@host/name`. It does not migrate.
    ///
    /// The file of `sqlite://path` and its folder are made if absent, readable for this account alone;
    /// `sqlite://path?mode=rw` makes none. What is special in a URL is percent-encoded (`%20`, `%3F`, `%25`), and
    /// `~/` is the home folder. A file of another program is refused and left as it is.
    ///
    /// A Postgres URL may name several hosts, `postgres://user@host1:5432,host2:5433/name`, or
    /// `postgres:///name?host=host1,host2&port=5432,5433`. They are tried in turn, each for at most `connect_timeout`
    /// seconds (3), until one takes changes, as `target_session_attrs=read-write` (the default) says; after a failover
    /// the pool moves on to the new primary by itself. `primary` and `any` ask for less. A connection is used for
    /// `max_connection_age` seconds (900; 0 is forever). The readme of `systemprompt-users-postgres` lists all options.
    ///
    /// # Errors
    /// `Validation` of `database` when the URL is none of these, or has an option that is not known; the message never
    /// repeats what may hold a password. `Storage` when no server answers, or none that takes changes.
    pub async fn connect(url: &str) -> Result<Self> {
        Self::connect_to(DatabaseUrl::parse(url)?).await
    }

    /// Connects like [`connect`](Self::connect), but makes no file: for those who only read, and would otherwise
    /// find an empty database behind a path that is mistyped.
    ///
    /// # Errors
    /// As for [`connect`](Self::connect); `Storage` when the file is not there.
    pub async fn connect_existing(url: &str) -> Result<Self> {
        let mut url = DatabaseUrl::parse(url)?;
        if let DatabaseUrl::Sqlite(file) = &mut url {
            file.create = false;
        }
        Self::connect_to(url).await
    }

    async fn connect_to(url: DatabaseUrl<'_>) -> Result<Self> {
        let backend = match url {
            DatabaseUrl::Memory => Backend::Memory(MemoryStorage::new()),
            DatabaseUrl::Sqlite(SqliteFile { path, create }) => {
                let options = SqliteOptions { create, ..SqliteOptions::new(path) };
                Backend::Sqlite(SqliteStorage::connect_with(options).await?)
            }
            DatabaseUrl::Postgres(url) => {
                PostgresStorage::check_url(url).map_err(|error| not_a_url("database", &error))?;
                Backend::Postgres(PostgresStorage::connect(url).await?)
            }
        };
        Ok(Self { backend })
    }

    /// The same with a replica of a Postgres database, from which lists, searches, counts and statistics come:
    /// what may lag behind, and never what something is decided by. While it does not answer they come from
    /// the primary, and nothing waits for it.
    ///
    /// # Errors
    /// As for [`connect`](Self::connect); `Validation` of `replica` when one of the two is no Postgres database;
    /// `Storage` when the schema of the replica is behind that of the primary.
    pub async fn connect_with_replica(url: &str, replica_url: &str) -> Result<Self> {
        let (DatabaseUrl::Postgres(url), Ok(DatabaseUrl::Postgres(replica_url))) =
            (DatabaseUrl::parse(url)?, DatabaseUrl::parse(replica_url))
        else {
            let message = "a replica is a Postgres database, and so is what it is a replica of";
            return Err(UserError::validation("replica", message));
        };
        PostgresStorage::check_url(url).map_err(|error| not_a_url("database", &error))?;
        PostgresStorage::check_replica_url(replica_url)
            .map_err(|error| not_a_url("replica", &error))?;
        let options = PostgresOptions::default();
        let postgres = PostgresStorage::connect_with_replica(url, replica_url, options).await?;
        Ok(Self { backend: Backend::Postgres(postgres) })
    }

    /// Whether the replica is asked, or passed over because it does not answer or its schema is behind; `None`
    /// when there is none.
    pub fn replica_in_use(&self) -> Option<bool> {
        match &self.backend {
            Backend::Memory(_) | Backend::Sqlite(_) => None,
            Backend::Postgres(postgres) => postgres.replica_in_use(),
        }
    }

    /// Brings the schema up to date; nothing happens when it is. Safe on a running system, and when several
    /// hosts do it at once.
    ///
    /// # Errors
    /// `Storage`.
    pub async fn migrate(&self) -> Result<()> {
        match &self.backend {
            Backend::Memory(_) => {}
            Backend::Sqlite(sqlite) => sqlite.migrate().await?,
            Backend::Postgres(postgres) => postgres.migrate().await?,
        }
        Ok(())
    }

    /// How far the schema is.
    ///
    /// # Errors
    /// `Storage`.
    pub async fn schema_version(&self) -> Result<SchemaVersion> {
        Ok(match &self.backend {
            Backend::Memory(_) => SchemaVersion { current: 0, latest: 0 },
            Backend::Sqlite(sqlite) => {
                let version = sqlite.schema_version().await?;
                SchemaVersion { current: version.current, latest: version.latest }
            }
            Backend::Postgres(postgres) => {
                let (current, latest) = postgres.schema_version().await?;
                SchemaVersion { current, latest }
            }
        })
    }

    /// Which adapter it uses.
    pub const fn kind(&self) -> BackendKind {
        match &self.backend {
            Backend::Memory(_) => BackendKind::Memory,
            Backend::Sqlite(_) => BackendKind::Sqlite,
            Backend::Postgres(_) => BackendKind::Postgres,
        }
    }

    /// Closes all connections, of all handles; what is under way is finished first.
    ///
    /// # Errors
    /// `Storage` when a connection could not be closed in order.
    pub async fn close(&self) -> Result<()> {
        match &self.backend {
            Backend::Memory(_) => {}
            Backend::Sqlite(sqlite) => sqlite.close().await?,
            Backend::Postgres(postgres) => postgres.close().await,
        }
        Ok(())
    }
}

fn not_a_url(field: &'static str, error: &UrlError) -> UserError {
    UserError::validation(field, error.to_string())
}

#[async_trait]
impl Storage for DbPool {
    async fn read(&self) -> StorageResult<Box<dyn UnitOfWork>> {
        match &self.backend {
            Backend::Memory(memory) => memory.read().await,
            Backend::Sqlite(sqlite) => sqlite.read().await,
            Backend::Postgres(postgres) => postgres.read().await,
        }
    }

    async fn read_lagging(&self) -> StorageResult<Box<dyn UnitOfWork>> {
        match &self.backend {
            Backend::Memory(memory) => memory.read_lagging().await,
            Backend::Sqlite(sqlite) => sqlite.read_lagging().await,
            Backend::Postgres(postgres) => postgres.read_lagging().await,
        }
    }

    async fn write(&self) -> StorageResult<Box<dyn UnitOfWork>> {
        match &self.backend {
            Backend::Memory(memory) => memory.write().await,
            Backend::Sqlite(sqlite) => sqlite.write().await,
            Backend::Postgres(postgres) => postgres.write().await,
        }
    }

    async fn signal(&self) -> StorageResult<Box<dyn ChangeSignal>> {
        match &self.backend {
            Backend::Memory(memory) => memory.signal().await,
            Backend::Sqlite(sqlite) => sqlite.signal().await,
            Backend::Postgres(postgres) => postgres.signal().await,
        }
    }
}

impl std::fmt::Debug for DbPool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DbPool").field("kind", &self.kind()).finish_non_exhaustive()
    }
}
