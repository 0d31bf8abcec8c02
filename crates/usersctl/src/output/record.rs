//! The one abstraction of a row: columns with names, and a value for each.

use chrono::{DateTime, SubsecRound, Utc};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

/// Something that can be shown in every format.
pub(crate) trait Record {
    /// The columns, in order.
    const COLUMNS: &'static [Column];

    /// A value for each column.
    fn values(&self) -> Vec<Value>;
}

/// A record as an object, its members in the order of the columns.
pub(crate) struct Object<'a, R>(pub(crate) &'a R);

impl<R: Record> Serialize for Object<'_, R> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_map(Some(R::COLUMNS.len()))?;
        for (column, value) in R::COLUMNS.iter().zip(self.0.values()) {
            members.serialize_entry(column.name, &value)?;
        }
        members.end()
    }
}

/// A column.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column {
    /// Its name in every format.
    pub(crate) name: &'static str,
    /// Where a table of many records shows it.
    pub(crate) show: Show,
    /// Whether it is never wrapped, so that it can be copied.
    pub(crate) is_whole: bool,
}

/// Where a table of many records shows a column. All other formats always do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Show {
    /// In every table.
    Always,
    /// Where there is room: in a wide terminal, or no terminal at all.
    Wide,
    /// In no table.
    Never,
}

impl Column {
    /// A column of every table.
    pub(crate) const fn always(name: &'static str) -> Self {
        Self { name, show: Show::Always, is_whole: false }
    }

    /// The same, never wrapped: what other commands take as an argument.
    pub(crate) const fn key(name: &'static str) -> Self {
        Self { name, show: Show::Always, is_whole: true }
    }

    /// A column of tables that have room.
    pub(crate) const fn wide(name: &'static str) -> Self {
        Self { name, show: Show::Wide, is_whole: false }
    }

    /// A column of no table but that of a single record.
    pub(crate) const fn data(name: &'static str) -> Self {
        Self { name, show: Show::Never, is_whole: false }
    }
}

/// What stands in a column.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    /// Nothing.
    Empty,
    /// Some text.
    Text(String),
    /// A word that a table may colour.
    Word(String, Tone),
    /// A number.
    Number(i64),
    /// Yes or no.
    Bool(bool),
    /// A moment.
    Time(DateTime<Utc>),
    /// Several words.
    List(Vec<String>),
    /// Anything else: an object, or a list of objects.
    Json(serde_json::Value),
}

/// How a word sounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    Good,
    Warning,
    Bad,
    Plain,
    Quiet,
}

impl Value {
    /// Text.
    pub(crate) fn text(value: impl ToString) -> Self {
        Self::Text(value.to_string())
    }

    /// Text, or nothing.
    pub(crate) fn optional(value: Option<impl ToString>) -> Self {
        value.map_or(Self::Empty, |value| Self::Text(value.to_string()))
    }

    /// A moment, or nothing.
    pub(crate) fn time(value: Option<DateTime<Utc>>) -> Self {
        value.map_or(Self::Empty, Self::Time)
    }

    /// A count.
    pub(crate) fn count(value: impl TryInto<i64>) -> Self {
        Self::Number(value.try_into().unwrap_or(i64::MAX))
    }

    /// For programs that read rows.
    pub(crate) fn to_plain(&self) -> String {
        match self {
            Self::Empty => String::new(),
            Self::Text(text) | Self::Word(text, _) => text.clone(),
            Self::Number(number) => number.to_string(),
            Self::Bool(yes) => yes.to_string(),
            Self::Time(time) => time.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true),
            Self::List(words) => words.join(","),
            Self::Json(json) => json.to_string(),
        }
    }

    /// For people.
    pub(crate) fn to_readable(&self) -> String {
        match self {
            Self::Empty => "-".into(),
            Self::List(words) if words.is_empty() => "-".into(),
            Self::Bool(yes) => if *yes { "yes" } else { "no" }.into(),
            Self::Time(time) => time.trunc_subsecs(0).format("%Y-%m-%d %H:%M:%SZ").to_string(),
            Self::Json(serde_json::Value::Object(members)) => members
                .iter()
                .map(|(name, value)| format!("{name}={}", plain_json(value)))
                .collect::<Vec<_>>()
                .join(" "),
            other => other.to_plain(),
        }
    }
}

impl Serialize for Value {
    /// For programs that read objects.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Empty => serializer.serialize_none(),
            Self::Text(text) | Self::Word(text, _) => text.serialize(serializer),
            Self::Number(number) => number.serialize(serializer),
            Self::Bool(yes) => yes.serialize(serializer),
            Self::Time(time) => time.serialize(serializer),
            Self::List(words) => words.serialize(serializer),
            Self::Json(json) => json.serialize(serializer),
        }
    }
}

fn plain_json(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Array(items) => {
            items.iter().map(plain_json).collect::<Vec<_>>().join(",")
        }
        other => other.to_string(),
    }
}
