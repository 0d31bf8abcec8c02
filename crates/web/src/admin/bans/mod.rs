//! Pages about bans and the allow-list.

mod change;
mod history;
mod import;
mod list;
mod rows;

use axum::Router;
use axum::routing::{get, post};

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

/// The address of the page about one target.
fn history_of(target: &str) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    format!("/admin/bans/history?{}", query.append_pair("target", target).finish())
}
