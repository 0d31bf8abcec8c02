//! Between the types of the domain and those of SQLite: times, ids, lists.

use std::str::FromStr;

use chrono::{DateTime, Duration, Utc};
use serde_json::Value;
use sqlx::types::Uuid;
use systemprompt_users_domain::{StorageResult, TokenHash};

use crate::error::other;

/// How a moment is stored.
pub(crate) fn micros(time: DateTime<Utc>) -> i64 {
    time.timestamp_micros()
}

/// Reads a stored moment.
pub(crate) fn time(micros: i64) -> StorageResult<DateTime<Utc>> {
    DateTime::from_timestamp_micros(micros)
        .ok_or_else(|| other(format!("{micros} microseconds are no time")))
}

/// Reads a stored moment that may be absent.
pub(crate) fn optional_time(micros: Option<i64>) -> StorageResult<Option<DateTime<Utc>>> {
    micros.map(time).transpose()
}

/// How a length of time is stored; one that does not fit is as long as there is.
pub(crate) fn duration_micros(duration: Duration) -> i64 {
    duration.num_microseconds().unwrap_or(i64::MAX)
}

/// Reads a stored text as the value that it was written from.
pub(crate) fn parse<T>(text: &str) -> StorageResult<T>
where
    T: FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    text.parse().map_err(other)
}

/// The same of a text that may be absent.
pub(crate) fn parse_optional<T>(text: Option<&str>) -> StorageResult<Option<T>>
where
    T: FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    text.map(parse).transpose()
}

/// Reads a stored hash.
pub(crate) fn token_hash(bytes: &[u8]) -> StorageResult<TokenHash> {
    bytes.try_into().map(TokenHash::from_bytes).map_err(other)
}

/// A stored number as one of the domain's.
pub(crate) fn unsigned<T: TryFrom<i64>>(number: i64) -> StorageResult<T> {
    T::try_from(number).map_err(|_| other(format!("{number} is out of range")))
}

/// How an id stands in a list that is handed over as JSON: 32 hexadecimal digits, for `unhex`.
pub(crate) fn hex(id: Uuid) -> Value {
    Value::String(id.simple().to_string())
}

/// The same of any bytes.
pub(crate) fn bytes_hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string never fails.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A list of ids for `json_each`, each read by `unhex(value)`.
pub(crate) fn hex_list(ids: impl IntoIterator<Item = Uuid>) -> String {
    Value::Array(ids.into_iter().map(hex).collect()).to_string()
}

/// A list of texts for `json_each`.
pub(crate) fn text_list(texts: impl IntoIterator<Item = String>) -> String {
    Value::Array(texts.into_iter().map(Value::String).collect()).to_string()
}

/// A list of numbers for `json_each`.
pub(crate) fn number_list(numbers: impl IntoIterator<Item = i64>) -> String {
    Value::Array(numbers.into_iter().map(Value::from).collect()).to_string()
}
