//! Users: one by one, in pages, in bulk, as streams.

mod anonymous;
mod bulk;
mod create;
mod dto;
mod export;
mod filter;
mod import;
mod item;
mod lifecycle;
mod list;
mod lookup;
mod merge;
mod params;
mod roles;
mod upkeep;

pub(crate) use dto::{RegisteredRole, Role, Status, UserAnswer, UserBody};
pub(crate) use params::users_of;

use utoipa_axum::router::OpenApiRouter;

use crate::Web;
use crate::api::scopes::routes;

pub(super) fn routes() -> OpenApiRouter<Web> {
    OpenApiRouter::default()
        .routes(routes!(list::list_users, create::create_user))
        .routes(routes!(list::search_users))
        .routes(routes!(list::count_users))
        .routes(routes!(create::ensure_user))
        .routes(routes!(lookup::lookup_user))
        .routes(routes!(lookup::first_user))
        .routes(routes!(lookup::first_admin))
        .routes(routes!(lookup::missing_users))
        .routes(routes!(export::export_users))
        .routes(routes!(import::import_users))
        .routes(routes!(bulk::bulk_set_status))
        .routes(routes!(bulk::bulk_delete))
        .routes(routes!(bulk::bulk_assign_role))
        .routes(routes!(upkeep::list_purgeable))
        .routes(routes!(upkeep::purge_deleted))
        .merge(anonymous_routes())
        .merge(item_routes())
}

fn anonymous_routes() -> OpenApiRouter<Web> {
    OpenApiRouter::default()
        .routes(routes!(anonymous::create_anonymous, anonymous::find_or_create_anonymous))
        .routes(routes!(anonymous::find_anonymous))
        .routes(routes!(upkeep::list_idle_anonymous))
        .routes(routes!(upkeep::cleanup_anonymous))
}

fn item_routes() -> OpenApiRouter<Web> {
    OpenApiRouter::default()
        .routes(routes!(item::get_user, item::update_user, item::delete_user))
        .routes(routes!(lookup::resolve_user))
        .routes(routes!(lookup::user_activity))
        .routes(routes!(lifecycle::set_user_status))
        .routes(routes!(lifecycle::restore_user))
        .routes(routes!(lifecycle::hold_user, lifecycle::unhold_user))
        .routes(routes!(lifecycle::preview_purge, lifecycle::purge_user))
        .routes(routes!(roles::get_user_roles, roles::set_user_roles))
        .routes(routes!(roles::assign_user_role, roles::revoke_user_role))
        .routes(routes!(roles::promote_user))
        .routes(routes!(roles::demote_user))
        .routes(routes!(anonymous::register_user))
        .routes(routes!(merge::merge_user))
}
