//! The alarm: commits of this process ring it, those of other processes are looked for.

use std::time::Duration;

use async_trait::async_trait;
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteConnectOptions;
use systemprompt_users_domain::{ChangeSignal, StorageError, StorageResult};
use tokio::sync::watch;

use crate::error::storage_error;
use crate::file::Guard;

/// How often is looked whether another process has committed. One look reads a counter in shared memory.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Where units of this process say that they have committed. A clone rings the same bell.
#[derive(Clone)]
pub(crate) struct Bell(watch::Sender<()>);

impl Default for Bell {
    fn default() -> Self {
        Self(watch::Sender::new(()))
    }
}

impl Bell {
    pub(crate) fn ring(&self) {
        self.0.send_replace(());
    }

    /// An alarm that looks through a connection of its own.
    pub(crate) async fn signal(
        &self,
        options: &SqliteConnectOptions,
        guard: &Guard,
    ) -> StorageResult<Box<dyn ChangeSignal>> {
        let rung = self.0.subscribe();
        let mut connection = guard.connect(options).await?;
        let seen = data_version(&mut connection).await?;
        Ok(Box::new(SqliteSignal { rung, connection, seen }))
    }
}

struct SqliteSignal {
    rung: watch::Receiver<()>,
    connection: SqliteConnection,
    seen: i64,
}

#[async_trait]
impl ChangeSignal for SqliteSignal {
    async fn wait(&mut self) -> StorageResult<()> {
        loop {
            if let Ok(rung) = tokio::time::timeout(LOOK_EVERY, self.rung.changed()).await {
                return rung.map_err(|closed| StorageError::Unavailable(closed.into()));
            }
            let now = data_version(&mut self.connection).await?;
            if now != self.seen {
                self.seen = now;
                return Ok(());
            }
        }
    }
}

/// A number that changes when another connection than this one commits, of this process or another.
async fn data_version(connection: &mut SqliteConnection) -> StorageResult<i64> {
    sqlx::query_scalar("PRAGMA data_version").fetch_one(connection).await.map_err(storage_error)
}
