//! API keys: make, list, rotate, revoke.

use axum::Json;
use axum::extract::{OriginalUri, State};
use axum::http::{HeaderName, StatusCode, header};
use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};
use systemprompt_users_domain::{
    ApiKey, ApiKeyId, ApiScope, ApiScopes, IssuedApiKey, NewApiKey, UserError,
};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use uuid::Uuid;

use super::errors::{AnyProblem, BodyProblem, ChangeProblem};
use super::page::{List, PageBody, PageParams, Paged};
use crate::api::scopes::routes;
use crate::auth::{Admin, Authorized};
use crate::{JsonBody, PathParams, Problem, QueryParams, Web};

/// The longest life of a key, in seconds: ten years of 365 days.
const MAX_SECONDS: i64 = 3650 * 86_400;

pub(super) fn routes() -> OpenApiRouter<Web> {
    OpenApiRouter::default()
        .routes(routes!(list_api_keys, create_api_key))
        .routes(routes!(get_api_key, revoke_api_key))
        .routes(routes!(rotate_api_key))
}

/// An API key. Its secret was shown once, to whoever made it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ApiKey)]
struct ApiKeyBody {
    /// The identity; no secret.
    id: Uuid,
    /// What people call it; several keys may share a name.
    name: String,
    /// The first part of the secret, by which people tell keys apart.
    #[schema(example = "k3xd8a1q")]
    prefix: String,
    /// What it may be used for.
    scopes: Vec<ScopeWord>,
    /// Whether it is neither revoked nor expired.
    usable: bool,
    /// When it was made.
    created_at: DateTime<Utc>,
    /// From when on it is of no use; null is never.
    #[schema(required = true)]
    expires_at: Option<DateTime<Utc>>,
    /// When it was revoked.
    #[schema(required = true)]
    revoked_at: Option<DateTime<Utc>>,
    /// When it was last used, to within a few minutes.
    #[schema(required = true)]
    last_used_at: Option<DateTime<Utc>>,
    /// The key that a rotation made of it.
    #[schema(required = true)]
    replaced_by: Option<Uuid>,
}

impl ApiKeyBody {
    fn new(key: ApiKey, now: DateTime<Utc>) -> Self {
        Self {
            id: key.id.as_uuid(),
            usable: key.is_usable(now),
            name: key.name,
            prefix: key.prefix,
            scopes: key.scopes.iter().filter_map(ScopeWord::of).collect(),
            created_at: key.created_at,
            expires_at: key.expires_at,
            revoked_at: key.revoked_at,
            last_used_at: key.last_used_at,
            replaced_by: key.replaced_by.map(|id| id.as_uuid()),
        }
    }
}

/// A key that was just made, with its secret.
#[derive(Serialize, ToSchema)]
#[schema(as = IssuedApiKey)]
struct IssuedApiKeyBody {
    /// What the holder sends as a bearer token: shown now and never again.
    #[schema(min_length = 56, max_length = 56)]
    secret: String,
    /// The key.
    key: ApiKeyBody,
}

/// One thing that a key may be used for; what each is for is taken from [`ApiScope::meaning`].
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = ApiScope)]
enum ScopeWord {
    Read,
    Write,
    Admin,
    ForwardAuth,
    Bans,
}

impl ScopeWord {
    /// The scope as the API names it; one that is newer than the API has no name in it.
    const fn of(scope: ApiScope) -> Option<Self> {
        match scope {
            ApiScope::Read => Some(Self::Read),
            ApiScope::Write => Some(Self::Write),
            ApiScope::Admin => Some(Self::Admin),
            ApiScope::ForwardAuth => Some(Self::ForwardAuth),
            ApiScope::Bans => Some(Self::Bans),
            _ => None,
        }
    }

    const fn scope(self) -> ApiScope {
        match self {
            Self::Read => ApiScope::Read,
            Self::Write => ApiScope::Write,
            Self::Admin => ApiScope::Admin,
            Self::ForwardAuth => ApiScope::ForwardAuth,
            Self::Bans => ApiScope::Bans,
        }
    }
}

/// A page of all keys, usable or not, made last first.
#[utoipa::path(
    get,
    path = "/api-keys",
    tag = "api keys",
    params(PageParams),
    responses(
        (status = 200, body = PageBody<ApiKeyBody>, description = "A page", headers(("Link" = String, description = "The next page, where there is one"))),
        AnyProblem,
    ),
)]
async fn list_api_keys(
    who: Authorized<Admin>,
    State(web): State<Web>,
    uri: OriginalUri,
    QueryParams(params): QueryParams<PageParams>,
) -> Result<Paged<ApiKeyBody>, Problem> {
    let list = List::of("api keys", &[]);
    let page = web.api_keys(who.actor()).list(&params.request(list)?).await?;
    let now = web.now();
    Ok(Paged::new(&uri, list, page, |key| ApiKeyBody::new(key, now)))
}

/// A key to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CreateApiKey {
    /// What people call it.
    #[schema(
        min_length = 1,
        max_length = 100,
        pattern = r"^[A-Za-z0-9]([A-Za-z0-9 ._-]*[A-Za-z0-9])?$"
    )]
    name: String,
    /// What it may be used for.
    #[schema(min_items = 1)]
    scopes: Vec<ScopeWord>,
    /// For how many seconds, up to ten years; null is for ever.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 315_360_000)]
    expires_in: Option<i64>,
}

type Issued = (StatusCode, [(HeaderName, String); 2], Json<IssuedApiKeyBody>);

/// Makes a key. Its secret is in the answer, this once.
#[utoipa::path(
    post,
    path = "/api-keys",
    tag = "api keys",
    request_body = CreateApiKey,
    responses(
        (status = 201, body = IssuedApiKeyBody, description = "The key and its secret", headers(("Location" = String, description = "The key"))),
        AnyProblem, BodyProblem, ChangeProblem,
    ),
)]
async fn create_api_key(
    who: Authorized<Admin>,
    State(web): State<Web>,
    JsonBody(body): JsonBody<CreateApiKey>,
) -> Result<Issued, Problem> {
    let params = NewApiKey {
        name: body.name,
        scopes: ApiScopes::new(body.scopes.into_iter().map(ScopeWord::scope))?,
        expires_in: body.expires_in.map(|seconds| length("expires_in", seconds, 1)).transpose()?,
    };
    Ok(issued(&web, web.api_keys(who.actor()).create(&params).await?))
}

/// An API key, usable or not.
#[utoipa::path(
    get,
    path = "/api-keys/{id}",
    tag = "api keys",
    params(("id" = Uuid, Path, description = "The id of a key")),
    responses((status = 200, body = ApiKeyBody, description = "The key"), AnyProblem),
)]
async fn get_api_key(
    who: Authorized<Admin>,
    State(web): State<Web>,
    PathParams(id): PathParams<ApiKeyId>,
) -> Result<Json<ApiKeyBody>, Problem> {
    let key = web.api_keys(who.actor()).find_by_id(id).await?;
    let key = key.ok_or_else(|| UserError::not_found("API key", id))?;
    Ok(Json(ApiKeyBody::new(key, web.now())))
}

/// Makes a key useless for good; it stays in the list. One that is revoked already stays as it is.
#[utoipa::path(
    delete,
    path = "/api-keys/{id}",
    tag = "api keys",
    params(("id" = Uuid, Path, description = "The id of a key")),
    responses(
        (status = 200, body = ApiKeyBody, description = "The key as it is now"),
        (status = 412, body = Problem, content_type = "application/problem+json", description = "It changes all the time; try again"),
        AnyProblem, ChangeProblem,
    ),
)]
async fn revoke_api_key(
    who: Authorized<Admin>,
    State(web): State<Web>,
    PathParams(id): PathParams<ApiKeyId>,
) -> Result<Json<ApiKeyBody>, Problem> {
    let key = web.api_keys(who.actor()).revoke(id).await?;
    Ok(Json(ApiKeyBody::new(key, web.now())))
}

/// How a key is replaced.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RotateApiKey {
    /// For how many seconds the old key goes on beside the new one; 0 revokes it at once.
    #[schema(minimum = 0, maximum = 315_360_000, example = 86_400)]
    grace: i64,
}

/// Replaces a usable key by a new one of the same name, scopes and length of life. Its secret is in the answer, this
/// once.
#[utoipa::path(
    post,
    path = "/api-keys/{id}/rotate",
    tag = "api keys",
    params(("id" = Uuid, Path, description = "The id of a key")),
    request_body = RotateApiKey,
    responses(
        (status = 201, body = IssuedApiKeyBody, description = "The new key and its secret", headers(("Location" = String, description = "The new key"))),
        (status = 412, body = Problem, content_type = "application/problem+json", description = "Somebody else changed it meanwhile"),
        AnyProblem, BodyProblem, ChangeProblem,
    ),
)]
async fn rotate_api_key(
    who: Authorized<Admin>,
    State(web): State<Web>,
    PathParams(id): PathParams<ApiKeyId>,
    JsonBody(body): JsonBody<RotateApiKey>,
) -> Result<Issued, Problem> {
    let grace = length("grace", body.grace, 0)?;
    Ok(issued(&web, web.api_keys(who.actor()).rotate(id, grace).await?))
}

fn issued(web: &Web, issued: IssuedApiKey) -> Issued {
    let place = format!("{}/api-keys/{}", super::PREFIX, issued.key.id);
    let headers = [(header::LOCATION, place), (header::CACHE_CONTROL, "no-store".to_owned())];
    let secret = issued.secret.reveal();
    let key = ApiKeyBody::new(issued.key, web.now());
    (StatusCode::CREATED, headers, Json(IssuedApiKeyBody { secret, key }))
}

fn length(field: &'static str, seconds: i64, least: i64) -> Result<Duration, UserError> {
    if !(least..=MAX_SECONDS).contains(&seconds) {
        let message = format!("expected {least} to {MAX_SECONDS} seconds");
        return Err(UserError::validation(field, message));
    }
    Ok(Duration::seconds(seconds))
}
