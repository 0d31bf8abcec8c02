//! How long a ban is to hold, as a request says it.

use serde::de::Error;
use serde::{Deserialize, Deserializer};
use systemprompt_users_domain::{BanDuration, UserError};
use utoipa::openapi::schema::{OneOfBuilder, Schema, Type};
use utoipa::openapi::{ObjectBuilder, RefOr};
use utoipa::{PartialSchema, ToSchema};

/// The longest ban in seconds that is no permanent one: 1,000 years of 365 days.
const MAX_SECONDS: i64 = 365_000 * 86_400;

/// How long a ban is to hold: `"permanent"`, `{"hours": 12}`, `{"days": 7}` or `{"seconds": 90}`.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(in crate::api) enum DurationBody {
    /// Until it is lifted.
    Permanent,
    /// This many hours.
    Hours(#[serde(deserialize_with = "whole")] i64),
    /// This many days of 24 hours.
    Days(#[serde(deserialize_with = "whole")] i64),
    /// This many seconds.
    Seconds(#[serde(deserialize_with = "whole")] i64),
}

/// A whole number however it is written: to JSON, and to a schema, `5`, `5.0` and `0.5e1` are the same.
fn whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    let number = serde_json::Number::deserialize(deserializer)?;
    if let Some(number) = number.as_i64() {
        return Ok(number);
    }
    // Up to here every whole number has a float of its own.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match number.as_f64() {
        Some(float) if float.fract() == 0.0 && float.abs() <= EXACT => {
            #[expect(clippy::cast_possible_truncation, reason = "it is whole and small enough")]
            let number = float as i64;
            Ok(number)
        }
        _ => Err(D::Error::custom(format_args!("expected a whole number, not {number}"))),
    }
}

/// What a length is counted in, and how many seconds one of it is.
const UNITS: [(&str, i64); 3] = [("hours", 3600), ("days", 86_400), ("seconds", 1)];

impl DurationBody {
    /// # Errors
    /// `Validation` of `duration` when it is longer than 1,000 years; what is not positive is found out later.
    pub(super) fn parse(self) -> Result<BanDuration, UserError> {
        let (count, unit, duration) = match self {
            Self::Permanent => return Ok(BanDuration::Permanent),
            Self::Hours(hours) => (hours, 3600, BanDuration::Hours(hours)),
            Self::Days(days) => (days, 86_400, BanDuration::Days(days)),
            Self::Seconds(seconds) => {
                let length = chrono::Duration::try_seconds(seconds).unwrap_or_default();
                (seconds, 1, BanDuration::For(length))
            }
        };
        if count.checked_mul(unit).is_none_or(|seconds| seconds > MAX_SECONDS) {
            return Err(UserError::validation("duration", "is too long; use `permanent`"));
        }
        Ok(duration)
    }
}

impl PartialSchema for DurationBody {
    fn schema() -> RefOr<Schema> {
        let word = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(["permanent"]));
        let lengths = UNITS.iter().map(|(unit, seconds)| {
            let count = ObjectBuilder::new()
                .schema_type(Type::Integer)
                .minimum(Some(1))
                .maximum(Some(MAX_SECONDS / seconds));
            ObjectBuilder::new().property(*unit, count).required(*unit).additional_properties(Some(
                utoipa::openapi::schema::AdditionalProperties::FreeForm(false),
            ))
        });
        let description = "How long a ban is to hold: `\"permanent\"`, `{\"hours\": 12}`, \
                           `{\"days\": 7}` or `{\"seconds\": 90}`";
        lengths
            .fold(OneOfBuilder::new().item(word), OneOfBuilder::item)
            .description(Some(description))
            .into()
    }
}

impl ToSchema for DurationBody {
    fn name() -> std::borrow::Cow<'static, str> {
        "BanDuration".into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> Result<BanDuration, String> {
        let body: DurationBody = serde_json::from_str(json).map_err(|error| error.to_string())?;
        body.parse().map_err(|error| error.to_string())
    }

    #[test]
    fn each_form_is_read() {
        assert_eq!(parse("\"permanent\""), Ok(BanDuration::Permanent));
        assert_eq!(parse(r#"{"hours": 12}"#), Ok(BanDuration::Hours(12)));
        assert_eq!(parse(r#"{"days": 365000}"#), Ok(BanDuration::Days(365_000)));
        let ninety = BanDuration::For(chrono::Duration::seconds(90));
        for text in [r#"{"seconds": 90}"#, r#"{"seconds": 90.0}"#, r#"{"seconds": 9e1}"#] {
            assert_eq!(parse(text), Ok(ninety), "{text}");
        }
    }

    #[test]
    fn what_is_too_long_or_nothing_of_the_kind_is_refused() {
        for json in [
            r#"{"days": 365001}"#,
            r#"{"seconds": 9223372036854775807}"#,
            r#"{"hours": 9223372036854775807}"#,
            r#"{"hours": 1, "days": 1}"#,
            r#"{"weeks": 1}"#,
            r#"{"hours": 1.5}"#,
            r#"{"hours": 1e300}"#,
            r#"{"hours": "1"}"#,
            "\"forever\"",
            "12",
        ] {
            assert!(parse(json).is_err(), "{json}");
        }
    }
}
