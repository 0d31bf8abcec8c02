//! The log of events: pages, and a live stream.

mod dto;
mod list;
mod stream;

use axum::Extension;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouterExt};
use utoipa_axum::routes;

pub(super) use dto::ActorBody;

use crate::Web;

pub(super) fn routes() -> OpenApiRouter<Web> {
    OpenApiRouter::default()
        .routes(routes!(list::read_events))
        .routes(routes!(list::latest_events))
        .routes(routes!(stream::stream_events).layer(Extension(stream::Streams::default())))
}
