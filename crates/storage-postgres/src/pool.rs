//! A few connections for many units of work.
//!
//! The driver's own pool asks the server for a sign of life whenever a connection comes back, which costs a
//! look-up as much again as the look-up itself. This one hands a connection back as it is, from the stack
//! of those used last, whose statements are prepared; only a unit that was dropped open is cleaned first.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, PgConnection};
use systemprompt_users_domain::{StorageError, StorageResult};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::PostgresOptions;
use crate::error::storage_error;

/// The connections of one storage. A clone is a handle.
#[derive(Clone)]
pub(crate) struct Pool {
    shared: Arc<Shared>,
}

struct Shared {
    server: PgConnectOptions,
    options: PostgresOptions,
    idle: Mutex<Vec<PgConnection>>,
    free: Arc<Semaphore>,
    size: u32,
}

impl Pool {
    pub(crate) fn new(server: PgConnectOptions, options: PostgresOptions) -> Self {
        let size = options.max_connections.clamp(1, 10_000);
        let free = Arc::new(Semaphore::new(usize::try_from(size).unwrap_or(1)));
        let idle = Mutex::new(Vec::new());
        Self { shared: Arc::new(Shared { server, options, idle, free, size }) }
    }

    /// A connection of one's own until the value is dropped.
    pub(crate) async fn acquire(&self) -> StorageResult<Lease> {
        let acquire = async {
            let permit = Arc::clone(&self.shared.free).acquire_owned().await;
            let permit = permit.map_err(|_| sqlx::Error::PoolClosed)?;
            let connection = match self.shared.pop() {
                Some(connection) => connection,
                None => connect(&self.shared.server, &self.shared.options).await?,
            };
            let shared = Arc::clone(&self.shared);
            Ok(Lease {
                connection: Some(connection),
                state: State::Clean,
                shared,
                permit: Some(permit),
            })
        };
        match timeout(self.shared.options.acquire_timeout, acquire).await {
            Ok(lease) => lease.map_err(storage_error),
            Err(_) => Err(StorageError::Unavailable(Box::new(sqlx::Error::PoolTimedOut))),
        }
    }

    /// A connection beside the pool, on which nothing is bounded: for migrations.
    pub(crate) async fn connect_unbounded(&self) -> StorageResult<PgConnection> {
        self.shared.server.connect().await.map_err(storage_error)
    }

    /// Lets nobody in any more, waits for those who are, and closes.
    pub(crate) async fn close(&self) {
        // Waiting for all permits is waiting for all leases.
        if let Ok(all) = self.shared.free.acquire_many(self.shared.size).await {
            self.shared.free.close();
            drop(all);
        }
        while let Some(connection) = self.shared.pop() {
            // The server notices a socket that is gone as well as a goodbye.
            let _ = connection.close().await;
        }
    }
}

impl Shared {
    fn pop(&self) -> Option<PgConnection> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    fn push(&self, connection: PgConnection) {
        if !self.free.is_closed() {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        }
    }

    /// After one connection broke: most likely the server is gone, and with it all the others.
    fn forget_idle(&self) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

async fn connect(
    server: &PgConnectOptions,
    options: &PostgresOptions,
) -> sqlx::Result<PgConnection> {
    let mut connection = server.connect().await?;
    let setting = |time: Duration| format!("{}ms", time.as_millis().clamp(1, 2_000_000_000));
    // By a statement and not in the greeting, which poolers in between refuse. Compiling queries (`jit`)
    // costs more than any query here takes.
    sqlx::query!(
        "SELECT set_config('lock_timeout', $1, false) AS a,
            set_config('statement_timeout', $2, false) AS b,
            set_config('idle_in_transaction_session_timeout', $3, false) AS c,
            set_config('jit', 'off', false) AS d",
        setting(options.lock_timeout),
        setting(options.statement_timeout),
        setting(options.idle_in_unit_timeout),
    )
    .fetch_one(&mut connection)
    .await?;
    Ok(connection)
}

/// What is known of a connection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Clean,
    /// A transaction is, or may be, open.
    Open,
    Broken,
}

/// A connection on loan.
pub(crate) struct Lease {
    /// `None` only once it is on its way back.
    connection: Option<PgConnection>,
    state: State,
    shared: Arc<Shared>,
    permit: Option<OwnedSemaphorePermit>,
}

impl Lease {
    pub(crate) fn connection(&mut self) -> StorageResult<&mut PgConnection> {
        self.connection.as_mut().ok_or_else(|| StorageError::Other("the connection is gone".into()))
    }

    pub(crate) async fn begin(&mut self) -> StorageResult<()> {
        self.state = State::Open;
        self.run("BEGIN ISOLATION LEVEL READ COMMITTED").await
    }

    pub(crate) async fn commit(&mut self) -> StorageResult<()> {
        self.run("COMMIT").await?;
        self.state = State::Clean;
        Ok(())
    }

    /// Runs a statement without parameters or rows.
    pub(crate) async fn run(&mut self, sql: &'static str) -> StorageResult<()> {
        let result = sqlx::raw_sql(sql).execute(self.connection()?).await;
        result.map(|_| ()).map_err(|error| self.failed(error))
    }

    /// The port's error for the driver's; notes when the connection is lost.
    pub(crate) fn failed(&mut self, error: sqlx::Error) -> StorageError {
        if crate::error::is_broken(&error) {
            self.state = State::Broken;
            self.shared.forget_idle();
        }
        storage_error(error)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(mut connection) = self.connection.take() else { return };
        match self.state {
            State::Clean => self.shared.push(connection),
            State::Broken => {}
            State::Open => {
                // At once, since locks are held until then. Without a runtime the socket is closed,
                // which has the same effect.
                let Ok(runtime) = Handle::try_current() else { return };
                let (shared, permit) = (Arc::clone(&self.shared), self.permit.take());
                runtime.spawn(async move {
                    if sqlx::raw_sql("ROLLBACK").execute(&mut connection).await.is_ok() {
                        shared.push(connection);
                    }
                    drop(permit);
                });
            }
        }
    }
}
