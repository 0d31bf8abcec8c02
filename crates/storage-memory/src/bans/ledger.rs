//! The ledger of one target: its state, its facts, and what indexes need to know of them.

use std::sync::Arc;

use imbl::{OrdMap, Vector};
use systemprompt_users_domain::{BanEnd, BanFact, BanFactKind, BanId, BannedIp, UserId};
use uuid::Uuid;

use crate::place::{Identified, Spot, ordered_by_spot};
use crate::time::micros;

/// The facts of a target and the state they amount to.
#[derive(Clone)]
pub(crate) struct Ledger {
    pub(crate) ban: BannedIp,
    /// In the order of their sequence, which begins at 1.
    pub(crate) facts: Vector<Arc<BanFact>>,
    /// The latest end of the facts since the last lift, by their source.
    pub(crate) sources: OrdMap<Arc<str>, i64>,
    /// The same by their fingerprint.
    pub(crate) fingerprints: OrdMap<Arc<str>, i64>,
    /// How many facts refer to which user.
    pub(crate) users: OrdMap<UserId, u64>,
}

impl Ledger {
    pub(crate) fn new(ban: BannedIp) -> Self {
        Self {
            ban,
            facts: Vector::new(),
            sources: OrdMap::new(),
            fingerprints: OrdMap::new(),
            users: OrdMap::new(),
        }
    }

    /// Adds a fact with the state that follows from it.
    pub(crate) fn append(&mut self, ban: &BannedIp, fact: &BanFact) {
        self.ban = ban.clone();
        match fact.kind {
            BanFactKind::Lifted => {
                self.sources.clear();
                self.fingerprints.clear();
            }
            BanFactKind::Banned { until } => {
                extend(&mut self.sources, fact.source.as_deref(), until);
                let print = fact.fingerprint.as_ref().map(|print| print.as_str());
                extend(&mut self.fingerprints, print, until);
            }
        }
        if let Some(user) = fact.user_id {
            *self.users.entry(user).or_insert(0) += 1;
        }
        self.facts.push_back(Arc::new(fact.clone()));
    }

    /// Associates the facts of `source`, and the state if it is theirs, with `target`.
    pub(crate) fn reassign(&mut self, source: UserId, target: Option<UserId>) -> u64 {
        for fact in &mut self.facts {
            if fact.user_id == Some(source) {
                *fact = Arc::new(BanFact { user_id: target, ..(**fact).clone() });
            }
        }
        if self.ban.user_id == Some(source) {
            self.ban.user_id = target;
        }
        let moved = self.users.remove(&source).unwrap_or_default();
        if let Some(target) = target.filter(|_| moved > 0) {
            *self.users.entry(target).or_insert(0) += moved;
        }
        moved
    }

    /// When the bans in force end; the end of time for one that never does.
    pub(crate) fn until(&self) -> i64 {
        end_micros(self.ban.until)
    }
}

impl Identified for Ledger {
    fn uuid(&self) -> Uuid {
        self.ban.id.as_uuid()
    }
}

fn extend(ends: &mut OrdMap<Arc<str>, i64>, origin: Option<&str>, until: BanEnd) {
    if let Some(origin) = origin {
        let end = ends.entry(origin.into()).or_insert(i64::MIN);
        *end = (*end).max(end_micros(until));
    }
}

fn end_micros(end: BanEnd) -> i64 {
    end.time().map_or(i64::MAX, micros)
}

/// A ledger by an origin of its facts in force, and by id.
#[derive(Clone)]
pub(crate) struct ByOrigin {
    pub(crate) origin: Arc<str>,
    pub(crate) until: i64,
    pub(crate) id: BanId,
}

ordered_by_spot!(ByOrigin, |key| Spot::at_text(&key.origin, key.id.as_uuid()));

/// The same by origin, and by the latest end of its facts of that origin.
#[derive(Clone)]
pub(crate) struct ByOriginEnd(pub(crate) ByOrigin);

ordered_by_spot!(ByOriginEnd, |key| {
    Spot { time: key.0.until, ..Spot::at_text(&key.0.origin, key.0.id.as_uuid()) }
});
