//! Bans.
//!
//! A target in a path (`/bans/{target}`) is an address or network in any spelling, percent-encoded: the `/` of a
//! network is `%2F`, as in `/bans/10.0.0.0%2F8`.

mod change;
mod dto;
mod export;
mod import;
mod length;
mod list;

use axum::extract::DefaultBodyLimit;
use systemprompt_users_domain::{IpTarget, UserError};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouterExt};

pub(super) use dto::AllowedNetworkBody;

use crate::api::scopes::routes;
use crate::{Problem, Web};

pub(super) fn routes() -> OpenApiRouter<Web> {
    OpenApiRouter::default()
        .routes(routes!(list::list_bans, change::ban))
        .routes(routes!(list::count_bans))
        .routes(routes!(list::check_ban))
        .routes(routes!(change::clean_up_bans))
        .routes(routes!(export::export_bans))
        .routes(routes!(import::import_bans).layer(DefaultBodyLimit::disable()))
        .routes(routes!(list::get_ban, change::unban))
        .routes(routes!(list::ban_history))
}

/// The target that a path or parameter names.
pub(super) fn target(text: &str) -> Result<IpTarget, Problem> {
    text.parse().map_err(refused)
}

/// A refusal that names the field as the API spells it.
pub(super) fn refused(error: UserError) -> Problem {
    let is_target = error.field() == Some("ip");
    let problem = Problem::from(error);
    if is_target { problem.field("target") } else { problem }
}
