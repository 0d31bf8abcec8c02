//! Where a scenario's users are: a server that may be killed, or a file.

use std::path::Path;

use systemprompt_test_postgres::{TestCluster, TestDatabase};
use systemprompt_users::{CreateUserParams, DbPool, UserRole, UserService};
use tempfile::TempDir;

/// A storage with one admin, and a folder for files. Gone with the value.
pub(crate) struct Place {
    pub(crate) url: String,
    pub(crate) folder: TempDir,
    // Dropped in this order.
    _database: Option<TestDatabase>,
    cluster: Option<TestCluster>,
}

impl Place {
    /// On a server of its own, whose commits outlive it.
    pub(crate) async fn postgres() -> Self {
        let cluster = TestCluster::start_durable().unwrap();
        let database = cluster.create_database();
        let url = database.url().to_owned();
        let folder = TempDir::new().unwrap();
        Self { url, folder, _database: Some(database), cluster: Some(cluster) }.prepared().await
    }

    /// On a file.
    pub(crate) async fn sqlite() -> Self {
        let folder = TempDir::new().unwrap();
        let url = format!("sqlite://{}", folder.path().join("users.db").display());
        Self { url, folder, _database: None, cluster: None }.prepared().await
    }

    async fn prepared(self) -> Self {
        let pool = self.connect().await;
        pool.migrate().await.unwrap();
        add_admin(&pool).await;
        pool.close().await.unwrap();
        self
    }

    pub(crate) async fn connect(&self) -> DbPool {
        DbPool::connect(&self.url).await.unwrap()
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The server, to be killed by somebody else; [`Place::put_back`] brings it home.
    pub(crate) fn take_cluster(&mut self) -> TestCluster {
        self.cluster.take().unwrap()
    }

    pub(crate) fn put_back(&mut self, cluster: TestCluster) {
        self.cluster = Some(cluster);
    }
}

async fn add_admin(pool: &DbPool) {
    let admin = CreateUserParams {
        roles: vec![UserRole::Admin],
        ..CreateUserParams::new("root", "root@example.com")
    };
    UserService::new(pool).unwrap().create(&admin).await.unwrap();
}
