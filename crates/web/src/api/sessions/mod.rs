//! Sessions.

mod dto;
mod end;
mod links;
mod list;
mod validate;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Web;

pub(super) fn routes() -> OpenApiRouter<Web> {
    OpenApiRouter::default()
        .routes(routes!(list::list_sessions))
        .routes(routes!(validate::validate_session))
        .routes(routes!(end::end_sessions))
        .routes(routes!(end::clean_up_sessions))
        .routes(routes!(list::get_session, end::end_session))
        .routes(routes!(list::list_user_sessions, validate::start_session, end::end_user_sessions))
        .routes(routes!(end::limit_user_sessions))
        .routes(routes!(links::create_sign_in_link))
        .routes(routes!(links::redeem_sign_in_link))
}
