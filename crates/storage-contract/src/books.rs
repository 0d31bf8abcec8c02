//! Ledgers of bans kept beside the storage, and what every question about them must be answered with.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use systemprompt_users_domain::{
    Actor, BanFact, BanFactKind, BanOrigin, BannedIp, IpTarget, Offence,
};

use crate::Subject;
use crate::fixtures::{at, banned};

/// The ledgers by number, and the changes that are not stored yet.
#[derive(Default)]
pub(crate) struct Books {
    ledgers: BTreeMap<u32, (BannedIp, Vec<BanFact>)>,
    pending: Vec<(BannedIp, BanFact)>,
}

impl Books {
    /// Bans the target of a ledger, which begins if it is not there.
    pub(crate) fn ban(&mut self, n: u32, offence: Offence, time: DateTime<Utc>) {
        let change = match self.ledgers.get(&n) {
            Some((ban, _)) => ban.clone().ban_again(offence, &Actor::System, time),
            None => banned(n, offence, time),
        };
        self.take(n, change);
    }

    /// Lifts all bans of a ledger.
    pub(crate) fn lift(&mut self, n: u32, time: DateTime<Utc>) {
        let by = Actor::Operator("root".into());
        let change = self.ledgers[&n].0.clone().lift(&by, Some("by mistake".into()), time);
        self.take(n, change);
    }

    fn take(&mut self, n: u32, change: (BannedIp, BanFact)) {
        let (ban, fact) = change.clone();
        let ledger = self.ledgers.entry(n).or_insert_with(|| (ban.clone(), Vec::new()));
        ledger.0 = ban;
        ledger.1.push(fact);
        self.pending.push(change);
    }

    /// Stores the changes, each ledger once in a batch.
    pub(crate) async fn post(&mut self, subject: &Subject) {
        let mut rest = std::mem::take(&mut self.pending);
        while !rest.is_empty() {
            let mut seen = BTreeSet::new();
            let (batch, later): (Vec<_>, Vec<_>) =
                rest.into_iter().partition(|(ban, _)| seen.insert(ban.id));
            subject.append_bans(&batch).await;
            rest = later;
        }
    }

    /// The changes since the last, for a case that stores them itself.
    pub(crate) fn unposted(&mut self) -> Vec<(BannedIp, BanFact)> {
        std::mem::take(&mut self.pending)
    }

    /// The ledger of that number.
    pub(crate) fn ledger(&self, n: u32) -> BannedIp {
        self.ledgers[&n].0.clone()
    }

    /// The facts of a ledger, newest first.
    pub(crate) fn history(&self, n: u32) -> Vec<BanFact> {
        self.ledgers[&n].1.iter().rev().cloned().collect()
    }

    /// All ledgers.
    pub(crate) fn all(&self) -> Vec<BannedIp> {
        self.ledgers.values().map(|(ban, _)| ban.clone()).collect()
    }

    /// Those in force, begun last first.
    pub(crate) fn active(&self, now: DateTime<Utc>) -> Vec<BannedIp> {
        let mut active: Vec<_> =
            self.all().into_iter().filter(|ban| ban.is_in_force(now)).collect();
        active.sort_by_key(|ban| Reverse((ban.banned_at, ban.id)));
        active
    }

    /// Those in force on a target, the narrowest first.
    pub(crate) fn covering(&self, target: &IpTarget, now: DateTime<Utc>) -> Vec<BannedIp> {
        let mut covering: Vec<_> =
            self.active(now).into_iter().filter(|ban| ban.target.contains(target)).collect();
        covering.sort_by_key(|ban| Reverse(ban.target.network().prefix_len()));
        covering
    }

    /// Those in force with a fact of that origin in force, by id.
    pub(crate) fn of_origin(&self, origin: &BanOrigin, now: DateTime<Utc>) -> Vec<BannedIp> {
        let counts = |ban: &BannedIp, fact: &BanFact| {
            let of_origin = match origin {
                BanOrigin::Source(source) => fact.source.as_ref() == Some(source),
                BanOrigin::Fingerprint(mark) => fact.fingerprint.as_ref() == Some(mark),
            };
            let in_force = match fact.kind {
                BanFactKind::Banned { until } => until.is_after(now),
                BanFactKind::Lifted => false,
            };
            of_origin && in_force && fact.sequence > ban.lifted_through
        };
        let mut found: Vec<_> = self
            .ledgers
            .values()
            .filter(|(ban, facts)| {
                ban.is_in_force(now) && facts.iter().any(|fact| counts(ban, fact))
            })
            .map(|(ban, _)| ban.clone())
            .collect();
        found.sort_by_key(|ban| ban.id);
        found
    }

    /// Takes up to `limit` ledgers out that were over before `before`, those over longest first, and
    /// answers how many.
    pub(crate) fn drop_over(&mut self, before: DateTime<Utc>, limit: u16) -> u64 {
        let mut over: Vec<_> = self
            .ledgers
            .iter()
            .filter_map(|(n, (ban, _))| Some((ban.over_at().filter(|time| *time < before)?, *n)))
            .collect();
        over.sort();
        over.truncate(limit.into());
        over.iter().for_each(|(_, n)| drop(self.ledgers.remove(n)));
        over.len() as u64
    }
}

/// Whole hours from the start.
pub(crate) fn hour(hours: i64) -> DateTime<Utc> {
    at(hours * 3_600)
}
