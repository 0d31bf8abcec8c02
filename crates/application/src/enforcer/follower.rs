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
    at: Place,
    /// What was loaded when a page failed: the next attempt goes on there.
    loading: Option<Loading>,
}

/// The last event that was read; `None` is before all of them.
type Place = Option<(EventPosition, EventId)>;

/// A book that is being filled.
struct Loading {
    /// Where the log ended before: what happens meanwhile is behind it.
    from: Place,
    book: BanBook,
    next: Option<Part>,
    pages: u64,
}

/// The page that is loaded next.
enum Part {
    Bans(PageRequest),
    Allowed(PageRequest),
}

/// How far a read of the log got.
enum Progress {
    /// One page, and there is more.
    More,
    /// Everything there was.
    UpToDate,
    /// The event that it stands at is gone, and who knows what else: the log was cut, or the storage is
    /// another one.
    Lost,
}

impl Follower {
    /// A follower that stands in the log, and what holds from there on. Whatever is in the log behind it, such as a
    /// million events of an import, is read later: nothing that was loaded is older than where it stands.
    ///
    /// It gives up when the storage fails twice without a page in between.
    pub(super) async fn load(context: Context, patience: Duration) -> Result<(Self, BanSnapshot)> {
        let book = BanBook::default();
        let mut follower = Self { context, patience, book, at: None, loading: None };
        let mut pages = 0;
        loop {
            match follower.reload().await {
                Ok(snapshot) => return Ok((follower, snapshot)),
                Err(error) => match &follower.loading {
                    Some(loading) if loading.pages > pages => pages = loading.pages,
                    _ => return Err(error),
                },
            }
        }
    }

    /// Fills the book again, page by page, each within the patience. What was loaded when one fails is kept.
    async fn reload(&mut self) -> Result<BanSnapshot> {
        let mut unit = self.read().await?;
        let mut loading = match self.loading.take() {
            Some(loading) => loading,
            None => self.begin_loading(&mut *unit).await?,
        };
        while let Some(part) = loading.next.take() {
            match self.load_page(&mut *unit, &part, &mut loading.book).await {
                Ok(next) => loading = Loading { next, pages: loading.pages + 1, ..loading },
                Err(error) => {
                    self.loading = Some(Loading { next: Some(part), ..loading });
                    return Err(error);
                }
            }
        }
        self.at = loading.from;
        self.book = loading.book;
        Ok(self.book.freeze())
    }

    async fn begin_loading(&self, unit: &mut dyn UnitOfWork) -> Result<Loading> {
        let all = EventFilter::default();
        let newest = self.bounded(unit.events().list(&all, None, 1)).await?.pop();
        let from = newest.map(|event| (event.position, event.event.id));
        let next = Some(Part::Bans(first_page()));
        Ok(Loading { from, book: BanBook::default(), next, pages: 0 })
    }

    /// Puts one page into `book`, and returns the page that follows.
    async fn load_page(
        &self,
        unit: &mut dyn UnitOfWork,
        part: &Part,
        book: &mut BanBook,
    ) -> Result<Option<Part>> {
        let behind = |after| PageRequest { after: Some(after), ..first_page() };
        match part {
            Part::Bans(page) => {
                let now = self.context.now();
                let bans = self.bounded(unit.bans().list_active(now, page)).await?;
                bans.items.iter().for_each(|ban| book.ban(ban.target, ban.until));
                let next = bans.next.map(|next| Part::Bans(behind(next)));
                Ok(next.or_else(|| Some(Part::Allowed(first_page()))))
            }
            Part::Allowed(page) => {
                let allowed = self.bounded(unit.bans().list_allowed(page)).await?;
                allowed.items.iter().for_each(|network| book.allow(network.target));
                Ok(allowed.next.map(|next| Part::Allowed(behind(next))))
            }
        }
    }

    /// Has read one page of what happened while it was loaded, which mostly is all of it. The rest is read in the
    /// background: nobody waits for it.
    pub(super) async fn begun(mut self, memory: &Memory) -> Result<Self> {
        self.follow_page(memory).await?;
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
        // Since when changes can't be followed, and how often that was tried.
        let mut silent: Option<(Instant, u64)> = None;
        let mut tidied = Instant::now();
        loop {
            let caught_up = tokio::select! {
                biased;
                // However much there is to read. What was read stays.
                _ = stop.changed() => return,
                caught_up = self.catch_up(&memory) => caught_up,
            };
            match caught_up {
                Ok(()) => {
                    if let Some((since, failures)) = silent.take() {
                        // Its connection may hang as well, and nobody would tell.
                        alarm.renew();
                        let seconds = since.elapsed().as_secs_f64();
                        tracing::info!(failures, seconds, "changes are followed again");
                    }
                }
                Err(error) => {
                    let (_, failures) = silent.get_or_insert((Instant::now(), 0));
                    *failures += 1;
                    if *failures == 1 {
                        tracing::warn!(%error, "changes can't be followed; tried again until they can");
                    }
                }
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
            // What was loaded half way is not needed any more.
            self.loading = None;
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
            match self.follow_page(memory).await? {
                Progress::More => {}
                end => return Ok(end),
            }
        }
    }

    /// Reads and applies one page.
    async fn follow_page(&mut self, memory: &Memory) -> Result<Progress> {
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
        Ok(Progress::More)
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
