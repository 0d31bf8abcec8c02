//! A copy of the database that lags behind: when it is asked, and when it is passed over.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use systemprompt_users_domain::{StorageError, StorageResult};
use tokio::runtime::Handle;
use tokio::time::timeout;

use crate::migrate;
use crate::pool::{Lease, Pool};

/// The longest that a question waits for the replica before the primary is asked.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);

/// How long a replica that did not answer is left alone.
const REST: Duration = Duration::from_secs(1);

/// The connections to a replica. A clone is a handle.
///
/// One question may find out that it does not answer. From then on all go to the primary at once, and a task
/// beside them looks now and then whether it answers again: no question waits for a server that is gone.
#[derive(Clone)]
pub(crate) struct Replica {
    shared: Arc<Shared>,
}

struct Shared {
    pool: Pool,
    /// While it is passed over: when it is looked at again.
    rests_until: Mutex<Option<Instant>>,
}

impl Replica {
    /// A replica whose schema is that of the primary, `expected`; one that does not answer is passed over
    /// until it does.
    pub(crate) async fn connect(pool: Pool, expected: i64) -> StorageResult<Self> {
        let replica = Self { shared: Arc::new(Shared { pool, rests_until: Mutex::default() }) };
        match replica.shared.schema_version().await {
            Ok((current, _)) if current < expected => {
                return Err(StorageError::Other(
                    format!(
                        "the schema of the replica is at version {current} and that of the primary at \
                         {expected}: it is not a copy of it, or has not caught up yet"
                    )
                    .into(),
                ));
            }
            Ok((current, latest)) if current < latest => replica.look_again(),
            Ok(_) => {}
            Err(error @ StorageError::Unavailable(_)) => replica.pass_over(&error),
            Err(error) => return Err(error),
        }
        Ok(replica)
    }

    /// A connection that has just answered; `None` while the replica is passed over.
    pub(crate) async fn acquire(&self) -> Option<Lease> {
        if !self.is_in_use() {
            self.look_if_it_is_time();
            return None;
        }
        match self.shared.pool.acquire_alive().await {
            Ok(lease) => Some(lease),
            Err(error) => {
                self.pass_over(&error);
                None
            }
        }
    }

    /// Whether it is asked.
    pub(crate) fn is_in_use(&self) -> bool {
        self.shared.rests_until().is_none()
    }

    /// Passes it over until it is found to have the schema of this program, as after a migration.
    pub(crate) fn look_again(&self) {
        *self.shared.rests_until() = Some(Instant::now());
    }

    pub(crate) async fn close(&self) {
        self.shared.pool.close().await;
    }

    fn pass_over(&self, error: &StorageError) {
        // If one connection is dead, the others most likely are, too.
        self.shared.pool.forget_idle();
        if self.shared.rests_until().replace(Instant::now() + REST).is_none() {
            let error = error as &dyn std::error::Error;
            tracing::warn!(error, "the replica does not answer: lists come from the primary");
        }
    }

    fn look_if_it_is_time(&self) {
        let Ok(runtime) = Handle::try_current() else { return };
        {
            let mut rests_until = self.shared.rests_until();
            let now = Instant::now();
            if rests_until.is_none_or(|until| now < until) {
                return;
            }
            // So that nobody else looks meanwhile.
            *rests_until = Some(now + PATIENCE + REST);
        }
        let shared = Arc::clone(&self.shared);
        runtime.spawn(async move { shared.look().await });
    }
}

impl Shared {
    fn rests_until(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.rests_until.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn look(&self) {
        let found = self.schema_version().await;
        let is_ready = found.as_ref().is_ok_and(|(current, latest)| current >= latest);
        *self.rests_until() = (!is_ready).then(|| Instant::now() + REST);
        match found {
            Ok(_) if is_ready => tracing::info!("the replica answers: lists come from it"),
            Ok((current, latest)) => {
                tracing::warn!(current, latest, "the schema of the replica is behind");
            }
            Err(error) => tracing::debug!(%error, "the replica still does not answer"),
        }
    }

    async fn schema_version(&self) -> StorageResult<(i64, i64)> {
        let ask = async {
            let mut connection = self.pool.connect_unbounded().await?;
            migrate::version(&mut connection).await
        };
        let asked = timeout(PATIENCE, ask).await;
        asked.map_err(|elapsed| StorageError::Unavailable(elapsed.into()))?
    }
}
