//! Pages about bans and the allow-list.

mod change;
mod history;
mod import;
mod list;
mod rows;

use axum::Router;
use axum::routing::{get, post};
use chrono::Duration;
use systemprompt_users_domain::{BanDuration, Result, UserError};

use crate::Web;

pub(super) fn router() -> Router<Web> {
    Router::new()
        .route("/admin/bans", get(list::show).post(change::ban))
        .route("/admin/bans/lift", post(change::lift))
        .route("/admin/bans/history", get(history::show))
        .route("/admin/bans/import", post(import::import))
        .route("/admin/bans/allow", post(change::allow))
        .route("/admin/bans/disallow", post(change::disallow))
}

/// The fields of the form that bans, and which of the service's they are.
const FIELDS: [(&str, &str); 4] =
    [("ip", "target"), ("duration", "duration"), ("reason", "reason"), ("source", "source")];

/// How long, as the forms and files of these pages say it: `12h`, `7d`, `permanent`.
fn duration(text: &str) -> Result<BanDuration> {
    let text = text.trim();
    if text == "permanent" {
        return Ok(BanDuration::Permanent);
    }
    let length = match text.chars().next_back() {
        Some('h') => number(text).and_then(Duration::try_hours),
        Some('d') => number(text).and_then(Duration::try_days),
        _ => None,
    };
    let malformed = || UserError::validation("duration", "expected 12h, 7d or permanent");
    length.map(BanDuration::For).ok_or_else(malformed)
}

fn number(text: &str) -> Option<i64> {
    let mut digits = text.chars();
    digits.next_back()?;
    let digits = digits.as_str();
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

/// The address of the page about one target.
fn history_of(target: &str) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    format!("/admin/bans/history?{}", query.append_pair("target", target).finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_read_and_nonsense_is_refused() {
        assert_eq!(duration(" 7d ").unwrap(), BanDuration::For(Duration::days(7)));
        assert_eq!(duration("24h").unwrap(), BanDuration::For(Duration::hours(24)));
        assert_eq!(duration("permanent").unwrap(), BanDuration::Permanent);
        for text in ["", "h", "-1d", "7", "7é", "99999999999999999999d", "9223372036854775807d"] {
            assert!(duration(text).is_err(), "{text:?}");
        }
    }
}
