//! Records about sessions. Tokens and their hashes are shown nowhere.

use chrono::{DateTime, Utc};
use systemprompt_users::{UserSession, format_duration};

use crate::output::{Column, Record, Tone, Value};

/// A session, as it is at a moment.
pub(crate) struct SessionRow<'a> {
    pub(crate) session: &'a UserSession,
    pub(crate) now: DateTime<Utc>,
}

impl Record for SessionRow<'_> {
    const COLUMNS: &'static [Column] = &[
        Column::key("id"),
        Column::always("user_id"),
        Column::always("state"),
        Column::always("ip"),
        Column::wide("device_type"),
        Column::wide("os"),
        Column::wide("browser"),
        Column::data("fingerprint"),
        Column::data("user_agent"),
        Column::wide("started_at"),
        Column::always("last_activity_at"),
        Column::data("expires_at"),
        Column::data("idle_timeout"),
        Column::data("ended_at"),
        Column::data("end_reason"),
    ];

    fn values(&self) -> Vec<Value> {
        let session = self.session;
        let state = match (session.ended_at, session.end_reason) {
            (None, _) if session.is_open(self.now) => Value::Word("live".into(), Tone::Good),
            (None, _) => Value::Word("expired".into(), Tone::Warning),
            (Some(_), _) => Value::Word("ended".into(), Tone::Quiet),
        };
        vec![
            Value::text(session.id),
            Value::text(session.user_id),
            state,
            Value::optional(session.ip),
            Value::optional(session.device_type.as_ref()),
            Value::optional(session.os.as_ref()),
            Value::optional(session.browser.as_ref()),
            Value::optional(session.fingerprint.as_ref()),
            Value::optional(session.user_agent.as_ref()),
            Value::Time(session.started_at),
            Value::Time(session.last_activity_at),
            Value::Time(session.expires_at),
            Value::optional(session.idle_timeout.map(format_duration)),
            Value::time(session.ended_at),
            Value::optional(session.end_reason),
        ]
    }
}
