//! The model of bans: a ledger is a list of facts.

use chrono::{DateTime, Duration, Utc};

use super::command::{Number, TARGETS};
use super::world::{Refusal, World};

/// What happened to a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fact {
    /// Until then; `None` is for ever.
    Banned {
        until: Option<DateTime<Utc>>,
        user: Option<Number>,
    },
    Lifted {
        at: DateTime<Utc>,
    },
}

impl World {
    pub(crate) fn ban(&mut self, target: &'static str, hours: Option<i64>, user: Number) -> String {
        let until = hours.map(|hours| self.now + Duration::hours(hours));
        let user = Some(user).filter(|user| self.find(*user).is_ok());
        self.ledgers.entry(target).or_default().push(Fact::Banned { until, user });
        self.note("ip_banned", target);
        format!("until {:?}", self.until(target))
    }

    pub(crate) fn lift(&mut self, target: &'static str) -> Result<String, Refusal> {
        if !self.is_in_force(target) {
            return Err("not_found");
        }
        let at = self.now;
        self.ledgers.entry(target).or_default().push(Fact::Lifted { at });
        self.note("ip_unbanned", target);
        let still = TARGETS.iter().filter(|wider| covers(wider, target) && self.is_in_force(wider));
        Ok(format!("covered {}", still.count()))
    }

    pub(crate) fn allow(&mut self, target: &'static str) -> String {
        let added = self.allowed.insert(target);
        if added {
            self.note("network_allowed", target);
        }
        format!("added {added}")
    }

    pub(crate) fn disallow(&mut self, target: &'static str) -> Result<String, Refusal> {
        if !self.allowed.remove(target) {
            return Err("not_found");
        }
        self.note("network_disallowed", target);
        Ok("done".into())
    }

    pub(crate) fn clean_bans(&mut self) -> String {
        let before = self.now - Duration::days(90);
        let is_old = |target: &str| match self.ledgers[target].last().unwrap() {
            Fact::Lifted { at } => *at < before,
            Fact::Banned { .. } => self.until(target).unwrap().is_some_and(|until| until < before),
        };
        let old: Vec<&str> = self.ledgers.keys().copied().filter(|target| is_old(target)).collect();
        for target in &old {
            self.ledgers.remove(target);
        }
        if !old.is_empty() {
            self.note("records_cleaned", "bans");
        }
        format!("count {}", old.len())
    }

    /// The facts' own users, put under another or none. Answers how many facts.
    pub(crate) fn reassign_bans(&mut self, from: Number, to: Option<Number>) -> usize {
        let mut count = 0;
        for fact in self.ledgers.values_mut().flatten() {
            if let Fact::Banned { user, .. } = fact
                && *user == Some(from)
            {
                *user = to;
                count += 1;
            }
        }
        count
    }

    /// The latest end since the last lift, `Some(None)` for never; `None` when nothing is since.
    pub(crate) fn until(&self, target: &str) -> Option<Option<DateTime<Utc>>> {
        let facts = self.ledgers.get(target)?;
        let ends = facts.iter().rev().map_while(|fact| match fact {
            Fact::Banned { until, .. } => Some(*until),
            Fact::Lifted { .. } => None,
        });
        // For ever is later than any time.
        ends.max_by_key(|until| (until.is_none(), *until))
    }

    pub(crate) fn is_in_force(&self, target: &str) -> bool {
        self.until(target).is_some_and(|until| until.is_none_or(|until| self.now < until))
    }

    /// Whether what it is on, or a wider network, is banned and none of them allowed.
    pub(crate) fn is_kept_out(&self, target: &str) -> bool {
        let wider = || TARGETS.iter().filter(|wider| covers(wider, target));
        wider().any(|wider| self.is_in_force(wider))
            && !wider().any(|wider| self.allowed.contains(wider))
    }
}

/// Whether `wider` is `target` or holds it.
fn covers(wider: &str, target: &str) -> bool {
    wider == target || (wider == "10.0.0.0/8" && target.starts_with("10."))
}
