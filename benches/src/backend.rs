//! The backends that are measured.

use std::any::Any;
use std::fmt;

use systemprompt_test_postgres::TestCluster;
use systemprompt_users::DbPool;
use tempfile::TempDir;

/// A backend and how to get an empty one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Backend {
    /// In memory.
    Memory,
    /// A file in a temporary folder.
    Sqlite,
    /// A database of the throw-away cluster.
    Postgres,
}

/// An open database.
pub(crate) struct Database {
    pub(crate) backend: Backend,
    pub(crate) pool: DbPool,
    pub(crate) url: String,
    /// What must live as long as the database does.
    pub(crate) _keeper: Box<dyn Any + Send + Sync>,
}

impl Backend {
    /// Every backend.
    pub const ALL: [Self; 3] = [Self::Memory, Self::Sqlite, Self::Postgres];

    /// A migrated, empty database.
    pub(crate) async fn open(self) -> Database {
        let (url, keeper): (String, Box<dyn Any + Send + Sync>) = match self {
            Self::Memory => ("memory:".to_owned(), Box::new(())),
            Self::Sqlite => {
                let folder = TempDir::new().expect("a temporary folder");
                let url = format!("sqlite://{}", folder.path().join("bench.db").display());
                (url, Box::new(folder))
            }
            Self::Postgres => {
                let cluster = TestCluster::shared();
                let database = cluster.create_database();
                (database.url().to_owned(), Box::new(database))
            }
        };
        let pool = DbPool::connect(&url).await.expect("a connection");
        pool.migrate().await.expect("the schema");
        Database { backend: self, pool, url, _keeper: keeper }
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Memory => "memory",
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        })
    }
}
