//! Follows the log of events, and keeps what is in memory in step with it.

use std::sync::Arc;
use std::time::Duration;

use systemprompt_users_domain::{
    EventFilter, EventId, EventKind, EventPosition, MAX_PAGE_LIMIT, PageLimit, PageRequest,
    RecordedEvent, Result, StorageError, UnitOfWork, UserError,
};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use super::alarm::Alarm;
use super::bans::{BanBook, BanSnapshot};
use super::memory::Memory;
use crate::Context;

/// How many rows are read at a time.
const BATCH: u16 = MAX_PAGE_LIMIT;

/// Reads are at least this far apart, so that many commits share one.
const GAP: Duration = Duration::from_millis(1);

/// How often bans that are over are dropped.
const TIDY_EVERY: Duration = Duration::from_secs(600);

/// How long after its end a ban is kept, for clocks that are set back.
const GRACE: chrono::Duration = chrono::Duration::hours(1);

/// Reads the log from where it stands.
pub(super) struct Follower {
    context: Context,
    patience: Duration,
    book: BanBook,
    /// The last event that was read; `None` is before all of them.
    at: Option<(EventPosition, EventId)>,
}

/// How far a read of the log got.
enum Progress {
    /// Everything there was.
    UpToDate,
    /// The event that it stands at is gone, and who knows what else: the log was cut, or the storage is
    /// another one.
    Lost,
}

impl Follower {
    /// A follower that stands at the end of the log, and what holds there.
    pub(super) async fn load(context: Context, patience: Duration) -> Result<(Self, BanSnapshot)> {
        let mut follower = Self { context, patience, book: BanBook::default(), at: None };
        let snapshot = follower.reload().await?;
        Ok((follower, snapshot))
    }

    /// Fills the book anew. What happens meanwhile is behind the event at which it stands then.
    async fn reload(&mut self) -> Result<BanSnapshot> {
        let mut unit = self.read().await?;
        let all = EventFilter::default();
        let newest = unit.events().list(&all, None, 1);
        let newest = self.bounded(newest).await?.pop();
        let mut book = BanBook::default();
        let now = self.context.now();
        let mut page = Some(first_page());
        while let Some(request) = page.take() {
            let bans = self.bounded(unit.bans().list_active(now, &request)).await?;
            bans.items.iter().for_each(|ban| book.ban(ban.target, ban.until));
            page = bans.next.map(|next| PageRequest { after: Some(next), ..request });
        }
        let mut page = Some(first_page());
        while let Some(request) = page.take() {
            let allowed = self.bounded(unit.bans().list_allowed(&request)).await?;
            allowed.items.iter().for_each(|network| book.allow(network.target));
            page = allowed.next.map(|next| PageRequest { after: Some(next), ..request });
        }
        self.at = newest.map(|event| (event.position, event.event.id));
        self.book = book;
        Ok(self.book.freeze())
    }

    /// The same once it has read what happened while it was loaded.
    pub(super) async fn caught_up(mut self, memory: &Memory) -> Result<Self> {
        self.catch_up(memory).await?;
        Ok(self)
    }

    /// Follows until `stop`.
    pub(super) async fn run(
        mut self,
        memory: Arc<Memory>,
        alarm: Arc<Alarm>,
        mut stop: watch::Receiver<bool>,
        poll: Duration,
    ) {
        let mut silent = false;
        let mut tidied = Instant::now();
        loop {
            match self.catch_up(&memory).await {
                Ok(()) if silent => {
                    silent = false;
                    // Its connection may hang as well, and nobody would tell.
                    alarm.renew();
                    tracing::info!("the storage answers again; changes are followed");
                }
                Err(error) if !silent => {
                    silent = true;
                    tracing::warn!(%error, "changes can't be followed; tried again until they can");
                }
                _ => {}
            }
            if tidied.elapsed() >= TIDY_EVERY {
                tidied = Instant::now();
                self.book.drop_over(self.context.now() - GRACE);
                self.book.publish(&memory.bans);
            }
            tokio::select! {
                _ = stop.changed() => return,
                () = tokio::time::sleep(poll) => {}
                () = alarm.rung() => tokio::time::sleep(GAP).await,
            }
        }
    }

    async fn catch_up(&mut self, memory: &Memory) -> Result<()> {
        if let Progress::UpToDate = self.follow(memory).await? {
            return Ok(());
        }
        tracing::warn!("the log of events does not go on from where it was read; loading anew");
        let snapshot = self.reload().await?;
        memory.bans.store(Arc::new(snapshot));
        // What is read from now on is as new as the snapshot.
        memory.sessions.clear();
        memory.keys.clear();
        memory.count_reload();
        // Should it be cut once more by now, the next look finds it; until then nothing is confirmed.
        self.follow(memory).await.map(drop)
    }

    /// Reads and applies all there is behind the event at which it stands.
    async fn follow(&mut self, memory: &Memory) -> Result<Progress> {
        loop {
            let began = Instant::now();
            let mut unit = self.read().await?;
            // The event itself is read once more: if it is gone, so may be others behind it.
            let after = self.at.map_or(0, |(position, _)| position.0 - 1);
            let read = unit.events().read(EventPosition(after), BATCH);
            let events = self.bounded(read).await?;
            drop(unit);
            let Some(news) = self.behind(&events) else { return Ok(Progress::Lost) };
            for event in news {
                self.apply(&event.event.kind, memory);
            }
            self.at = events.last().map(|event| (event.position, event.event.id)).or(self.at);
            self.book.publish(&memory.bans);
            memory.heard.tell(self.at.map_or(EventPosition::START, |(position, _)| position));
            if events.len() < usize::from(BATCH) {
                memory.freshness.confirm(began);
                return Ok(Progress::UpToDate);
            }
        }
    }

    /// The events behind the one at which it stands; `None` when that one is not there any more.
    fn behind<'a>(&self, events: &'a [RecordedEvent]) -> Option<&'a [RecordedEvent]> {
        match (self.at, events.split_first()) {
            (Some(at), Some((first, news))) => {
                ((first.position, first.event.id) == at).then_some(news)
            }
            (Some(_), None) => None,
            (None, Some((first, _))) => (first.position == EventPosition(1)).then_some(events),
            (None, None) => Some(events),
        }
    }

    fn apply(&mut self, kind: &EventKind, memory: &Memory) {
        match kind {
            EventKind::IpBanned { target, until } => self.book.ban(*target, *until),
            EventKind::IpUnbanned { target } => self.book.lift(*target),
            EventKind::NetworkAllowed { target } => self.book.allow(*target),
            EventKind::NetworkDisallowed { target } => self.book.disallow(*target),
            EventKind::SessionsEnded { user_id, session_ids, .. } => {
                memory.sessions.throw_out_sessions(*user_id, session_ids);
            }
            EventKind::UserMerged { user_id, into, .. } => {
                memory.sessions.throw_out_user(*user_id);
                memory.sessions.throw_out_user(*into);
            }
            EventKind::ApiKeyRotated { key_id, .. } | EventKind::ApiKeyRevoked { key_id } => {
                memory.keys.throw_out(*key_id);
            }
            EventKind::UserCreated { .. } | EventKind::SessionStarted { .. } => {}
            other => {
                if let Some(user) = other.user_id() {
                    memory.sessions.throw_out_user(user);
                }
            }
        }
    }

    async fn read(&self) -> Result<Box<dyn UnitOfWork>> {
        match timeout(self.patience, self.context.read()).await {
            Ok(unit) => unit,
            Err(elapsed) => Err(UserError::Storage(StorageError::Unavailable(elapsed.into()))),
        }
    }

    async fn bounded<T>(
        &self,
        question: impl Future<Output = systemprompt_users_domain::StorageResult<T>>,
    ) -> Result<T> {
        match timeout(self.patience, question).await {
            Ok(answer) => Ok(answer?),
            Err(elapsed) => Err(UserError::Storage(StorageError::Unavailable(elapsed.into()))),
        }
    }
}

const fn first_page() -> PageRequest {
    PageRequest { after: None, limit: PageLimit::MAX }
}
