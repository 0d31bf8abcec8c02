//! A few connections for many units of work.
//!
//! The driver's own pool asks the server for a sign of life whenever a connection comes back, which costs a
//! look-up as much again as the look-up itself. This one hands a connection back as it is, from the stack
//! of those used last, whose statements are prepared; only a unit that was dropped open is cleaned first.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::TryStreamExt;
use sqlx::{Connection, PgConnection};
use systemprompt_users_domain::{ChangeSignal, StorageError, StorageResult};
use tokio::runtime::{self, Handle};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::PostgresOptions;
use crate::error::{is_broken, is_read_only, storage_error};
use crate::server::Servers;
use crate::signal::{COMMIT_AND_NOTIFY, listen};

/// The connections of one storage. A clone is a handle.
#[derive(Clone)]
pub(crate) struct Pool {
    shared: Arc<Shared>,
}

struct Shared {
    servers: Servers,
    options: PostgresOptions,
    idle: Mutex<Vec<Connected>>,
    free: Arc<Semaphore>,
    size: u32,
}

/// A connection, and the server's process behind it.
struct Connected {
    connection: PgConnection,
    process: i32,
    since: Instant,
    era: u64,
    /// Its socket is driven by this runtime alone.
    runtime: Option<runtime::Id>,
}

impl Pool {
    pub(crate) fn new(servers: Servers, options: PostgresOptions) -> Self {
        let size = options.max_connections.clamp(1, 10_000);
        let free = Arc::new(Semaphore::new(usize::try_from(size).unwrap_or(1)));
        let idle = Mutex::new(Vec::new());
        Self { shared: Arc::new(Shared { servers, options, idle, free, size }) }
    }

    /// A connection of one's own until the value is dropped.
    pub(crate) async fn acquire(&self) -> StorageResult<Lease> {
        let acquire = async {
            let permit = Arc::clone(&self.shared.free).acquire_owned().await;
            let permit = permit.map_err(|_| storage_error(sqlx::Error::PoolClosed))?;
            let idle = self.shared.pop();
            let is_fresh = idle.is_none();
            let connection = match idle {
                Some(connection) => connection,
                None => self.shared.connect().await?,
            };
            Ok(Lease {
                connection: Some(connection),
                is_fresh,
                in_statement: false,
                in_copy: false,
                in_transaction: false,
                is_broken: false,
                shared: Arc::clone(&self.shared),
                permit: Some(permit),
            })
        };
        match timeout(self.shared.options.acquire_timeout, acquire).await {
            Ok(lease) => lease,
            Err(_) => Err(storage_error(sqlx::Error::PoolTimedOut)),
        }
    }

    /// The same, from a server that has just answered on it.
    pub(crate) async fn acquire_alive(&self) -> StorageResult<Lease> {
        let acquire = async {
            let mut lease = self.acquire().await?;
            let mut answered = lease.begin_statement()?.ping().await;
            if lease.is_to_repeat(&answered) {
                lease.renew().await?;
                answered = lease.begin_statement()?.ping().await;
            }
            lease.done(answered)?;
            Ok(lease)
        };
        let acquired = timeout(self.shared.options.acquire_timeout, acquire).await;
        acquired.map_err(|_| storage_error(sqlx::Error::PoolTimedOut))?
    }

    /// Closes all connections that nobody uses.
    pub(crate) fn forget_idle(&self) {
        self.shared.forget_idle();
    }

    /// A connection beside the pool, on which nothing is bounded: for migrations.
    pub(crate) async fn connect_unbounded(&self) -> StorageResult<PgConnection> {
        Ok(self.shared.servers.connect().await?)
    }

    /// A connection beside the pool that listens for changes.
    pub(crate) async fn listen(&self) -> StorageResult<Box<dyn ChangeSignal>> {
        listen(&self.shared.servers).await
    }

    /// Lets nobody in any more, waits for those who are, as long as one waits for a connection, and closes.
    pub(crate) async fn close(&self) {
        // Waiting for all permits is waiting for all leases; whoever comes now stands behind.
        let all = self.shared.free.acquire_many(self.shared.size);
        let all = timeout(self.shared.options.acquire_timeout, all).await;
        self.shared.free.close();
        drop(all);
        let idle = std::mem::take(&mut *self.shared.idle());
        for connected in idle {
            // The server notices a socket that is gone as well as a goodbye.
            if connected.runtime == current_runtime() {
                let _ = connected.connection.close().await;
            }
        }
    }
}

impl Shared {
    fn idle(&self) -> MutexGuard<'_, Vec<Connected>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The connection used last that can be used here.
    fn pop(&self) -> Option<Connected> {
        let runtime = current_runtime();
        let mut unfit = Vec::new();
        let mut idle = self.idle();
        while let Some(place) = idle.iter().rposition(|connected| connected.runtime == runtime) {
            let connected = idle.remove(place);
            if self.is_fit(&connected) {
                return Some(connected);
            }
            unfit.push(connected);
        }
        // A new one is made: in place of one of another runtime, which may be gone, if there are too many.
        let on_loan =
            self.size.saturating_sub(u32::try_from(self.free.available_permits()).unwrap_or(0));
        if idle.len().saturating_add(on_loan as usize) > self.size as usize {
            unfit.push(idle.remove(0));
        }
        None
    }

    fn push(&self, connected: Connected) {
        if !self.free.is_closed() && self.is_fit(&connected) {
            self.idle().push(connected);
        }
    }

    fn is_fit(&self, connected: &Connected) -> bool {
        let max_age = self.options.max_connection_age;
        connected.era == self.servers.era()
            && (max_age.is_zero() || connected.since.elapsed() < max_age)
    }

    /// After one connection broke: most likely the server is gone, and with it all the others.
    fn forget_idle(&self) {
        // Closed when nobody waits for the lock.
        drop(std::mem::take(&mut *self.idle()));
    }

    async fn connect(&self) -> StorageResult<Connected> {
        let mut connection = self.servers.connect().await?;
        let process = set_up(&mut connection, &self.options).await.map_err(storage_error)?;
        let (since, era, runtime) = (Instant::now(), self.servers.era(), current_runtime());
        Ok(Connected { connection, process, since, era, runtime })
    }
}

fn current_runtime() -> Option<runtime::Id> {
    Handle::try_current().ok().map(|runtime| runtime.id())
}

/// Bounds what may take long, and answers with the server's process.
async fn set_up(connection: &mut PgConnection, options: &PostgresOptions) -> sqlx::Result<i32> {
    let setting = |time: Duration| format!("{}ms", time.as_millis().clamp(1, 2_000_000_000));
    // By a statement and not in the greeting, which poolers in between refuse. Compiling queries (`jit`)
    // costs more than any query here takes.
    sqlx::query_scalar!(
        r#"SELECT pg_backend_pid() AS "process!" FROM set_config('lock_timeout', $1, false) a,
            set_config('statement_timeout', $2, false) b,
            set_config('idle_in_transaction_session_timeout', $3, false) c,
            set_config('jit', 'off', false) d"#,
        setting(options.lock_timeout),
        setting(options.statement_timeout),
        setting(options.idle_in_unit_timeout),
    )
    .fetch_one(connection)
    .await
}

/// A connection on loan.
pub(crate) struct Lease {
    /// `None` only once it is on its way back.
    connection: Option<Connected>,
    /// Made for this lease, and not used since: if it breaks, the server has not ended it while nobody looked.
    is_fresh: bool,
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
        self.is_fresh &= result.is_err();
        result.map_err(|error| {
            if is_read_only(&error)
                && let Some(connected) = &self.connection
            {
                self.shared.servers.leave(connected.era);
            }
            if is_broken(&error) {
                self.is_broken = true;
                self.shared.forget_idle();
            }
            storage_error(error)
        })
    }

    /// Whether a statement that has no effect but its answer is to be repeated on a connection of its own: the
    /// server ended this one, most likely while nobody used it.
    pub(crate) fn is_to_repeat<T>(&self, result: &sqlx::Result<T>) -> bool {
        !self.is_fresh
            && result.as_ref().is_err_and(|error| is_broken(error) && !is_read_only(error))
    }

    /// A new connection in place of one that the server has ended.
    pub(crate) async fn renew(&mut self) -> StorageResult<()> {
        self.connection = None;
        self.shared.forget_idle();
        let connected = timeout(self.shared.options.acquire_timeout, self.shared.connect()).await;
        let connected = connected.map_err(|_| storage_error(sqlx::Error::PoolTimedOut))??;
        self.connection = Some(connected);
        self.is_fresh = true;
        Ok(())
    }

    /// Begins a transaction, on a new connection if need be.
    pub(crate) async fn begin(&mut self) -> StorageResult<()> {
        const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED";
        self.in_transaction = true;
        let mut begun = sqlx::raw_sql(BEGIN).execute(self.begin_statement()?).await;
        if self.is_to_repeat(&begun) {
            self.renew().await?;
            begun = sqlx::raw_sql(BEGIN).execute(self.begin_statement()?).await;
        }
        self.done(begun).map(drop)
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
        self.shared.connect().await.map(|connected| connected.connection)
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
        if connected.runtime != Some(runtime.id()) {
            return;
        }
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
    if !ended {
        // It has gone silent, and with it all that lead to the same server.
        shared.forget_idle();
    }
    ended.then_some(connected)
}

/// Cancels what a server's process does, and answers when that is asked for, or can't be.
async fn cancel(process: i32, shared: &Shared) -> Option<()> {
    let cancelled = async {
        let mut aside = shared.connect().await.ok()?.connection;
        let asked = sqlx::query!("SELECT pg_cancel_backend($1)", process).fetch_one(&mut aside);
        asked.await.ok()?;
        aside.close().await.ok()
    };
    timeout(shared.options.acquire_timeout, cancelled).await.ok()?
}

/// How long a statement that nobody waits for any more may take to end by itself.
const PATIENCE: Duration = Duration::from_millis(100);
