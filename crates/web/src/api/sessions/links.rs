//! One-time links: who follows one is signed in, once.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, StatusCode, header};
use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};
use systemprompt_users_domain::{NewSession, UserId};
use utoipa::ToSchema;
use uuid::Uuid;

use super::dto::{StartSession, StartedSessionBody};
use super::validate::{Started, started};
use crate::api::errors::{AnyProblem, BodyProblem, ChangeProblem};
use crate::auth::{Admin, Authorized, Write};
use crate::{JsonBody, PathParams, Problem, Web};

/// For how long a link is good.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewSignInLink {
    /// For how many seconds, up to a day.
    #[schema(minimum = 1, maximum = 86_400, example = 600)]
    lifetime: i64,
}

/// A link that was just made.
#[derive(Serialize, ToSchema)]
#[schema(as = SignInLink)]
pub(super) struct SignInLinkBody {
    /// The secret of the link: shown now and never again. The admin pages take it at `/admin/sign-in?token=`.
    #[schema(min_length = 43, max_length = 43)]
    token: String,
    /// Who is signed in by it.
    user_id: Uuid,
    /// Until when it is good.
    expires_at: DateTime<Utc>,
}

type Made = (StatusCode, [(HeaderName, &'static str); 1], Json<SignInLinkBody>);

/// Makes a link that signs an active user in once. Its token is in the answer, this once.
#[utoipa::path(
    post,
    path = "/users/{id}/sign-in-links",
    tag = "sessions",
    params(("id" = Uuid, Path, description = "The id of a user")),
    request_body = NewSignInLink,
    responses(
        (status = 201, body = SignInLinkBody, description = "The link"),
        AnyProblem, BodyProblem, ChangeProblem,
    ),
)]
pub(super) async fn create_sign_in_link(
    who: Authorized<Admin>,
    State(web): State<Web>,
    PathParams(id): PathParams<UserId>,
    JsonBody(body): JsonBody<NewSignInLink>,
) -> Result<Made, Problem> {
    // What is too long for a length of time is too long for a link.
    let lifetime = Duration::try_seconds(body.lifetime).unwrap_or(Duration::MAX);
    let (token, link) = web.sign_in_links(who.actor()).create(id, lifetime).await?;
    let token = token.reveal();
    let body =
        SignInLinkBody { token, user_id: link.user_id.as_uuid(), expires_at: link.expires_at };
    Ok((StatusCode::CREATED, [(header::CACHE_CONTROL, "no-store")], Json(body)))
}

/// A link to use up, and who uses it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RedeemSignInLink {
    /// The token of the link.
    token: String,
    /// What is known of the client.
    #[serde(default)]
    #[schema(required = false)]
    client: StartSession,
}

/// Uses a link up and starts a session of its user, an admin as well: whoever holds the link may. The session's token
/// is in the answer, this once. A link that is unknown, used or expired, and one of a user who is not active, is 404.
#[utoipa::path(
    post,
    path = "/sign-in-links/redeem",
    tag = "sessions",
    request_body = RedeemSignInLink,
    responses(
        (status = 201, body = StartedSessionBody, description = "The session and its token", headers(("Location" = String, description = "The session"))),
        AnyProblem, BodyProblem, ChangeProblem,
    ),
)]
pub(super) async fn redeem_sign_in_link(
    who: Authorized<Write>,
    State(web): State<Web>,
    JsonBody(body): JsonBody<RedeemSignInLink>,
) -> Result<Started, Problem> {
    let client = NewSession::from(body.client);
    let session = web.sign_in_links(who.actor()).redeem(&body.token, &client).await?;
    let none = || Problem::not_found("this link is not good, or not any more");
    Ok(started(session.ok_or_else(none)?))
}
