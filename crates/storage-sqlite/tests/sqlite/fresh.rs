//! Storages in a folder of their own.

use std::path::Path;

use systemprompt_users_sqlite::{SqliteOptions, SqliteStorage};
use tempfile::TempDir;

/// A fresh, migrated storage, and the folder that goes with it.
pub(crate) async fn fresh() -> (SqliteStorage, TempDir) {
    let folder = TempDir::new().unwrap();
    let storage = open(&file(&folder)).await;
    (storage, folder)
}

/// A migrated storage in that file.
pub(crate) async fn open(path: &Path) -> SqliteStorage {
    let storage = SqliteStorage::connect_with(SqliteOptions::new(path)).await.unwrap();
    storage.migrate().await.unwrap();
    storage
}

/// The database of that folder.
pub(crate) fn file(folder: &TempDir) -> std::path::PathBuf {
    folder.path().join("data").join("users.db")
}
