//! The state of a target, which follows from the facts of its ledger.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::params::Offence;
use super::{BanEnd, BanFact, BanFactKind, IpTarget};
use crate::{Actor, BanId, Cursor, Fingerprint, SessionId, UserId};

/// A target and the ban on it: what its ledger amounts to.
///
/// It changes only by [`BannedIp::first`], [`BannedIp::ban_again`] and [`BannedIp::lift`], each of which
/// gives the fact to store beside it. So a permanent ban never lapses because a temporary one came after
/// it, and a short ban never shortens a long one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BannedIp {
    /// The ledger.
    pub id: BanId,
    /// What is banned.
    pub target: IpTarget,
    /// When the ban in force began; of a ban that is over, when it had begun.
    pub banned_at: DateTime<Utc>,
    /// The latest end of all bans since the last lift.
    pub until: BanEnd,
    /// When it was lifted, if nothing came after that.
    pub lifted_at: Option<DateTime<Utc>>,
    /// Why: of the ban that determines `until`, as are the next fields.
    pub reason: Option<String>,
    /// What reported it.
    pub source: Option<String>,
    /// The fingerprint of the offender.
    pub fingerprint: Option<Fingerprint>,
    /// The path that was asked for.
    pub offence_path: Option<String>,
    /// The user agent of the offender.
    pub user_agent: Option<String>,
    /// The sessions that offended.
    pub session_ids: Vec<SessionId>,
    /// The user behind the offence.
    pub user_id: Option<UserId>,
    /// How many times it has been banned in all.
    pub ban_count: u32,
    /// How many facts the ledger holds.
    pub fact_count: u32,
    /// The place of the last lift in the ledger; 0 is never. Facts up to it are no longer in force.
    pub lifted_through: u32,
}

/// Where a ban came from, for lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BanOrigin {
    /// What reported it.
    Source(String),
    /// Who offended.
    Fingerprint(Fingerprint),
}

/// What lifting a ban answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LiftedBan {
    /// The ban that was lifted.
    pub ban: BannedIp,
    /// Wider networks whose bans still cover the target, the narrowest first.
    pub still_covered_by: Vec<IpTarget>,
}

impl BannedIp {
    /// Opens the ledger of a target with its first ban.
    pub fn first(
        id: BanId,
        offence: Offence,
        actor: &Actor,
        now: DateTime<Utc>,
    ) -> (Self, BanFact) {
        let blank = Self {
            id,
            target: offence.target,
            banned_at: now,
            until: offence.until,
            lifted_at: None,
            reason: None,
            source: None,
            fingerprint: None,
            offence_path: None,
            user_agent: None,
            session_ids: Vec::new(),
            user_id: None,
            ban_count: 0,
            fact_count: 0,
            lifted_through: 0,
        };
        blank.ban_again(offence, actor, now)
    }

    /// Adds a ban to the ledger.
    pub fn ban_again(
        mut self,
        offence: Offence,
        actor: &Actor,
        now: DateTime<Utc>,
    ) -> (Self, BanFact) {
        let in_force = self.fact_count > 0 && self.is_in_force(now);
        self.fact_count += 1;
        self.ban_count += 1;
        let fact = BanFact {
            ban_id: self.id,
            sequence: self.fact_count,
            target: self.target,
            kind: BanFactKind::Banned { until: offence.until },
            at: now,
            actor: actor.clone(),
            reason: offence.reason,
            source: offence.source,
            fingerprint: offence.fingerprint,
            offence_path: offence.offence_path,
            user_agent: offence.user_agent,
            session_ids: offence.session_ids,
            user_id: offence.user_id,
        };
        if !in_force {
            self.banned_at = now;
            self.lifted_at = None;
        }
        if !in_force || offence.until >= self.until {
            self.lead_by(&fact, offence.until);
        }
        (self, fact)
    }

    /// Adds a lift to the ledger: nothing before it is in force any more, the history stays.
    pub fn lift(
        mut self,
        actor: &Actor,
        reason: Option<String>,
        now: DateTime<Utc>,
    ) -> (Self, BanFact) {
        self.fact_count += 1;
        self.lifted_through = self.fact_count;
        self.lifted_at = Some(now);
        let fact = BanFact {
            ban_id: self.id,
            sequence: self.fact_count,
            target: self.target,
            kind: BanFactKind::Lifted,
            at: now,
            actor: actor.clone(),
            reason,
            source: None,
            fingerprint: None,
            offence_path: None,
            user_agent: None,
            session_ids: Vec::new(),
            user_id: None,
        };
        (self, fact)
    }

    /// Whether the target is banned at `now`.
    pub fn is_in_force(&self, now: DateTime<Utc>) -> bool {
        self.lifted_at.is_none() && self.until.is_after(now)
    }

    /// When it was over: lifted or run out. `None` while it never ends by itself.
    pub fn over_at(&self) -> Option<DateTime<Utc>> {
        self.lifted_at.or(self.until.time())
    }

    /// Its place in the list of active bans, newest first.
    pub fn cursor(&self) -> Cursor {
        Cursor::at_time(self.banned_at, self.id.as_uuid())
    }

    fn lead_by(&mut self, fact: &BanFact, until: BanEnd) {
        self.until = until;
        self.reason.clone_from(&fact.reason);
        self.source.clone_from(&fact.source);
        self.fingerprint.clone_from(&fact.fingerprint);
        self.offence_path.clone_from(&fact.offence_path);
        self.user_agent.clone_from(&fact.user_agent);
        self.session_ids.clone_from(&fact.session_ids);
        self.user_id = fact.user_id;
    }
}

#[cfg(test)]
mod tests {
    use chrono::Duration;
    use proptest::prelude::*;

    use super::*;
    use crate::{BanDuration, BanIpParams, BanIpWithMetadataParams};

    fn offence(duration: BanDuration, now: DateTime<Utc>) -> Offence {
        let params = BanIpParams::new("192.0.2.1", duration).reason(format!("{duration:?}"));
        BanIpWithMetadataParams::from(params).parse(now).unwrap()
    }

    fn open(duration: BanDuration, now: DateTime<Utc>) -> (BannedIp, BanFact) {
        let id = BanId::from_uuid(uuid::Uuid::from_u128(1));
        BannedIp::first(id, offence(duration, now), &Actor::System, now)
    }

    #[test]
    fn a_permanent_ban_outlives_a_later_short_one() {
        let now = DateTime::UNIX_EPOCH;
        let (ban, _) = open(BanDuration::Permanent, now);
        let (ban, fact) = ban.ban_again(offence(BanDuration::Hours(1), now), &Actor::System, now);
        assert_eq!(ban.until, BanEnd::Never);
        assert_eq!(ban.reason.as_deref(), Some("Permanent"));
        assert_eq!((ban.ban_count, fact.sequence), (2, 2));
    }

    #[test]
    fn a_lift_ends_all_and_a_new_ban_starts_anew() {
        let now = DateTime::UNIX_EPOCH;
        let later = now + Duration::hours(3);
        let (ban, _) = open(BanDuration::Permanent, now);
        let (ban, _) = ban.lift(&Actor::System, None, later);
        assert!(!ban.is_in_force(later));
        let (ban, _) = ban.ban_again(offence(BanDuration::Hours(1), later), &Actor::System, later);
        assert_eq!(ban.until, BanEnd::At(later + Duration::hours(1)));
        assert_eq!((ban.banned_at, ban.lifted_through, ban.ban_count), (later, 2, 2));
    }

    proptest! {
        /// The state kept step by step is the one computed from all facts at once.
        #[test]
        fn the_state_is_what_the_facts_say(steps in proptest::collection::vec((0i64..5, 0i64..8), 1..30)) {
            let mut now = DateTime::UNIX_EPOCH;
            let (mut ban, fact) = open(BanDuration::Hours(2), now);
            let mut facts = vec![fact];
            for (wait, what) in steps {
                now += Duration::hours(wait);
                let (next, fact) = match what {
                    0 => ban.lift(&Actor::System, None, now),
                    7 => ban.ban_again(offence(BanDuration::Permanent, now), &Actor::System, now),
                    hours => ban.ban_again(offence(BanDuration::Hours(hours), now), &Actor::System, now),
                };
                ban = next;
                facts.push(fact);
                let since_lift = facts.iter().rev().take_while(|fact| fact.kind != BanFactKind::Lifted);
                let holds = since_lift
                    .filter_map(|fact| match fact.kind {
                        BanFactKind::Banned { until } => Some(until),
                        BanFactKind::Lifted => None,
                    })
                    .any(|until| until.is_after(now));
                prop_assert_eq!(ban.is_in_force(now), holds);
                prop_assert_eq!(ban.fact_count as usize, facts.len());
            }
        }
    }
}
