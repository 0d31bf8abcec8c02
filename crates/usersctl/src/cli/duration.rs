//! Lengths of time as arguments: what is wrong with one, without the name of the argument, which clap says.

use chrono::Duration;
use systemprompt_users::{BanDuration, UserError, parse_duration};

/// Reads a length of time that is longer than zero.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text).map_err(message)
}

/// Reads how long a ban is to hold: a duration, or `permanent`.
pub(crate) fn ban_duration(text: &str) -> Result<BanDuration, String> {
    text.parse().map_err(message)
}

fn message(error: UserError) -> String {
    match error {
        UserError::Validation { message, .. } => message,
        other => other.to_string(),
    }
}
