//! Records about API keys and one-time links. A secret is shown once, by whoever has just made it.

use chrono::{DateTime, Utc};
use systemprompt_users::{ApiKey, IssuedApiKey, User};

use crate::output::{Column, Record, Tone, Value};

/// An API key, as it is at a moment.
pub(crate) struct KeyRow<'a> {
    pub(crate) key: &'a ApiKey,
    pub(crate) now: DateTime<Utc>,
}

impl Record for KeyRow<'_> {
    const COLUMNS: &'static [Column] = &[
        Column::key("id"),
        Column::always("name"),
        Column::always("prefix"),
        Column::always("scopes"),
        Column::always("state"),
        Column::wide("created_at"),
        Column::wide("expires_at"),
        Column::data("revoked_at"),
        Column::wide("last_used_at"),
        Column::data("replaced_by"),
        Column::data("version"),
    ];

    fn values(&self) -> Vec<Value> {
        let key = self.key;
        vec![
            Value::text(key.id),
            Value::text(&key.name),
            Value::text(&key.prefix),
            scopes(key),
            state(key, self.now),
            Value::Time(key.created_at),
            Value::time(key.expires_at),
            Value::time(key.revoked_at),
            Value::time(key.last_used_at),
            Value::optional(key.replaced_by),
            Value::Number(key.version),
        ]
    }
}

fn scopes(key: &ApiKey) -> Value {
    Value::List(key.scopes.iter().map(|scope| scope.to_string()).collect())
}

fn state(key: &ApiKey, now: DateTime<Utc>) -> Value {
    let (word, tone) = match key {
        ApiKey { revoked_at: Some(_), .. } => ("revoked", Tone::Quiet),
        key if !key.is_usable(now) => ("expired", Tone::Quiet),
        ApiKey { replaced_by: Some(_), .. } => ("rotated", Tone::Warning),
        _ => ("usable", Tone::Good),
    };
    Value::Word(word.into(), tone)
}

/// An API key that was just made, with its secret.
pub(crate) struct IssuedKeyRow<'a>(pub(crate) &'a IssuedApiKey);

impl Record for IssuedKeyRow<'_> {
    const COLUMNS: &'static [Column] = &[
        Column::key("secret"),
        Column::key("id"),
        Column::always("name"),
        Column::always("prefix"),
        Column::always("scopes"),
        Column::always("expires_at"),
    ];

    fn values(&self) -> Vec<Value> {
        let key = &self.0.key;
        vec![
            Value::text(self.0.secret.reveal()),
            Value::text(key.id),
            Value::text(&key.name),
            Value::text(&key.prefix),
            scopes(key),
            Value::time(key.expires_at),
        ]
    }
}

/// A link that signs somebody in once.
pub(crate) struct AdminLinkRow<'a> {
    pub(crate) url: &'a str,
    pub(crate) user: &'a User,
    pub(crate) expires_at: DateTime<Utc>,
}

impl Record for AdminLinkRow<'_> {
    const COLUMNS: &'static [Column] = &[
        Column::key("url"),
        Column::always("user_id"),
        Column::always("name"),
        Column::always("expires_at"),
    ];

    fn values(&self) -> Vec<Value> {
        vec![
            Value::text(self.url),
            Value::text(self.user.id),
            Value::text(&self.user.name),
            Value::Time(self.expires_at),
        ]
    }
}
