//! Sessions.

mod dto;
mod end;
mod links;
mod list;
mod validate;

use systemprompt_users_application::SessionService;
use systemprompt_users_domain::ApiScope;
use utoipa_axum::router::OpenApiRouter;

use super::scopes::routes;
use crate::Web;
use crate::auth::Authorized;

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

/// The services of whoever asks: without the scope `admin` they start no session of an admin and end none.
fn sessions_of<S>(web: &Web, who: &Authorized<S>) -> SessionService {
    let sessions = web.sessions(who.actor());
    if who.principal.allows(ApiScope::Admin) { sessions } else { sessions.sparing_admins() }
}
