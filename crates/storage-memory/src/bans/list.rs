//! Lists of bans and of the facts of one ledger.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use systemprompt_users_domain::{
    BanFact, BanId, BanOrigin, BannedIp, Cursor, Page, PageRequest, StorageResult,
};
use uuid::Uuid;

use super::BanTable;
use super::ledger::Ledger;
use crate::cursor::{foreign, id_of, time_of};
use crate::place::{Identified, Spot};
use crate::time::micros;
use crate::walk::{Direction, Span, collect_few, pick, range, walk};

impl BanTable {
    /// Facts of a ledger, newest first.
    pub(super) fn history(&self, id: BanId, page: &PageRequest) -> StorageResult<Page<BanFact>> {
        let after = page.after.as_ref().map(Cursor::sequence).transpose().map_err(foreign)?;
        let end = after.map_or(Ok(usize::MAX), |after| usize::try_from(after.saturating_sub(1)));
        let end = end.unwrap_or(usize::MAX);
        let want = usize::from(page.limit.get()) + 1;
        let facts = self.ledgers.get(&id).into_iter().flat_map(|ledger| {
            let skipped = ledger.facts.len().saturating_sub(end);
            ledger.facts.iter().rev().skip(skipped)
        });
        let facts: Vec<BanFact> = facts.take(want).map(|fact| (**fact).clone()).collect();
        Ok(Page::from_rows(facts, page.limit, |fact| {
            Cursor::at_text(format!("{:010}", fact.sequence), fact.ban_id.as_uuid())
        }))
    }

    /// Bans in force, those that began last first.
    pub(super) fn list_active(
        &self,
        now: DateTime<Utc>,
        page: &PageRequest,
    ) -> StorageResult<Page<BannedIp>> {
        let after = time_of(page.after.as_ref())?;
        let span = Span::ALL.behind(after, Direction::Down);
        let indexes = [&self.permanent, &self.temporary].into_iter();
        let ledgers = walk(indexes, &span, Direction::Down).map(|key| &key.row);
        let in_force = |ledger: &&Arc<Ledger>| ledger.ban.is_in_force(now);
        let few = || {
            let running = range(&self.until, &running_at(now));
            let keys = range(&self.permanent, &Span::ALL).chain(running);
            let mut few = collect_few(keys.map(|key| &key.row))?;
            let place = |ledger: &Ledger| (micros(ledger.ban.banned_at), ledger.uuid());
            let after = after.map(|spot| (spot.head, spot.id));
            few.retain(|ledger| after.is_none_or(|after| place(ledger) < after));
            few.sort_unstable_by_key(|ledger| std::cmp::Reverse(place(ledger)));
            Some(few)
        };
        let want = usize::from(page.limit.get()) + 1;
        let bans = pick(ledgers, in_force, want, few);
        let bans = bans.into_iter().map(|ledger| ledger.ban.clone()).collect();
        Ok(Page::from_rows(bans, page.limit, BannedIp::cursor))
    }

    /// Bans in force with a fact in force of that origin, by id.
    pub(super) fn list_by_origin(
        &self,
        origin: &BanOrigin,
        now: DateTime<Utc>,
        page: &PageRequest,
    ) -> StorageResult<Page<BannedIp>> {
        let after = id_of(page.after.as_ref())?;
        let (index, text) = match origin {
            BanOrigin::Source(source) => (&self.sources, source.as_str()),
            BanOrigin::Fingerprint(print) => (&self.fingerprints, print.as_str()),
        };
        let behind = after.map(|spot| Spot::at_text(text, spot.id));
        let all = range(&index.by_id, &Span::of_text(text).behind(behind, Direction::Up));
        let now = micros(now);
        let few = || {
            let running = Span::of_text(text).behind(
                Some(Spot { time: now, id: Uuid::max(), ..Spot::at_text(text, Uuid::max()) }),
                Direction::Up,
            );
            let mut few = collect_few(range(&index.by_end, &running).map(|key| &key.0))?;
            few.retain(|key| after.is_none_or(|after| key.id.as_uuid() > after.id));
            few.sort_unstable_by_key(|key| key.id);
            Some(few)
        };
        let want = usize::from(page.limit.get()) + 1;
        let keys = pick(all, |key| key.until > now, want, few).into_iter();
        let bans = keys.filter_map(|key| self.ledgers.get(&key.id));
        let bans = bans.map(|ledger| ledger.ban.clone()).collect();
        Ok(Page::from_rows(bans, page.limit, |ban| Cursor::at_id(ban.id.as_uuid())))
    }
}

/// Those that end after `now`.
fn running_at(now: DateTime<Utc>) -> Span<'static> {
    Span::since(micros(now).saturating_add(1))
}
