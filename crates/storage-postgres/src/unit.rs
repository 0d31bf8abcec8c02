//! The unit of work: one connection, and for writing one transaction.

use async_trait::async_trait;
use sqlx::PgConnection;
use systemprompt_users_domain::{
    ApiKeyRepository, BannedIpRepository, EventLog, IdempotencyRepository, JobRepository, LockKey,
    SessionRepository, SignInLinkRepository, StorageError, StorageResult, UnitOfWork,
    UserRepository,
};

use crate::copy::CopyRows;
use crate::pool::Lease;
use crate::reader::Reader;

/// Reads by single statements, or writes in a transaction (READ COMMITTED, so that what is read under a lock
/// is the latest). It is all repositories; each has a folder or file of its own.
pub(crate) struct Unit {
    lease: Lease,
    mode: Mode,
    alarms: bool,
}

/// What a unit was opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Reads,
    /// Reads from a replica, on which nothing at all can be changed.
    Lags,
    Writes,
}

impl Unit {
    pub(crate) fn reading(lease: Lease) -> Self {
        Self { lease, mode: Mode::Reads, alarms: false }
    }

    pub(crate) const fn lagging(lease: Lease) -> Self {
        Self { lease, mode: Mode::Lags, alarms: false }
    }

    pub(crate) async fn writing(mut lease: Lease) -> StorageResult<Self> {
        lease.begin().await?;
        Ok(Self { lease, mode: Mode::Writes, alarms: false })
    }

    /// A connection of its own, for what must not be a part of this unit.
    pub(crate) async fn connect_aside(&self) -> StorageResult<PgConnection> {
        self.lease.connect_aside().await
    }

    /// Whether this unit has a transaction.
    pub(crate) fn writes(&self) -> bool {
        self.mode == Mode::Writes
    }

    /// Whether it reads from a replica.
    pub(crate) fn lags(&self) -> bool {
        self.mode == Mode::Lags
    }

    /// Makes the commit ring the alarm of those who follow the log.
    pub(crate) const fn ring_on_commit(&mut self) {
        self.alarms = true;
    }

    /// The connection, for one statement that changes nothing, or that may be given twice.
    pub(crate) fn reader(&mut self) -> StorageResult<Reader<'_>> {
        Ok(match self.writes() {
            true => Reader::in_transaction(&mut self.lease),
            false => Reader::alone(&mut self.lease),
        })
    }

    /// The connection, for statements that change something.
    pub(crate) fn writer(&mut self) -> StorageResult<&mut PgConnection> {
        self.check_writes()?;
        self.lease.begin_statement()
    }

    fn check_writes(&self) -> StorageResult<()> {
        match self.writes() {
            true => Ok(()),
            false => Err(StorageError::Other("this unit of work only reads".into())),
        }
    }

    /// What a statement gave, or the port's error.
    pub(crate) fn done<T>(&mut self, result: sqlx::Result<T>) -> StorageResult<T> {
        self.lease.done(result)
    }

    /// Adds rows to the table and columns that `statement`, a `COPY`, names.
    pub(crate) async fn copy(
        &mut self,
        statement: &'static str,
        rows: CopyRows,
    ) -> StorageResult<()> {
        self.check_writes()?;
        let result = rows.send(self.lease.begin_copy()?, statement).await;
        self.done(result)
    }

    /// Runs a statement without parameters or rows.
    pub(crate) async fn run(&mut self, sql: &'static str) -> StorageResult<()> {
        self.lease.run(sql).await
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

    async fn lock(&mut self, key: LockKey) -> StorageResult<()> {
        let name = match &key {
            LockKey::Admins => "admins".to_owned(),
            LockKey::Bans => "bans".to_owned(),
            LockKey::Fingerprint(fingerprint) => format!("fingerprint:{fingerprint}"),
            _ => return Err(StorageError::Other("this adapter does not know the lock".into())),
        };
        // Hashed by the server, so that all hosts agree; a collision makes two units wait, no more.
        let locked = sqlx::query!(
            "SELECT pg_advisory_xact_lock(hashtextextended('systemprompt-users:' || $1::text, 0))",
            name,
        )
        .execute(self.writer()?)
        .await;
        self.done(locked).map(|_| ())
    }

    async fn commit(mut self: Box<Self>) -> StorageResult<()> {
        match (self.writes(), self.alarms) {
            (true, true) => self.lease.commit_and_notify().await,
            (true, false) => self.lease.commit().await,
            (false, _) => Ok(()),
        }
    }
}
