//! Last activity: kept in memory, written in batches.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use systemprompt_users_domain::{SessionId, UserSession};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use super::sessions::CachedSession;
use crate::{Context, SessionService};

/// How many notes may wait to be taken up; more are dropped, and made again at the next use.
const QUEUE: usize = 65_536;

/// How many sessions may wait to be written while the storage does not answer.
const MAX_WAITING: usize = 200_000;

/// How many are written at a time.
const BATCH: usize = 1_000;

/// How long notes are collected before they are written.
const COLLECT: Duration = Duration::from_millis(200);

/// How long is waited after a write that failed.
const RECOVER: Duration = Duration::from_secs(1);

/// When a session was used last, in microseconds since 1970.
pub(super) struct Seen {
    last: AtomicI64,
    noted: AtomicI64,
    /// For how long it may be idle.
    idle: i64,
    /// How long after a note the next one is made.
    interval: i64,
}

impl Seen {
    pub(super) fn new(session: &UserSession, touch_interval: Duration) -> Self {
        let last = session.last_activity_at.timestamp_micros();
        let idle = session.idle_timeout.and_then(|idle| idle.num_microseconds());
        let idle = idle.unwrap_or(i64::MAX);
        // Far enough from the timeout that what is written finds the session still open in the storage.
        let interval = i64::try_from(touch_interval.as_micros()).unwrap_or(i64::MAX).min(idle / 4);
        Self { last: AtomicI64::new(last), noted: AtomicI64::new(last), idle, interval }
    }

    /// Whether it has not been used for too long, as far as this host knows.
    pub(super) fn is_idle(&self, now: DateTime<Utc>) -> bool {
        now.timestamp_micros() >= self.last.load(Ordering::Relaxed).saturating_add(self.idle)
    }

    pub(super) fn last(&self) -> Option<DateTime<Utc>> {
        DateTime::from_timestamp_micros(self.last.load(Ordering::Relaxed))
    }

    /// Moves on to `now`; answers whether that is to be noted, and takes it as noted.
    fn advance(&self, now: i64) -> bool {
        // Not for every request, so that processors do not quarrel about the memory of one busy session.
        if now - self.last.load(Ordering::Relaxed) >= 1_000 {
            self.last.fetch_max(now, Ordering::Relaxed);
        }
        let noted = self.noted.load(Ordering::Relaxed);
        now - noted >= self.interval
            && self.noted.compare_exchange(noted, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

/// Where uses of sessions are noted.
pub(super) struct Activity {
    queue: mpsc::Sender<Arc<CachedSession>>,
    dropped: AtomicU64,
}

impl Activity {
    /// The notes, and the end from which they are written.
    pub(super) fn new() -> (Self, mpsc::Receiver<Arc<CachedSession>>) {
        let (queue, notes) = mpsc::channel(QUEUE);
        (Self { queue, dropped: AtomicU64::new(0) }, notes)
    }

    /// Notes that a session was used.
    pub(super) fn note(&self, cached: &Arc<CachedSession>, now: DateTime<Utc>) {
        let now = now.timestamp_micros();
        if cached.seen.advance(now) && self.queue.try_send(Arc::clone(cached)).is_err() {
            cached.seen.noted.store(i64::MIN / 2, Ordering::Relaxed);
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

/// Writes what was noted, until `stop`, and then what is left.
pub(super) async fn write_activity(
    context: Context,
    mut notes: mpsc::Receiver<Arc<CachedSession>>,
    mut stop: watch::Receiver<bool>,
    patience: Duration,
) {
    let sessions = SessionService::from(context);
    let mut waiting: HashMap<SessionId, Arc<CachedSession>> = HashMap::new();
    let mut batch = Vec::new();
    let mut pause = COLLECT;
    loop {
        let stopped = tokio::select! {
            _ = stop.changed() => true,
            received = notes.recv_many(&mut batch, BATCH), if waiting.is_empty() => {
                // So many requests share one write.
                received == 0 || timeout(pause, stop.changed()).await.is_ok()
            }
            () = tokio::time::sleep(pause), if !waiting.is_empty() => false,
        };
        waiting.extend(batch.drain(..).map(|cached| (cached.session.session.id, cached)));
        // What does not fit stays in the queue, and no more gets into that.
        while waiting.len() < MAX_WAITING
            && let Ok(cached) = notes.try_recv()
        {
            waiting.insert(cached.session.session.id, cached);
        }
        let written = write(&sessions, &mut waiting, patience).await;
        if stopped {
            return;
        }
        pause = if written { COLLECT } else { RECOVER };
    }
}

/// Writes all that waits, batch by batch; answers whether it succeeded. What failed goes on waiting.
async fn write(
    sessions: &SessionService,
    waiting: &mut HashMap<SessionId, Arc<CachedSession>>,
    patience: Duration,
) -> bool {
    while !waiting.is_empty() {
        let batch: Vec<_> = waiting
            .iter()
            .filter_map(|(id, cached)| Some((*id, cached.seen.last()?)))
            .take(BATCH)
            .collect();
        match timeout(patience, sessions.touch_many(&batch)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(%error, "activity could not be written; it is kept and tried again");
                return false;
            }
            Err(_) => {
                tracing::warn!("activity could not be written in time; it is kept and tried again");
                return false;
            }
        }
        for (id, _) in &batch {
            waiting.remove(id);
        }
    }
    true
}
