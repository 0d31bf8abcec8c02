//! Fresh storages of every kind.

use systemprompt_test_postgres::{TestCluster, TestDatabase};
use systemprompt_users::DbPool;
use tempfile::TempDir;
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;

/// Where a scenario runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// In memory.
    Memory,
    /// A file in a folder of its own.
    Sqlite,
    /// A database of its own on a throw-away cluster.
    Postgres,
}

/// A fresh storage; what it lives in is removed by [`Opened::close`], or else with the value.
#[derive(Debug)]
pub struct Opened {
    pool: DbPool,
    url: String,
    _home: Home,
}

/// What a storage lives in.
#[derive(Debug)]
enum Home {
    Memory,
    Folder { _folder: TempDir },
    Database { _database: TestDatabase },
}

impl Backend {
    /// Opens a fresh, migrated storage.
    ///
    /// # Panics
    /// When there is none: a test that was skipped would look like one that passed.
    pub async fn open(self) -> Opened {
        let (url, home) = match self {
            Self::Memory => ("memory:".to_owned(), Home::Memory),
            Self::Sqlite => {
                let folder = tempfile::tempdir().unwrap();
                let url = format!("sqlite://{}", folder.path().join("users.db").display());
                (url, Home::Folder { _folder: folder })
            }
            Self::Postgres => {
                let handle = Handle::current();
                let prepare = move |url: &str| drop(handle.block_on(connect(url)));
                let create = || TestCluster::shared().create_database_like("users", prepare);
                let database = spawn_blocking(create).await.unwrap();
                (database.url().to_owned(), Home::Database { _database: database })
            }
        };
        Opened { pool: connect(&url).await, url, _home: home }
    }
}

impl Opened {
    /// The storage.
    pub const fn storage(&self) -> &DbPool {
        &self.pool
    }

    /// Where it is, as another program would be told.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Closes its connections, and removes what it lives in.
    pub async fn close(self) {
        self.pool.close().await.unwrap();
    }
}

async fn connect(url: &str) -> DbPool {
    let pool = DbPool::connect(url).await.unwrap();
    pool.migrate().await.unwrap();
    pool
}
