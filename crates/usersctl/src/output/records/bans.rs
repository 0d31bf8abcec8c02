//! Records about bans.

use chrono::{DateTime, Utc};
use systemprompt_users::{AllowedNetwork, BanEnd, BanFact, BanFactKind, BannedIp, LiftedBan};

use crate::output::{Column, Record, Tone, Value};

/// A ban, as it is at a moment.
pub(crate) struct BanRow<'a> {
    pub(crate) ban: &'a BannedIp,
    pub(crate) now: DateTime<Utc>,
}

impl Record for BanRow<'_> {
    const COLUMNS: &'static [Column] = &[
        Column::always("target"),
        Column::always("state"),
        Column::always("until"),
        Column::always("reason"),
        Column::always("source"),
        Column::wide("ban_count"),
        Column::wide("banned_at"),
        Column::data("lifted_at"),
        Column::data("fingerprint"),
        Column::data("offence_path"),
        Column::data("user_agent"),
        Column::data("session_ids"),
        Column::data("user_id"),
        Column::data("id"),
    ];

    fn values(&self) -> Vec<Value> {
        let ban = self.ban;
        let state = match ban.lifted_at {
            _ if ban.is_in_force(self.now) => Value::Word("in_force".into(), Tone::Bad),
            Some(_) => Value::Word("lifted".into(), Tone::Quiet),
            None => Value::Word("over".into(), Tone::Quiet),
        };
        vec![
            Value::text(ban.target),
            state,
            until(ban.until),
            Value::optional(ban.reason.as_ref()),
            Value::optional(ban.source.as_ref()),
            Value::count(ban.ban_count),
            Value::Time(ban.banned_at),
            Value::time(ban.lifted_at),
            Value::optional(ban.fingerprint.as_ref()),
            Value::optional(ban.offence_path.as_ref()),
            Value::optional(ban.user_agent.as_ref()),
            Value::List(ban.session_ids.iter().map(ToString::to_string).collect()),
            Value::optional(ban.user_id),
            Value::text(ban.id),
        ]
    }
}

fn until(end: BanEnd) -> Value {
    end.time().map_or_else(|| Value::text("permanent"), Value::Time)
}

/// Whether an address is banned, and by what.
pub(crate) struct CheckRow {
    pub(crate) address: String,
    pub(crate) ban: Option<BannedIp>,
}

impl Record for CheckRow {
    const COLUMNS: &'static [Column] = &[
        Column::always("address"),
        Column::always("banned"),
        Column::always("target"),
        Column::always("until"),
        Column::always("reason"),
        Column::always("source"),
    ];

    fn values(&self) -> Vec<Value> {
        let ban = self.ban.as_ref();
        vec![
            Value::text(&self.address),
            Value::Bool(ban.is_some()),
            Value::optional(ban.map(|ban| ban.target)),
            ban.map_or(Value::Empty, |ban| until(ban.until)),
            Value::optional(ban.and_then(|ban| ban.reason.as_ref())),
            Value::optional(ban.and_then(|ban| ban.source.as_ref())),
        ]
    }
}

/// An entry of a ban's history.
pub(crate) struct FactRow<'a>(pub(crate) &'a BanFact);

impl Record for FactRow<'_> {
    const COLUMNS: &'static [Column] = &[
        Column::always("sequence"),
        Column::always("at"),
        Column::always("kind"),
        Column::always("until"),
        Column::always("actor"),
        Column::always("reason"),
        Column::always("source"),
        Column::data("fingerprint"),
        Column::data("offence_path"),
        Column::data("user_agent"),
        Column::data("session_ids"),
        Column::data("user_id"),
    ];

    fn values(&self) -> Vec<Value> {
        let fact = self.0;
        let (kind, end) = match fact.kind {
            BanFactKind::Banned { until: end } => {
                (Value::Word("banned".into(), Tone::Bad), until(end))
            }
            BanFactKind::Lifted => (Value::Word("lifted".into(), Tone::Good), Value::Empty),
        };
        vec![
            Value::count(fact.sequence),
            Value::Time(fact.at),
            kind,
            end,
            Value::text(&fact.actor),
            Value::optional(fact.reason.as_ref()),
            Value::optional(fact.source.as_ref()),
            Value::optional(fact.fingerprint.as_ref()),
            Value::optional(fact.offence_path.as_ref()),
            Value::optional(fact.user_agent.as_ref()),
            Value::List(fact.session_ids.iter().map(ToString::to_string).collect()),
            Value::optional(fact.user_id),
        ]
    }
}

/// A ban that was lifted.
pub(crate) struct LiftedRow<'a>(pub(crate) &'a LiftedBan);

impl Record for LiftedRow<'_> {
    const COLUMNS: &'static [Column] = &[
        Column::always("target"),
        Column::always("lifted_at"),
        Column::always("still_covered_by"),
    ];

    fn values(&self) -> Vec<Value> {
        let still = self.0.still_covered_by.iter().map(ToString::to_string).collect();
        vec![Value::text(self.0.ban.target), Value::time(self.0.ban.lifted_at), Value::List(still)]
    }
}

/// A network on the allow-list.
pub(crate) struct AllowRow<'a>(pub(crate) &'a AllowedNetwork);

impl Record for AllowRow<'_> {
    const COLUMNS: &'static [Column] = &[
        Column::always("target"),
        Column::always("note"),
        Column::always("added_at"),
        Column::always("added_by"),
    ];

    fn values(&self) -> Vec<Value> {
        vec![
            Value::text(self.0.target),
            Value::optional(self.0.note.as_ref()),
            Value::Time(self.0.added_at),
            Value::text(&self.0.added_by),
        ]
    }
}
