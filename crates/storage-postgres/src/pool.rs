//! A few connections for many units of work.
//!
//! The driver's own pool asks the server for a sign of life whenever a connection comes back, which costs a
//! look-up as much again as the look-up itself. This one hands a connection back as it is, from the stack
//! of those used last, whose statements are prepared; only a unit that was dropped open is cleaned first.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::TryStreamExt;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, PgConnection};
use systemprompt_users_domain::{ChangeSignal, StorageError, StorageResult};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::PostgresOptions;
use crate::error::{is_broken, storage_error};
use crate::signal::{COMMIT_AND_NOTIFY, listen};

/// The connections of one storage. A clone is a handle.
#[derive(Clone)]
pub(crate) struct Pool {
    shared: Arc<Shared>,
}

struct Shared {
    server: PgConnectOptions,
    options: PostgresOptions,
    idle: Mutex<Vec<Connected>>,
    free: Arc<Semaphore>,
    size: u32,
}

/// A connection, and the server's process behind it.
struct Connected {
    connection: PgConnection,
    process: i32,
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
            Ok(Lease {
                connection: Some(connection),
                in_statement: false,
                in_copy: false,
                in_transaction: false,
                is_broken: false,
                shared: Arc::clone(&self.shared),
                permit: Some(permit),
            })
        };
        match timeout(self.shared.options.acquire_timeout, acquire).await {
            Ok(lease) => lease.map_err(storage_error),
            Err(_) => Err(StorageError::Unavailable(Box::new(sqlx::Error::PoolTimedOut))),
        }
    }

    /// The same, from a server that has just answered on it.
    pub(crate) async fn acquire_alive(&self) -> StorageResult<Lease> {
        let acquire = async {
            let mut lease = self.acquire().await?;
            let answered = lease.begin_statement()?.ping().await;
            lease.done(answered)?;
            Ok(lease)
        };
        let acquired = timeout(self.shared.options.acquire_timeout, acquire).await;
        acquired.map_err(|_| StorageError::Unavailable(Box::new(sqlx::Error::PoolTimedOut)))?
    }

    /// Closes all connections that nobody uses.
    pub(crate) fn forget_idle(&self) {
        self.shared.forget_idle();
    }

    /// A connection beside the pool, on which nothing is bounded: for migrations.
    pub(crate) async fn connect_unbounded(&self) -> StorageResult<PgConnection> {
        self.shared.server.connect().await.map_err(storage_error)
    }

    /// A connection beside the pool that listens for changes.
    pub(crate) async fn listen(&self) -> StorageResult<Box<dyn ChangeSignal>> {
        listen(&self.shared.server).await
    }

    /// Lets nobody in any more, waits for those who are, as long as one waits for a connection, and closes.
    pub(crate) async fn close(&self) {
        // Waiting for all permits is waiting for all leases; whoever comes now stands behind.
        let all = self.shared.free.acquire_many(self.shared.size);
        let all = timeout(self.shared.options.acquire_timeout, all).await;
        self.shared.free.close();
        drop(all);
        while let Some(connection) = self.shared.pop() {
            // The server notices a socket that is gone as well as a goodbye.
            let _ = connection.connection.close().await;
        }
    }
}

impl Shared {
    fn pop(&self) -> Option<Connected> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    fn push(&self, connection: Connected) {
        if !self.free.is_closed() {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        }
    }

    /// After one connection broke: most likely the server is gone, and with it all the others.
    fn forget_idle(&self) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

async fn connect(server: &PgConnectOptions, options: &PostgresOptions) -> sqlx::Result<Connected> {
    let mut connection = server.connect().await?;
    let setting = |time: Duration| format!("{}ms", time.as_millis().clamp(1, 2_000_000_000));
    // By a statement and not in the greeting, which poolers in between refuse. Compiling queries (`jit`)
    // costs more than any query here takes.
    let process = sqlx::query_scalar!(
        r#"SELECT pg_backend_pid() AS "process!" FROM set_config('lock_timeout', $1, false) a,
            set_config('statement_timeout', $2, false) b,
            set_config('idle_in_transaction_session_timeout', $3, false) c,
            set_config('jit', 'off', false) d"#,
        setting(options.lock_timeout),
        setting(options.statement_timeout),
        setting(options.idle_in_unit_timeout),
    )
    .fetch_one(&mut connection)
    .await?;
    Ok(Connected { connection, process })
}

/// A connection on loan.
pub(crate) struct Lease {
    /// `None` only once it is on its way back.
    connection: Option<Connected>,
    /// A statement was begun, and its end was not seen: whoever waited for it has given up.
    in_statement: bool,
    /// The same of a `COPY`: the driver can't go on behind half of one.
    in_copy: bool,
    in_transaction: bool,
    is_broken: bool,
    shared: Arc<Shared>,
    permit: Option<OwnedSemaphorePermit>,
}

impl Lease {
    /// The connection, for one statement; [`Lease::done`] takes its result.
    pub(crate) fn begin_statement(&mut self) -> StorageResult<&mut PgConnection> {
        self.in_statement = true;
        let connection = self.connection.as_mut().map(|connected| &mut connected.connection);
        connection.ok_or_else(|| StorageError::Other("the connection is gone".into()))
    }

    /// The connection, for one `COPY`; [`Lease::done`] takes its result.
    pub(crate) fn begin_copy(&mut self) -> StorageResult<&mut PgConnection> {
        self.in_copy = true;
        self.begin_statement()
    }

    /// What a statement gave, or the port's error; notes when the connection is lost.
    pub(crate) fn done<T>(&mut self, result: sqlx::Result<T>) -> StorageResult<T> {
        self.in_statement = false;
        self.in_copy = false;
        result.map_err(|error| {
            if is_broken(&error) {
                self.is_broken = true;
                self.shared.forget_idle();
            }
            storage_error(error)
        })
    }

    pub(crate) async fn begin(&mut self) -> StorageResult<()> {
        self.in_transaction = true;
        self.run("BEGIN ISOLATION LEVEL READ COMMITTED").await
    }

    pub(crate) async fn commit(&mut self) -> StorageResult<()> {
        self.run("COMMIT").await?;
        self.in_transaction = false;
        Ok(())
    }

    /// Commits, and rings the alarm when that has succeeded.
    pub(crate) async fn commit_and_notify(&mut self) -> StorageResult<()> {
        let mut results = sqlx::raw_sql(COMMIT_AND_NOTIFY).execute_many(self.begin_statement()?);
        let committed = results.try_next().await;
        // What becomes of the alarm changes nothing about the commit.
        let rung = results.try_next().await;
        drop(results);
        self.done(committed)?;
        self.in_transaction = false;
        if let Err(error) = rung {
            tracing::debug!(%error, "committed, but the alarm could not be rung");
            let _ = self.done::<()>(Err(error));
        }
        Ok(())
    }

    /// Runs a statement without parameters or rows.
    pub(crate) async fn run(&mut self, sql: &'static str) -> StorageResult<()> {
        let result = sqlx::raw_sql(sql).execute(self.begin_statement()?).await;
        self.done(result).map(|_| ())
    }

    /// Another connection, beside the pool, for what must not be a part of this one's transaction.
    pub(crate) async fn connect_aside(&self) -> StorageResult<PgConnection> {
        let connected = connect(&self.shared.server, &self.shared.options).await;
        connected.map(|connected| connected.connection).map_err(storage_error)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(connected) = self.connection.take() else { return };
        if self.is_broken {
            return;
        }
        if !self.in_transaction && !self.in_statement {
            return self.shared.push(connected);
        }
        // At once, since locks are held until then. Without a runtime the socket is closed, which has the
        // same effect.
        let Ok(runtime) = Handle::try_current() else { return };
        let (shared, permit) = (Arc::clone(&self.shared), self.permit.take());
        let (in_copy, in_transaction) = (self.in_copy, self.in_transaction);
        runtime.spawn(async move {
            if in_copy {
                // The server notices a socket that is gone, but not while it waits for a lock.
                let _ = cancel(connected.process, &shared).await;
            } else if let Some(connected) = tidy(connected, in_transaction, &shared).await {
                shared.push(connected);
            }
            drop(permit);
        });
    }
}

/// Ends what a lease was in the middle of. A statement that still runs, such as one that waits for a lock, is
/// cancelled: nobody waits for its answer any more.
async fn tidy(
    mut connected: Connected,
    in_transaction: bool,
    shared: &Shared,
) -> Option<Connected> {
    let process = connected.process;
    let end = async {
        if in_transaction {
            sqlx::raw_sql("ROLLBACK").execute(&mut connected.connection).await.map(|_| ())
        } else {
            connected.connection.ping().await
        }
    };
    let mut end = Box::pin(end);
    let ended = match timeout(PATIENCE, &mut end).await {
        Ok(ended) => ended.is_ok(),
        Err(_) => {
            // The statement fails then, and with it the waiting for its rest. Neither may take forever: a server
            // that has gone silent would keep the place in the pool.
            let _ = cancel(process, shared).await;
            timeout(shared.options.acquire_timeout, &mut end).await.is_ok_and(|ended| ended.is_ok())
        }
    };
    drop(end);
    ended.then_some(connected)
}

/// Cancels what a server's process does, and answers when that is asked for, or can't be.
async fn cancel(process: i32, shared: &Shared) -> Option<()> {
    let cancelled = async {
        let mut aside = connect(&shared.server, &shared.options).await?.connection;
        sqlx::query!("SELECT pg_cancel_backend($1)", process).fetch_one(&mut aside).await?;
        aside.close().await
    };
    timeout(shared.options.acquire_timeout, cancelled).await.ok()?.ok()
}

/// How long a statement that nobody waits for any more may take to end by itself.
const PATIENCE: Duration = Duration::from_millis(100);
