//! Banning, lifting, cleaning up.

use axum::extract::State;
use axum::http::{HeaderName, StatusCode, header};
use axum::{Extension, Json};
use serde::Deserialize;
use systemprompt_users_domain::IpTarget;
use utoipa::IntoParams;

use super::dto::{BanBody, CleanedBansBody, LiftedBanBody, NewBan};
use super::{refused, target};
use crate::api::errors::{AnyProblem, BodyProblem, ChangeProblem};
use crate::api::path::segment;
use crate::api::schema::{IpTargetText, Line};
use crate::auth::{Authorized, Bans};
use crate::{ClientIp, JsonBody, PathParams, Problem, QueryParams, Web, api};

/// Bans an address or a network, or bans it again: that can only make the ban last longer. What would hit the address
/// that the request comes from, admins who are signed in, or a very wide network, takes `confirm`.
#[utoipa::path(
    post,
    path = "/bans",
    tag = "bans",
    request_body = NewBan,
    responses(
        (status = 201, body = BanBody, description = "The ban as it is now", headers(("Location" = String, description = "The ban"))),
        AnyProblem, BodyProblem, ChangeProblem,
    ),
)]
pub(super) async fn ban(
    who: Authorized<Bans>,
    State(web): State<Web>,
    client: Option<Extension<ClientIp>>,
    JsonBody(body): JsonBody<NewBan>,
) -> Result<(StatusCode, [(HeaderName, String); 1], Json<BanBody>), Problem> {
    let is_confirmed = body.confirm;
    let params = body.params()?;
    let bans = web.bans(who.actor());
    if !is_confirmed {
        let target = params.parse(web.now()).map_err(refused)?.target;
        let impact = bans.ban_impact(target, client.map(|client| client.0.0)).await?;
        impact.check().map_err(|error| Problem::from(error).impact(&impact))?;
    }
    let ban = bans.ban_ip_with_metadata(&params).await.map_err(refused)?;
    let note = IpTarget::host_bits(&params.ban.ip);
    let ban = BanBody::new(ban, web.now()).with_note(note);
    let place = format!("{}/bans/{}", api::PREFIX, segment(&ban.target));
    Ok((StatusCode::CREATED, [(header::LOCATION, place)], Json(ban)))
}

/// Why a ban is lifted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct UnbanParams {
    /// Why, for people.
    #[param(value_type = Option<Line>)]
    reason: Option<String>,
}

/// Lifts all bans of exactly that address or network. The history stays.
#[utoipa::path(
    delete,
    path = "/bans/{target}",
    tag = "bans",
    params(
        ("target" = IpTargetText, Path, description = "An address or network in any spelling; `/` is `%2F`"),
        UnbanParams,
    ),
    responses(
        (status = 200, body = LiftedBanBody, description = "The ban that was lifted, and what still covers the target"),
        AnyProblem, ChangeProblem,
    ),
)]
pub(super) async fn unban(
    who: Authorized<Bans>,
    State(web): State<Web>,
    PathParams(text): PathParams<String>,
    QueryParams(params): QueryParams<UnbanParams>,
) -> Result<Json<LiftedBanBody>, Problem> {
    let bans = web.bans(who.actor());
    let lifted = bans.unban_ip(target(&text)?, params.reason.as_deref()).await?;
    Ok(Json(LiftedBanBody::new(lifted, web.now())))
}

/// Removes one batch of ledgers whose ban was over long ago, as the job `cleanup_bans` does. Nothing deleted means
/// that nothing is left to delete.
#[utoipa::path(
    post,
    path = "/bans/cleanup",
    tag = "bans",
    responses(
        (status = 200, body = CleanedBansBody, description = "How many were removed"),
        AnyProblem, BodyProblem, ChangeProblem,
    ),
)]
pub(super) async fn clean_up_bans(
    who: Authorized<Bans>,
    State(web): State<Web>,
) -> Result<Json<CleanedBansBody>, Problem> {
    let cleaned = web.bans(who.actor()).cleanup_expired().await?;
    Ok(Json(CleanedBansBody { deleted: cleaned.deleted }))
}
