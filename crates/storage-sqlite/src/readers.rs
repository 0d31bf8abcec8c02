//! The connections that units of reading work on: opened when first needed, kept, handed out at once.
//!
//! A reader holds no transaction and no lock between two statements, so it needs none of what a general pool
//! does when a connection comes back, which costs more than a lookup.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection, SqliteConnection};
use systemprompt_users_domain::{StorageError, StorageResult};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::{other, storage_error};
use crate::file::Guard;

pub(crate) struct Readers {
    options: SqliteConnectOptions,
    guard: Arc<Guard>,
    idle: Mutex<Vec<SqliteConnection>>,
    free: Arc<Semaphore>,
    patience: Duration,
}

impl Readers {
    /// Up to `max` connections; who finds all of them taken waits no longer than `patience`.
    pub(crate) fn new(
        options: SqliteConnectOptions,
        guard: Arc<Guard>,
        max: usize,
        patience: Duration,
    ) -> Self {
        let free = Arc::new(Semaphore::new(max));
        Self { options, guard, idle: Mutex::default(), free, patience }
    }

    pub(crate) async fn acquire(self: &Arc<Self>) -> StorageResult<Reader> {
        let permit = tokio::time::timeout(self.patience, Arc::clone(&self.free).acquire_owned())
            .await
            .map_err(|elapsed| StorageError::Unavailable(elapsed.into()))?
            .map_err(|_| other("the storage is closed"))?;
        let connection = match self.take_idle() {
            Some(connection) => connection,
            None => self.guard.connect(&self.options).await?,
        };
        Ok(Reader { connection: Some(connection), home: Arc::clone(self), _permit: permit })
    }

    /// Lets nobody in any more and closes the connections that are at rest.
    pub(crate) async fn close(&self) -> StorageResult<()> {
        self.free.close();
        while let Some(connection) = self.take_idle() {
            connection.close().await.map_err(storage_error)?;
        }
        Ok(())
    }

    fn take_idle(&self) -> Option<SqliteConnection> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }
}

/// A connection on loan; dropped, it goes back.
pub(crate) struct Reader {
    connection: Option<SqliteConnection>,
    home: Arc<Readers>,
    _permit: OwnedSemaphorePermit,
}

impl Reader {
    pub(crate) fn connection(&mut self) -> StorageResult<&mut SqliteConnection> {
        self.connection.as_mut().ok_or_else(|| other("the connection has gone back"))
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take()
            && !self.home.free.is_closed()
        {
            self.home.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        }
    }
}
