//! Bans: the ledgers, every index of them, and the allow-list.

mod allowed;
mod ledger;
mod list;
mod repository;

use std::ops::{Bound, Range};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use imbl::{HashMap, OrdMap};
use systemprompt_users_domain::{
    BanFact, BanId, BannedIp, IpTarget, StorageError, StorageResult, UserId,
};
use uuid::Uuid;

use self::allowed::AllowList;
use self::ledger::{ByOrigin, ByOriginEnd, Ledger};
use crate::histogram::Histogram;
use crate::index::Index;
use crate::place::{ByOwner, Identified, Spot, Timed};
use crate::time::{micros, micros_from};
use crate::walk::{Change, Direction, Span, range, walk};

/// All ledgers. A clone shares everything.
#[derive(Clone, Default)]
pub(crate) struct BanTable {
    ledgers: HashMap<BanId, Arc<Ledger>>,
    targets: HashMap<IpTarget, BanId>,
    /// How many ledgers are about networks of that family and length: only these can cover a target.
    lengths: OrdMap<(bool, u8), u64>,
    /// Neither lifted nor ever ending by themselves, by `banned_at`.
    permanent: Index<Timed<Ledger>>,
    /// Not lifted and ending some day, by `banned_at`.
    temporary: Index<Timed<Ledger>>,
    /// The same by that day.
    until: Index<Timed<Ledger>>,
    ends: Histogram,
    lifted: Index<Timed<Ledger>>,
    sources: OriginIndex,
    fingerprints: OriginIndex,
    /// Ledgers with facts that refer to a user.
    of_user: Index<ByOwner>,
    allowed: AllowList,
}

/// Ledgers by an origin of their facts in force.
#[derive(Clone, Default)]
struct OriginIndex {
    by_id: Index<ByOrigin>,
    by_end: Index<ByOriginEnd>,
}

impl OriginIndex {
    fn index(&mut self, ends: &OrdMap<Arc<str>, i64>, id: BanId, change: Change) {
        for (origin, until) in ends {
            let key = ByOrigin { origin: Arc::clone(origin), until: *until, id };
            change.apply(&mut self.by_id, key.clone());
            change.apply(&mut self.by_end, ByOriginEnd(key));
        }
    }
}

impl BanTable {
    /// The one place that knows which index holds which ledger.
    fn index(&mut self, ledger: &Arc<Ledger>, change: Change) {
        let ban = &ledger.ban;
        let by_start = Timed::new(micros(ban.banned_at), ledger);
        if let Some(lifted_at) = ban.lifted_at {
            change.apply(&mut self.lifted, Timed::new(micros(lifted_at), ledger));
        } else if ban.until.time().is_none() {
            change.apply(&mut self.permanent, by_start);
        } else {
            change.apply(&mut self.temporary, by_start);
            change.apply(&mut self.until, Timed::new(ledger.until(), ledger));
            match change {
                Change::In => self.ends.add(ledger.until()),
                Change::Out => self.ends.remove(ledger.until()),
            }
        }
        self.sources.index(&ledger.sources, ban.id, change);
        self.fingerprints.index(&ledger.fingerprints, ban.id, change);
        for user in ledger.users.keys() {
            change.apply(&mut self.of_user, ByOwner { owner: user.as_uuid(), id: ledger.uuid() });
        }
        let length = length(&ban.target);
        match change {
            Change::In => {
                *self.lengths.entry(length).or_insert(0) += 1;
                self.targets.insert(ban.target, ban.id);
                self.ledgers.insert(ban.id, Arc::clone(ledger));
            }
            Change::Out => {
                match self.lengths.get_mut(&length) {
                    Some(count) if *count > 1 => *count -= 1,
                    _ => drop(self.lengths.remove(&length)),
                }
                self.targets.remove(&ban.target);
                self.ledgers.remove(&ban.id);
            }
        }
    }

    fn find(&self, target: &IpTarget) -> Option<&Arc<Ledger>> {
        self.ledgers.get(self.targets.get(target)?)
    }

    fn covering(&self, target: &IpTarget, now: DateTime<Utc>) -> impl Iterator<Item = BannedIp> {
        let banned = target.covering().filter(|wider| self.lengths.contains_key(&length(wider)));
        let ledgers = banned.filter_map(|wider| self.find(&wider));
        ledgers.filter(move |ledger| ledger.ban.is_in_force(now)).map(|ledger| ledger.ban.clone())
    }

    /// Adds facts, all or none: a clone is changed, and takes the place of `self` when all went well.
    fn append(&mut self, changes: &[(BannedIp, BanFact)]) -> StorageResult<()> {
        let mut next = self.clone();
        for (ban, fact) in changes {
            let old = next.ledgers.get(&ban.id).cloned();
            let held = old.as_ref().map_or(0, |ledger| ledger.facts.len());
            let other = next.targets.get(&ban.target).is_some_and(|id| *id != ban.id);
            if other || usize::try_from(ban.fact_count) != Ok(held + 1) {
                return Err(StorageError::Stale);
            }
            let mut ledger = old.as_deref().cloned().unwrap_or_else(|| Ledger::new(ban.clone()));
            ledger.append(ban, fact);
            next.replace(old.as_ref(), ledger);
        }
        *self = next;
        Ok(())
    }

    fn replace(&mut self, old: Option<&Arc<Ledger>>, new: Ledger) {
        if let Some(old) = old {
            self.index(old, Change::Out);
        }
        self.index(&Arc::new(new), Change::In);
    }

    fn count_active(&self, now: DateTime<Utc>) -> u64 {
        let walk = |edge: Range<i64>| {
            if edge.is_empty() {
                return 0;
            }
            let spot = |time| Spot::at_time(time, Uuid::nil());
            let span = Span {
                from: Bound::Included(spot(edge.start)),
                until: Bound::Excluded(spot(edge.end)),
            };
            range(&self.until, &span).count() as u64
        };
        let running = self.ends.count(micros(now).saturating_add(1)..i64::MAX, walk);
        self.permanent.len() as u64 + running
    }

    fn ids_of(&self, user: UserId) -> Vec<BanId> {
        let keys = range(&self.of_user, &Span::of_owner(user.as_uuid()));
        keys.map(|key| BanId::from_uuid(key.id)).collect()
    }

    pub(crate) fn count_facts_of(&self, user: UserId) -> u64 {
        let ledgers = self.ids_of(user).into_iter().filter_map(|id| self.ledgers.get(&id));
        ledgers.filter_map(|ledger| ledger.users.get(&user)).sum()
    }

    pub(crate) fn reassign_user(&mut self, source: UserId, target: Option<UserId>) -> u64 {
        if target == Some(source) {
            return self.count_facts_of(source);
        }
        let mut moved = 0;
        for id in self.ids_of(source) {
            let Some(old) = self.ledgers.get(&id).cloned() else { continue };
            let mut ledger = (*old).clone();
            moved += ledger.reassign(source, target);
            self.replace(Some(&old), ledger);
        }
        moved
    }

    fn delete_over(&mut self, before: DateTime<Utc>, limit: u16) -> u64 {
        let span = Span::before(micros_from(before));
        let over = walk([&self.lifted, &self.until].into_iter(), &span, Direction::Up);
        let over: Vec<_> = over.take(usize::from(limit)).cloned().collect();
        for key in &over {
            self.index(&key.row, Change::Out);
        }
        over.len() as u64
    }
}

/// The family and the length of a network.
fn length(target: &IpTarget) -> (bool, u8) {
    (target.network().addr().is_ipv6(), target.network().prefix_len())
}
