//! The log of events: pages, and a live stream.

mod dto;
mod list;
mod stream;

use axum::Extension;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouterExt};

pub(super) use dto::ActorBody;

use crate::Web;
use crate::api::scopes::routes;

pub(super) fn routes() -> OpenApiRouter<Web> {
    OpenApiRouter::default()
        .routes(routes!(list::read_events))
        .routes(routes!(list::latest_events))
        .routes(routes!(stream::stream_events).layer(Extension(stream::Streams::default())))
}
