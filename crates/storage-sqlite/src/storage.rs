//! The handle of a database file.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
    SqliteTransaction,
};
use systemprompt_users_domain::{ChangeSignal, Storage, StorageError, StorageResult, UnitOfWork};
use tokio::sync::Semaphore;

use crate::error::{begin_error, other, storage_error};
use crate::file::{self, Guard};
use crate::migrations::{self, SchemaVersion};
use crate::readers::Readers;
use crate::signal::Bell;
use crate::unit::Unit;

/// A database in one file. A clone is a handle of the same one.
///
/// Several handles, also of several processes, can work on one file at a time.
#[derive(Clone)]
pub struct SqliteStorage {
    readers: Arc<Readers>,
    /// One connection: SQLite has one writer at a time.
    writer: SqlitePool,
    /// Who waits in this queue is served in turn, as who waits for SQLite's own lock is not.
    turn: Arc<Semaphore>,
    patience: Duration,
    bell: Bell,
    watcher: Arc<SqliteConnectOptions>,
    guard: Arc<Guard>,
}

/// Where the database is, and how it is worked with.
///
/// ```
/// # use std::time::{Duration, Instant};
/// # use systemprompt_users_sqlite::SqliteOptions;
/// let patient = SqliteOptions {
///     busy_timeout: Duration::from_secs(30),
///     ..SqliteOptions::new("/var/lib/app/users.db")
/// };
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqliteOptions {
    /// The file.
    pub path: PathBuf,
    /// Whether it is made if absent, readable for this account alone, with the folders above it. True.
    pub create: bool,
    /// How long a unit waits for another one, of this process or another, before it is `Unavailable`. 5 s.
    pub busy_timeout: Duration,
    /// How many units can read at a time; more wait their turn. At least 1; 16.
    pub max_readers: usize,
}

impl SqliteOptions {
    /// The defaults for that file.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            create: true,
            busy_timeout: Duration::from_secs(5),
            max_readers: 16,
        }
    }
}

/// Statements that a connection keeps prepared: all there are, and some shapes of lists.
const PREPARED_STATEMENTS: usize = 300;

impl SqliteStorage {
    /// Opens the file; it and the folders above it are made if absent. Call [`SqliteStorage::migrate`]
    /// before the first use.
    ///
    /// # Errors
    /// `Unavailable` when it is locked for too long, `Other` when it can't be opened, is not a database, or is
    /// another program's: that one is left as it is.
    pub async fn connect(path: &Path) -> StorageResult<Self> {
        Self::connect_with(SqliteOptions::new(path)).await
    }

    /// The same with other options.
    ///
    /// # Errors
    /// As for [`SqliteStorage::connect`].
    pub async fn connect_with(options: SqliteOptions) -> StorageResult<Self> {
        file::make(&options.path, options.create)?;
        file::refuse_foreign(&options.path).await?;
        let guard = Arc::new(Guard::new(&options.path)?);
        let writer = connect_writer(&options).await?;
        let readers = Readers::new(
            reader_options(&options),
            Arc::clone(&guard),
            options.max_readers.max(1),
            options.busy_timeout,
        );
        Ok(Self {
            readers: Arc::new(readers),
            writer,
            turn: Arc::new(Semaphore::new(1)),
            patience: options.busy_timeout,
            bell: Bell::default(),
            watcher: Arc::new(reader_options(&options)),
            guard,
        })
    }

    /// Brings the schema up to date. Safe to call at every start and from several processes at once.
    ///
    /// # Errors
    /// `Unavailable` when another process writes for too long, `Other` when the schema is of a newer
    /// release or was changed by hand; the database is then as it was.
    pub async fn migrate(&self) -> StorageResult<()> {
        migrations::run(&self.writer).await
    }

    /// Where the schema stands, and where [`SqliteStorage::migrate`] would bring it.
    ///
    /// # Errors
    /// `Unavailable` or `Other` when the database can't be read.
    pub async fn schema_version(&self) -> StorageResult<SchemaVersion> {
        self.guard.check()?;
        migrations::version(self.readers.acquire().await?.connection()?).await
    }

    /// Waits for the unit that writes, if there is one, and closes the file. Other clones can't be used any
    /// more. Not needed for anything to be durable.
    ///
    /// # Errors
    /// `Other` when a connection can't be closed.
    pub async fn close(&self) -> StorageResult<()> {
        self.readers.close().await?;
        self.writer.close().await;
        Ok(())
    }

    async fn begin(&self) -> sqlx::Result<SqliteTransaction<'static>> {
        const IMMEDIATE: &str = "BEGIN IMMEDIATE";
        match self.writer.begin_with(IMMEDIATE).await {
            // On a full disk SQLite rolls back by itself. The driver then takes the transaction for open, as long
            // as the connection lives.
            Err(sqlx::Error::InvalidSavePointStatement) => {
                // With the last connection SQLite removes the files beside the database.
                self.guard.forget_files_beside();
                self.writer.acquire().await?.close().await?;
                self.writer.begin_with(IMMEDIATE).await
            }
            begun => begun,
        }
    }
}

#[async_trait]
impl Storage for SqliteStorage {
    async fn read(&self) -> StorageResult<Box<dyn UnitOfWork>> {
        self.guard.check_sometimes()?;
        Ok(Box::new(Unit::Read(self.readers.acquire().await?)))
    }

    async fn write(&self) -> StorageResult<Box<dyn UnitOfWork>> {
        let turn = tokio::time::timeout(self.patience, Arc::clone(&self.turn).acquire_owned())
            .await
            .map_err(|elapsed| StorageError::Unavailable(elapsed.into()))?
            .map_err(other)?;
        self.guard.check()?;
        // Immediate: a unit that read first and wrote later could find that another one wrote between.
        let transaction = self.begin().await.map_err(begin_error)?;
        let (bell, guard) = (self.bell.clone(), Arc::clone(&self.guard));
        Ok(Box::new(Unit::Write { transaction, _turn: turn, bell, guard }))
    }

    async fn signal(&self) -> StorageResult<Box<dyn ChangeSignal>> {
        self.bell.signal(&self.watcher, &self.guard).await
    }
}

/// How soon a file is tried again that SQLite calls locked without having waited.
const RETRY_AFTER: Duration = Duration::from_millis(5);

/// Connects the writer, which turns a new file into one with a write-ahead log. Where several connections are at
/// that at once, SQLite waits for none of them and tells one that the file is locked: it tries again.
async fn connect_writer(options: &SqliteOptions) -> StorageResult<SqlitePool> {
    let deadline = Instant::now() + options.busy_timeout;
    loop {
        let connected = SqlitePoolOptions::new()
            .max_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            // The connection is a thread of this process: it does not go away.
            .test_before_acquire(false)
            .connect_with(writer_options(options))
            .await
            .map_err(storage_error);
        match connected {
            Err(StorageError::Unavailable(_)) if Instant::now() < deadline => {
                tokio::time::sleep(RETRY_AFTER).await;
            }
            settled => return settled,
        }
    }
}

/// What all connections share.
fn base_options(options: &SqliteOptions) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(&options.path)
        // Readers and the writer never wait for each other.
        .journal_mode(SqliteJournalMode::Wal)
        // A commit is on the disk before it is acknowledged.
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(options.busy_timeout)
        .statement_cache_capacity(PREPARED_STATEMENTS)
        .pragma("temp_store", "memory")
}

/// The writer keeps 64 MB of pages, so that an import does not read its indexes again and again.
fn writer_options(options: &SqliteOptions) -> SqliteConnectOptions {
    base_options(options)
        .pragma("cache_size", "-65536")
        // After a large unit the log shrinks back to this.
        .pragma("journal_size_limit", "67108864")
}

fn reader_options(options: &SqliteOptions) -> SqliteConnectOptions {
    base_options(options).pragma("cache_size", "-16384").pragma("query_only", "on")
}

#[cfg(test)]
mod tests {
    use sqlx::{ConnectOptions, SqliteConnection};

    use super::*;

    async fn pragma(connection: &mut SqliteConnection, name: &'static str) -> String {
        let sql = sqlx::AssertSqlSafe(format!("SELECT CAST({name} AS TEXT) FROM pragma_{name}"));
        sqlx::query_scalar(sql).fetch_one(connection).await.unwrap()
    }

    #[tokio::test]
    async fn a_commit_waits_for_the_disk() {
        let folder = tempfile::tempdir().unwrap();
        let options = SqliteOptions::new(folder.path().join("users.db"));
        file::make(&options.path, true).unwrap();
        let mut writer = writer_options(&options).connect().await.unwrap();
        assert_eq!(pragma(&mut writer, "journal_mode").await, "wal");
        assert_eq!(pragma(&mut writer, "synchronous").await, "2", "2 is FULL");
        assert_eq!(pragma(&mut writer, "foreign_keys").await, "1");
    }

    #[tokio::test]
    async fn a_reader_can_t_write() {
        let folder = tempfile::tempdir().unwrap();
        let options = SqliteOptions::new(folder.path().join("users.db"));
        file::make(&options.path, true).unwrap();
        let _writer = writer_options(&options).connect().await.unwrap();
        let mut reader = reader_options(&options).connect().await.unwrap();
        let refused = sqlx::raw_sql("CREATE TABLE t (x)").execute(&mut reader).await.unwrap_err();
        assert!(refused.to_string().contains("readonly"), "{refused}");
    }

    #[tokio::test]
    async fn a_transaction_that_sqlite_has_ended_itself_is_in_nobodys_way() {
        let folder = tempfile::tempdir().unwrap();
        let storage = SqliteStorage::connect(&folder.path().join("users.db")).await.unwrap();
        storage.migrate().await.unwrap();
        let mut transaction = storage.begin().await.unwrap();
        // As SQLite does on a full disk.
        sqlx::raw_sql("ROLLBACK").execute(&mut *transaction).await.unwrap();
        drop(transaction);
        for _ in 0..2 {
            storage.write().await.unwrap().commit().await.unwrap();
        }
        storage.close().await.unwrap();
    }
}
