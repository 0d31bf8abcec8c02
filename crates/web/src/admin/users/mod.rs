//! Pages about users.

mod bulk;
mod change;
mod create;
mod lifecycle;
mod list;
mod path;
mod show;

use axum::Router;
use axum::routing::{get, post};

pub(super) use list::UserRow;

use crate::Web;

pub(super) fn router() -> Router<Web> {
    Router::new()
        .route("/admin/users", get(list::show))
        .route("/admin/users/bulk", post(bulk::apply))
        .route("/admin/users/new", get(create::show).post(create::create))
        .route("/admin/users/{id}", get(show::show))
        .route("/admin/users/{id}/profile", post(change::profile))
        .route("/admin/users/{id}/roles", post(change::roles))
        .route("/admin/users/{id}/suspend", post(change::suspend))
        .route("/admin/users/{id}/activate", post(change::activate))
        .route("/admin/users/{id}/delete", post(change::delete))
        .route("/admin/users/{id}/restore", post(lifecycle::restore))
        .route("/admin/users/{id}/hold", post(lifecycle::hold))
        .route("/admin/users/{id}/purge", post(lifecycle::purge))
        .route("/admin/users/{id}/merge", get(lifecycle::preview_merge).post(lifecycle::merge))
        .route("/admin/users/{id}/sessions/end", post(change::end_session))
        .route("/admin/users/{id}/sessions/end-all", post(change::end_all_sessions))
}
