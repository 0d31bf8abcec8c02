//! Users.

mod dto;
mod item;

pub(crate) use dto::{Role, Status, UserAnswer, UserBody};

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Web;

pub(super) fn routes() -> OpenApiRouter<Web> {
    OpenApiRouter::default().routes(routes!(item::get_user, item::update_user, item::delete_user))
}
