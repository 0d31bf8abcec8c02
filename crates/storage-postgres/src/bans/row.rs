//! Ledgers and facts as rows.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use sqlx::types::ipnet::IpNet;
use systemprompt_users_domain::{
    BanEnd, BanFact, BanFactKind, BanId, BannedIp, Fingerprint, IpTarget, SessionId, StorageResult,
    UserId,
};
use uuid::Uuid;

use crate::error::corrupt;
use crate::users::optional;

/// A row of `bans`.
#[derive(sqlx::FromRow)]
pub(super) struct BanRow {
    pub(super) id: Uuid,
    pub(super) target: IpNet,
    pub(super) banned_at: DateTime<Utc>,
    pub(super) until: Option<DateTime<Utc>>,
    pub(super) lifted_at: Option<DateTime<Utc>>,
    pub(super) reason: Option<String>,
    pub(super) source: Option<String>,
    pub(super) fingerprint: Option<String>,
    pub(super) offence_path: Option<String>,
    pub(super) user_agent: Option<String>,
    pub(super) session_ids: Vec<Uuid>,
    pub(super) user_id: Option<Uuid>,
    pub(super) ban_count: i64,
    pub(super) fact_count: i64,
    pub(super) lifted_through: i64,
}

/// Selects ledgers as rows. The table is `b`; what follows it is the argument.
macro_rules! bans {
    ($tail:literal $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            $crate::bans::row::BanRow,
            "SELECT b.id, b.target, b.banned_at, b.until, b.lifted_at, b.reason, b.source, "
                + "b.fingerprint, b.offence_path, b.user_agent, b.session_ids, b.user_id, "
                + "b.ban_count, b.fact_count, b.lifted_through FROM bans b "
                + $tail
            $(, $argument)*
        )
    };
}
pub(super) use bans;

/// The same list for queries that are put together at run time.
pub(super) const SELECT_BANS: &str = "SELECT b.id, b.target, b.banned_at, b.until, b.lifted_at, \
    b.reason, b.source, b.fingerprint, b.offence_path, b.user_agent, b.session_ids, b.user_id, \
    b.ban_count, b.fact_count, b.lifted_through FROM bans b ";

impl BanRow {
    pub(super) fn into_ban(self) -> StorageResult<BannedIp> {
        Ok(BannedIp {
            id: BanId::from_uuid(self.id),
            target: IpTarget::new(self.target),
            banned_at: self.banned_at,
            until: BanEnd::from(self.until),
            lifted_at: self.lifted_at,
            reason: self.reason,
            source: self.source,
            fingerprint: optional(self.fingerprint, Fingerprint::parse)?,
            offence_path: self.offence_path,
            user_agent: self.user_agent,
            session_ids: self.session_ids.into_iter().map(SessionId::from_uuid).collect(),
            user_id: self.user_id.map(UserId::from_uuid),
            ban_count: number(self.ban_count)?,
            fact_count: number(self.fact_count)?,
            lifted_through: number(self.lifted_through)?,
        })
    }
}

pub(super) fn into_bans(rows: Vec<BanRow>) -> StorageResult<Vec<BannedIp>> {
    rows.into_iter().map(BanRow::into_ban).collect()
}

/// A row of `ban_facts`, with the target of its ledger.
pub(super) struct FactRow {
    pub(super) ban_id: Uuid,
    pub(super) sequence: i64,
    pub(super) target: IpNet,
    pub(super) kind: String,
    pub(super) until: Option<DateTime<Utc>>,
    pub(super) at: DateTime<Utc>,
    pub(super) actor: Value,
    pub(super) reason: Option<String>,
    pub(super) source: Option<String>,
    pub(super) fingerprint: Option<String>,
    pub(super) offence_path: Option<String>,
    pub(super) user_agent: Option<String>,
    pub(super) session_ids: Vec<Uuid>,
    pub(super) user_id: Option<Uuid>,
}

impl FactRow {
    pub(super) fn into_fact(self) -> StorageResult<BanFact> {
        let kind = match self.kind.as_str() {
            "banned" => BanFactKind::Banned { until: BanEnd::from(self.until) },
            _ => BanFactKind::Lifted,
        };
        Ok(BanFact {
            ban_id: BanId::from_uuid(self.ban_id),
            sequence: number(self.sequence)?,
            target: IpTarget::new(self.target),
            kind,
            at: self.at,
            actor: serde_json::from_value(self.actor).map_err(corrupt)?,
            reason: self.reason,
            source: self.source,
            fingerprint: optional(self.fingerprint, Fingerprint::parse)?,
            offence_path: self.offence_path,
            user_agent: self.user_agent,
            session_ids: self.session_ids.into_iter().map(SessionId::from_uuid).collect(),
            user_id: self.user_id.map(UserId::from_uuid),
        })
    }
}

fn number(number: i64) -> StorageResult<u32> {
    u32::try_from(number).map_err(corrupt)
}

/// The class of a ban that never ends by itself.
pub(super) const FOR_EVER: i16 = 63;

/// How long a ban lasts, as a power of two of seconds.
pub(super) fn length_class(banned_at: DateTime<Utc>, until: BanEnd) -> i16 {
    match until {
        BanEnd::Never => FOR_EVER,
        BanEnd::At(end) => {
            let seconds = (end - banned_at).num_seconds().max(1);
            i16::try_from(seconds.ilog2()).unwrap_or(FOR_EVER)
        }
    }
}

/// Every class, with a moment that bans of it which are in force at `now` began after.
pub(super) fn classes(now: DateTime<Utc>) -> (Vec<i16>, Vec<DateTime<Utc>>) {
    let earliest = crate::time::bound(DateTime::<Utc>::MIN_UTC);
    // A ban of class 38 lasts for more than 8,000 years, which is beyond what a duration may be.
    let bounded = (0..=38i16).map(|class| {
        let longest = TimeDelta::try_seconds(1i64 << (class + 1));
        let since = longest.and_then(|longest| now.checked_sub_signed(longest));
        (class, since.map_or(earliest, crate::time::bound))
    });
    bounded.chain([(FOR_EVER, earliest)]).unzip()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_in_force_began_after_the_moment_of_its_class() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let (classes, since) = classes(now);
        for seconds in [1, 2, 3, 59, 3600, 86_400, 31_536_000, 50_000_000_000] {
            let banned_at = now - TimeDelta::seconds(seconds) + TimeDelta::microseconds(1);
            let class = length_class(banned_at, BanEnd::At(now + TimeDelta::microseconds(1)));
            let place = classes.iter().position(|known| *known == class).unwrap();
            assert!(since[place] < banned_at, "{seconds} seconds");
        }
    }
}
