//! Connecting to the first server that is the right one.

use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, PgConnection, Row};
use systemprompt_users_domain::StorageError;
use tokio::time::timeout;

use super::ServerUrl;
use super::target::{Role, Target};
use crate::PostgresOptions;
use crate::error::may_connect_later;

/// The servers of one database.
#[derive(Debug)]
pub(crate) struct Servers {
    all: Vec<PgConnectOptions>,
    target: Target,
    /// Which one is asked first: the last that was the right one. So one that hangs is waited for once.
    first: AtomicUsize,
    /// Counted up when that one turns out to be the wrong one by now.
    era: AtomicU64,
    connect_timeout: Duration,
}

impl Servers {
    pub(crate) fn new(url: ServerUrl, options: &PostgresOptions) -> Self {
        let servers = url.servers.into_iter();
        let all = match url.names_application {
            true => servers.collect(),
            false => servers.map(|s| s.application_name(&options.application_name)).collect(),
        };
        Self {
            all,
            target: url.target,
            first: AtomicUsize::new(0),
            era: AtomicU64::new(0),
            connect_timeout: options.connect_timeout,
        }
    }

    /// A connection to the right server.
    pub(crate) async fn connect(&self) -> Result<PgConnection, NoServer> {
        self.first_of(async |server: &PgConnectOptions, target| {
            let mut connection = server.connect().await.map_err(Refusal::Failed)?;
            check(&mut connection, target).await.map(|()| connection)
        })
        .await
    }

    /// What `use_one` makes of the right server. It is told which role is looked for, and looks with [`check`].
    pub(crate) async fn first_of<T>(
        &self,
        use_one: impl AsyncFn(&PgConnectOptions, Target) -> Result<T, Refusal>,
    ) -> Result<T, NoServer> {
        let mut refusals = Vec::new();
        let mut target = Some(self.target);
        while let Some(wanted) = target {
            refusals.clear();
            let first = self.first.load(Ordering::Relaxed);
            for place in (0..self.all.len()).map(|step| (first + step) % self.all.len()) {
                let Some(server) = self.all.get(place) else { continue };
                let mut attempt =
                    Attempt { servers: self, place, begun: Instant::now(), ended: false };
                let used = timeout(self.connect_timeout, use_one(server, wanted)).await;
                attempt.ended = true;
                match used.unwrap_or(Err(Refusal::Silent(self.connect_timeout))) {
                    Ok(used) => {
                        self.first.store(place, Ordering::Relaxed);
                        return Ok(used);
                    }
                    Err(refusal) => {
                        if place == first && matches!(refusal, Refusal::Role(_)) {
                            self.era.fetch_add(1, Ordering::Relaxed);
                        }
                        refusals.push((label(server), refusal));
                    }
                }
            }
            target = wanted.otherwise();
        }
        Err(NoServer { wanted: self.target, refusals })
    }

    /// No connection of an earlier era is to be used again.
    pub(crate) fn era(&self) -> u64 {
        self.era.load(Ordering::Relaxed)
    }

    /// After a server of that era turned out to take no changes: another one is asked first.
    pub(crate) fn leave(&self, era: u64) {
        let next = era.wrapping_add(1);
        let left = self.era.compare_exchange(era, next, Ordering::Relaxed, Ordering::Relaxed);
        if left.is_ok() {
            let first = self.first.load(Ordering::Relaxed);
            self.first.store((first + 1) % self.all.len().max(1), Ordering::Relaxed);
        }
    }
}

/// One server being asked. Callers give up before it answers, and the next one must not begin with it again.
struct Attempt<'a> {
    servers: &'a Servers,
    place: usize,
    begun: Instant,
    ended: bool,
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if !self.ended && self.begun.elapsed() > SLOW {
            let (first, next) = (self.place, (self.place + 1) % self.servers.all.len().max(1));
            let order = Ordering::Relaxed;
            let _ = self.servers.first.compare_exchange(first, next, order, order);
        }
    }
}

/// From then on a server counts as one that hangs.
const SLOW: Duration = Duration::from_millis(300);

/// Refuses a server that is not of the role that is looked for.
pub(crate) async fn check(connection: &mut PgConnection, target: Target) -> Result<(), Refusal> {
    if target == Target::Any {
        return Ok(());
    }
    let sql = "SELECT pg_is_in_recovery(), current_setting('transaction_read_only')::boolean";
    let role = async {
        // As text, since poolers in between do not know statements that are prepared.
        let row = sqlx::raw_sql(sql).fetch_one(&mut *connection).await?;
        Ok(Role { is_standby: row.try_get(0)?, is_read_only: row.try_get(1)? })
    };
    let role = role.await.map_err(Refusal::Failed)?;
    match target.admits(role) {
        true => Ok(()),
        false => Err(Refusal::Role(role)),
    }
}

/// Why one server was not used.
#[derive(Debug)]
pub(crate) enum Refusal {
    Failed(sqlx::Error),
    /// It took longer than that.
    Silent(Duration),
    Role(Role),
}

/// Why no server was used.
#[derive(Debug)]
pub(crate) struct NoServer {
    wanted: Target,
    refusals: Vec<(String, Refusal)>,
}

impl fmt::Display for NoServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (label, refusal)) in self.refusals.iter().enumerate() {
            let comma = if place == 0 { "" } else { "; " };
            write!(f, "{comma}{label}: ")?;
            match refusal {
                Refusal::Failed(error) => write!(f, "{error}")?,
                Refusal::Silent(time) => write!(f, "no connection within {time:?}")?,
                Refusal::Role(role) => {
                    write!(
                        f,
                        "it is {role} (target_session_attrs={} is wanted)",
                        self.wanted.as_str()
                    )?;
                }
            }
        }
        Ok(())
    }
}

impl std::error::Error for NoServer {}

impl From<NoServer> for StorageError {
    /// `Unavailable` when at least one of them may be the right one later.
    fn from(error: NoServer) -> Self {
        let later = error.refusals.iter().any(|(_, refusal)| match refusal {
            Refusal::Failed(error) => may_connect_later(error),
            Refusal::Silent(_) | Refusal::Role(_) => true,
        });
        match later {
            true => Self::Unavailable(Box::new(error)),
            false => Self::Other(Box::new(error)),
        }
    }
}

fn label(server: &PgConnectOptions) -> String {
    match server.get_socket() {
        Some(socket) => socket.display().to_string(),
        None => format!("{}:{}", server.get_host(), server.get_port()),
    }
}
