//! The allow-list: networks that no ban touches.

use axum::Json;
use axum::extract::{OriginalUri, State};
use axum::http::{HeaderName, StatusCode, header};
use serde::{Deserialize, Serialize};
use systemprompt_users_domain::IpTarget;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;

use super::bans::{AllowedNetworkBody, refused, target};
use super::errors::{AnyProblem, BodyProblem, ChangeProblem};
use super::page::{List, PageBody, PageParams, Paged};
use super::path::segment;
use super::schema::{IpTargetText, Line};
use crate::api::scopes::routes;
use crate::auth::{Authorized, Bans};
use crate::{JsonBody, PathParams, Problem, QueryParams, Web};

pub(super) fn routes() -> OpenApiRouter<Web> {
    OpenApiRouter::default().routes(routes!(list_allowed, allow)).routes(routes!(disallow))
}

/// A page of the allow-list, by the text of the networks. Loopback is allowed by the policy, not listed.
#[utoipa::path(
    get,
    path = "/allow-list",
    tag = "bans",
    params(PageParams),
    responses(
        (status = 200, body = PageBody<AllowedNetworkBody>, description = "A page", headers(("Link" = String, description = "The next page, where there is one"))),
        AnyProblem,
    ),
)]
async fn list_allowed(
    who: Authorized<Bans>,
    State(web): State<Web>,
    uri: OriginalUri,
    QueryParams(params): QueryParams<PageParams>,
) -> Result<Paged<AllowedNetworkBody>, Problem> {
    let list = List::of("allow-list", &[]);
    let page = web.bans(who.actor()).list_allowed(&params.request(list)?).await?;
    Ok(Paged::new(&uri, list, page, AllowedNetworkBody::from))
}

/// A network to allow.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewAllowedNetwork {
    /// The address or network, in any spelling.
    #[schema(value_type = IpTargetText)]
    target: String,
    /// Why, for people.
    #[serde(default)]
    #[schema(value_type = Option<Line>)]
    note: Option<String>,
}

/// What adding to the allow-list did.
#[derive(Debug, Serialize, ToSchema)]
struct Allowed {
    /// The address or network, in canonical form.
    target: String,
    /// Whether it was added; false when exactly it was there already, with whatever note.
    added: bool,
    /// Which network is meant, where the request writes it by an address inside of it, such as `203.0.113.7/8`.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

/// Puts an address or a network on the allow-list, which wins over every ban.
#[utoipa::path(
    post,
    path = "/allow-list",
    tag = "bans",
    request_body = NewAllowedNetwork,
    responses(
        (status = 201, body = Allowed, description = "It was added", headers(("Location" = String, description = "What `DELETE` takes off again"))),
        (status = 200, body = Allowed, description = "It was there already", headers(("Location" = String, description = "What `DELETE` takes off again"))),
        AnyProblem, BodyProblem, ChangeProblem,
    ),
)]
async fn allow(
    who: Authorized<Bans>,
    State(web): State<Web>,
    JsonBody(body): JsonBody<NewAllowedNetwork>,
) -> Result<(StatusCode, [(HeaderName, String); 1], Json<Allowed>), Problem> {
    let target: IpTarget = target(&body.target)?;
    let bans = web.bans(who.actor());
    let added = bans.allow(target, body.note.as_deref()).await.map_err(refused)?;
    let note = IpTarget::host_bits(&body.target);
    let target = target.to_string();
    let place = format!("{}/allow-list/{}", super::PREFIX, segment(&target));
    let status = if added { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, [(header::LOCATION, place)], Json(Allowed { target, added, note })))
}

/// Takes exactly that address or network off the allow-list.
#[utoipa::path(
    delete,
    path = "/allow-list/{target}",
    tag = "bans",
    params(
        ("target" = IpTargetText, Path, description = "An address or network in any spelling; `/` is `%2F`"),
    ),
    responses((status = 204, description = "It is off the list"), AnyProblem, ChangeProblem),
)]
async fn disallow(
    who: Authorized<Bans>,
    State(web): State<Web>,
    PathParams(text): PathParams<String>,
) -> Result<StatusCode, Problem> {
    web.bans(who.actor()).disallow(target(&text)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
