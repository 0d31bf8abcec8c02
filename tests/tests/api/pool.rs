//! The pool: a URL chooses the backend, and the schema comes up to date whoever asks for it.

use std::error::Error;
use std::path::Path;

use systemprompt_test_postgres::TestCluster;
use systemprompt_users::{BackendKind, DbPool, UserError, UserFilter, UserService};
use systemprompt_users_tests::{Backend, Host, at_once, code, field};

fn sqlite(folder: &Path) -> String {
    format!("sqlite://{}", folder.join("users.db").display())
}

#[tokio::test]
async fn a_url_chooses_the_backend() {
    for (backend, kind) in [
        (Backend::Memory, BackendKind::Memory),
        (Backend::Sqlite, BackendKind::Sqlite),
        (Backend::Postgres, BackendKind::Postgres),
    ] {
        let opened = backend.open().await;
        assert_eq!(opened.storage().kind(), kind);
        let version = opened.storage().schema_version().await.unwrap();
        assert_eq!(version.current, version.latest, "{kind:?}");
        assert_eq!(version.latest > 0, kind != BackendKind::Memory);
        opened.storage().migrate().await.unwrap();
        opened.close().await;
    }
}

#[tokio::test]
async fn a_file_keeps_what_was_stored_and_its_folder_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let url = sqlite(&folder.path().join("not there").join("yet"));
    for round in 0..3 {
        let pool = DbPool::connect(&url).await.unwrap();
        pool.migrate().await.unwrap();
        let host = Host::new(&pool);
        host.user(&format!("user{round}")).await;
        assert_eq!(host.users.count(&UserFilter::default()).await.unwrap(), round + 1);
        pool.close().await.unwrap();
    }
}

#[tokio::test]
async fn two_memory_pools_have_nothing_in_common_and_clones_all() {
    let one = DbPool::connect("memory:").await.unwrap();
    let other = DbPool::connect("memory:").await.unwrap();
    Host::new(&one).user("ada").await;
    let count = async |pool: &DbPool| {
        UserService::new(pool).unwrap().count(&UserFilter::default()).await.unwrap()
    };
    assert_eq!((count(&one.clone()).await, count(&other).await), (1, 0));
}

async fn migrate_at_once(url: String) {
    let pools = at_once((0..4).map(|_| {
        let url = url.clone();
        async move {
            let pool = DbPool::connect(&url).await.unwrap();
            pool.migrate().await.unwrap();
            pool
        }
    }))
    .await;
    Host::new(&pools[0]).user("ada").await;
    for pool in pools {
        let version = pool.schema_version().await.unwrap();
        assert_eq!(version.current, version.latest);
        let users = UserService::new(&pool).unwrap();
        assert!(users.find_by_name("ada").await.unwrap().is_some());
        pool.close().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn programs_that_migrate_a_file_at_once_do_not_disturb_each_other() {
    let folder = tempfile::tempdir().unwrap();
    migrate_at_once(sqlite(folder.path())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn programs_that_migrate_a_server_at_once_do_not_disturb_each_other() {
    let create = || TestCluster::shared().create_database();
    let database = tokio::task::spawn_blocking(create).await.unwrap();
    migrate_at_once(database.url().to_owned()).await;
}

#[tokio::test]
async fn a_schema_that_is_not_there_is_an_error_of_the_storage() {
    let folder = tempfile::tempdir().unwrap();
    let create = || TestCluster::shared().create_database();
    let database = tokio::task::spawn_blocking(create).await.unwrap();
    for url in [sqlite(folder.path()), database.url().to_owned()] {
        let pool = DbPool::connect(&url).await.unwrap();
        let version = pool.schema_version().await.unwrap();
        assert!(version.current == 0 && version.latest > 0);
        let users = UserService::new(&pool).unwrap();
        assert_eq!(code(users.find_by_name("ada").await), "storage");
        assert_eq!(code(users.count(&UserFilter::default()).await), "storage");
        let told = users.count(&UserFilter::default()).await.unwrap_err().to_string();
        assert!(told.contains("schema") && told.contains("migrate"), "{told}");
        pool.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_url_that_means_nothing_is_refused() {
    for bad in ["", "users.db", "mysql://u:secret@h/d", "sqlite://", "sqlite::memory:", "http://x"]
    {
        assert_eq!(field(DbPool::connect(bad).await), "database", "{bad:?}");
    }
}

/// The error with its causes.
fn whole(error: &UserError) -> String {
    let mut text = format!("{error} {error:?}");
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(&format!(" {cause} {cause:?}"));
        source = cause.source();
    }
    text
}

#[tokio::test]
async fn a_database_out_of_reach_is_told_without_its_password() {
    // Nobody listens on port 1.
    let url = "postgres://ada:secretword@127.0.0.1:1/users";
    let error = DbPool::connect(url).await.unwrap_err();
    assert_eq!(error.code(), "storage");
    assert!(!whole(&error).contains("secretword"), "{error:?}");
    let told = error.to_string();
    assert!(told.contains("not available") && told.contains("refused"), "{told}");
    // A file can't be a folder.
    let folder = tempfile::tempdir().unwrap();
    let text = "name,email\n".repeat(100);
    std::fs::write(folder.path().join("file"), &text).unwrap();
    let error = DbPool::connect(&sqlite(&folder.path().join("file"))).await.unwrap_err();
    assert_eq!(error.code(), "storage");
    // Nor is any file a database.
    let url = format!("sqlite://{}", folder.path().join("file").display());
    let broken = match DbPool::connect(&url).await {
        Ok(pool) => pool.migrate().await,
        Err(error) => Err(error),
    };
    assert_eq!(code(broken), "storage");
    assert_eq!(std::fs::read_to_string(folder.path().join("file")).unwrap(), text, "left as it is");
}
