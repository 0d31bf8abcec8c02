//! Pages about users.

mod bulk;
mod list;

use axum::Router;
use axum::routing::{get, post};

use crate::Web;

pub(super) fn router() -> Router<Web> {
    Router::new()
        .route("/admin/users", get(list::show))
        .route("/admin/users/bulk", post(bulk::apply))
}
