//! The unit of work: one connection, and on it every repository.

use std::sync::Arc;

use async_trait::async_trait;
use sqlx::sqlite::SqliteTransaction;
use sqlx::{Connection, SqliteConnection};
use systemprompt_users_domain::{
    ApiKeyRepository, BannedIpRepository, EventLog, IdempotencyRepository, JobRepository, LockKey,
    SessionRepository, SignInLinkRepository, StorageResult, UnitOfWork, UserRepository,
};
use tokio::sync::OwnedSemaphorePermit;

use crate::error::{other, storage_error};
use crate::file::Guard;
use crate::readers::Reader;
use crate::signal::Bell;

pub(crate) enum Unit {
    /// Each statement sees what is committed; SQLite refuses to write (`query_only`).
    Read(Reader),
    /// The only writer there is, until it ends; dropped, SQLite rolls back.
    Write {
        transaction: SqliteTransaction<'static>,
        /// Given back after the transaction.
        _turn: OwnedSemaphorePermit,
        bell: Bell,
        guard: Arc<Guard>,
    },
}

impl Unit {
    pub(crate) fn connection(&mut self) -> StorageResult<&mut SqliteConnection> {
        match self {
            Self::Read(reader) => reader.connection(),
            Self::Write { transaction, .. } => Ok(transaction),
        }
    }

    /// Several statements that see one state, and take effect together or not at all: a transaction of a
    /// unit that reads, a savepoint of one that writes.
    pub(crate) async fn together(&mut self) -> StorageResult<SqliteTransaction<'_>> {
        self.connection()?.begin().await.map_err(storage_error)
    }

    /// Who writes is alone, so it holds every lock already.
    pub(crate) fn check_holds_locks(&self) -> StorageResult<()> {
        match self {
            Self::Read(_) => Err(other("a unit that reads can't lock anything")),
            Self::Write { .. } => Ok(()),
        }
    }
}

#[async_trait]
impl UnitOfWork for Unit {
    fn users(&mut self) -> &mut dyn UserRepository {
        self
    }

    fn sessions(&mut self) -> &mut dyn SessionRepository {
        self
    }

    fn bans(&mut self) -> &mut dyn BannedIpRepository {
        self
    }

    fn events(&mut self) -> &mut dyn EventLog {
        self
    }

    fn jobs(&mut self) -> &mut dyn JobRepository {
        self
    }

    fn api_keys(&mut self) -> &mut dyn ApiKeyRepository {
        self
    }

    fn sign_in_links(&mut self) -> &mut dyn SignInLinkRepository {
        self
    }

    fn idempotency(&mut self) -> &mut dyn IdempotencyRepository {
        self
    }

    async fn lock(&mut self, _key: LockKey) -> StorageResult<()> {
        self.check_holds_locks()
    }

    async fn commit(self: Box<Self>) -> StorageResult<()> {
        match *self {
            Self::Read(_) => Ok(()),
            Self::Write { transaction, bell, guard, .. } => {
                // What is written to a file that is gone must not be acknowledged.
                guard.check()?;
                transaction.commit().await.map_err(storage_error)?;
                bell.ring();
                Ok(())
            }
        }
    }
}
