//! Asking about bans.

use axum::Json;
use axum::extract::{OriginalUri, State};
use serde::Deserialize;
use systemprompt_users_domain::UserError;
use utoipa::IntoParams;

use super::dto::{BanBody, BanCheck, BanCount, BanFactBody};
use super::target;
use crate::api::errors::AnyProblem;
use crate::api::page::{List, PageBody, PageParams, Paged, page_request};
use crate::api::schema::{FilledLine, IpTargetText};
use crate::auth::{Authorized, Bans};
use crate::{PathParams, Problem, QueryParams, Web};

/// Which bans are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct BanParams {
    /// Only those that this source reported, oldest first. Not together with `fingerprint`.
    #[param(value_type = Option<FilledLine>)]
    source: Option<String>,
    /// Only those for offences of this fingerprint, oldest first.
    #[param(value_type = Option<FilledLine>)]
    fingerprint: Option<String>,
    /// How many items at the most.
    #[param(minimum = 1, maximum = 1000, default = 50)]
    limit: Option<i64>,
    /// `next` of the page before.
    after: Option<String>,
}

/// A page of the bans in force, those that began last first.
#[utoipa::path(
    get,
    path = "/bans",
    tag = "bans",
    params(BanParams),
    responses(
        (status = 200, body = PageBody<BanBody>, description = "A page", headers(("Link" = String, description = "The next page, where there is one"))),
        AnyProblem,
    ),
)]
pub(super) async fn list_bans(
    who: Authorized<Bans>,
    State(web): State<Web>,
    uri: OriginalUri,
    QueryParams(params): QueryParams<BanParams>,
) -> Result<Paged<BanBody>, Problem> {
    let list = match (&params.source, &params.fingerprint) {
        (Some(source), _) => List::of("bans by source", &[source]),
        (None, Some(print)) => List::of("bans by fingerprint", &[print]),
        (None, None) => List::of("bans", &[]),
    };
    let request = page_request(list, params.limit, params.after.as_deref())?;
    let bans = web.bans(who.actor());
    let page = match (&params.source, &params.fingerprint) {
        (None, None) => bans.list_active_bans(&request).await?,
        (Some(source), None) => bans.list_bans_by_source(source, &request).await?,
        (None, Some(print)) => bans.list_bans_by_fingerprint(print, &request).await?,
        (Some(_), Some(_)) => {
            let message = "can't be combined with `source`";
            return Err(UserError::validation("fingerprint", message).into());
        }
    };
    let now = web.now();
    Ok(Paged::new(&uri, list, page, |ban| BanBody::new(ban, now)))
}

/// How many bans are in force; exact.
#[utoipa::path(
    get,
    path = "/bans/count",
    tag = "bans",
    responses((status = 200, body = BanCount, description = "The count"), AnyProblem),
)]
pub(super) async fn count_bans(
    who: Authorized<Bans>,
    State(web): State<Web>,
) -> Result<Json<BanCount>, Problem> {
    Ok(Json(BanCount { active: web.bans(who.actor()).count_active_bans().await? }))
}

/// What is asked about.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct CheckParams {
    /// An address, or a network as a whole, in any spelling.
    #[param(value_type = IpTargetText)]
    target: String,
}

/// Whether an address is banned now: by itself or by a network that covers it, unless the allow-list does too.
#[utoipa::path(
    get,
    path = "/bans/check",
    tag = "bans",
    params(CheckParams),
    responses((status = 200, body = BanCheck, description = "Whether it is, and by what"), AnyProblem),
)]
pub(super) async fn check_ban(
    who: Authorized<Bans>,
    State(web): State<Web>,
    QueryParams(params): QueryParams<CheckParams>,
) -> Result<Json<BanCheck>, Problem> {
    let target = target(&params.target)?;
    let ban = web.bans(who.actor()).find_ban(target).await?;
    let ban = ban.map(|ban| BanBody::new(ban, web.now()));
    Ok(Json(BanCheck { target: target.to_string(), banned: ban.is_some(), ban }))
}

/// The ban of exactly that address or network, in force or over, whatever the allow-list says.
#[utoipa::path(
    get,
    path = "/bans/{target}",
    tag = "bans",
    params(
        ("target" = IpTargetText, Path, description = "An address or network in any spelling; `/` is `%2F`"),
    ),
    responses((status = 200, body = BanBody, description = "The ban"), AnyProblem),
)]
pub(super) async fn get_ban(
    who: Authorized<Bans>,
    State(web): State<Web>,
    PathParams(text): PathParams<String>,
) -> Result<Json<BanBody>, Problem> {
    let target = target(&text)?;
    let ban = web.bans(who.actor()).get_ban(target).await?;
    let ban = ban.ok_or_else(|| UserError::not_found("ban", target))?;
    Ok(Json(BanBody::new(ban, web.now())))
}

/// A page of what happened to exactly that address or network, newest first; empty when nothing ever did.
#[utoipa::path(
    get,
    path = "/bans/{target}/history",
    tag = "bans",
    params(
        ("target" = IpTargetText, Path, description = "An address or network in any spelling; `/` is `%2F`"),
        PageParams,
    ),
    responses(
        (status = 200, body = PageBody<BanFactBody>, description = "A page", headers(("Link" = String, description = "The next page, where there is one"))),
        AnyProblem,
    ),
)]
pub(super) async fn ban_history(
    who: Authorized<Bans>,
    State(web): State<Web>,
    PathParams(text): PathParams<String>,
    uri: OriginalUri,
    QueryParams(params): QueryParams<PageParams>,
) -> Result<Paged<BanFactBody>, Problem> {
    let target = target(&text)?;
    let list = List::of("ban history", &[&target.to_string()]);
    let request = params.request(list)?;
    let page = web.bans(who.actor()).ban_history(target, &request).await?;
    Ok(Paged::new(&uri, list, page, BanFactBody::from))
}
