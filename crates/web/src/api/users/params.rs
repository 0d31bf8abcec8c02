//! What many routes about users take: the id in the path, lists in a query, who is spared.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use serde::de::value::StrDeserializer;
use serde::de::{Deserialize, Deserializer, Error as _, IntoDeserializer};
use systemprompt_users_application::UserService;
use systemprompt_users_domain::{ApiScope, UserId};
use utoipa::IntoParams;
use utoipa::openapi::Required;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};

use crate::api::etag::IfMatch;
use crate::api::scopes::AsksFor;
use crate::auth::{Authorized, RequiredScope};
use crate::{PathParams, Problem, Web};

/// The services of whoever asks: without the scope `admin` they change no admin and make none.
pub(crate) fn users_of<S>(web: &Web, who: &Authorized<S>) -> UserService {
    let users = web.users(who.actor());
    if who.principal.allows(ApiScope::Admin) { users } else { users.sparing_admins() }
}

/// A change of one user: whom it is about, and the services that make it from the version that `If-Match` named. As the
/// first argument of a handler it checks who asks, as [`Authorized`] does.
pub(crate) struct UserChange<S> {
    pub(crate) who: Authorized<S>,
    pub(crate) id: UserId,
    pub(crate) users: UserService,
    /// The version that was named; `None` is any.
    pub(crate) version: Option<i64>,
}

impl<S: RequiredScope> AsksFor for UserChange<S> {
    const SCOPE: ApiScope = S::SCOPE;
}

/// The id among the parts of a path.
#[derive(serde::Deserialize)]
struct PathId {
    id: UserId,
}

impl<S: RequiredScope> FromRequestParts<Web> for UserChange<S> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> Result<Self, Problem> {
        let who = Authorized::from_request_parts(parts, web).await?;
        let PathParams(PathId { id }) = PathParams::from_request_parts(parts, web).await?;
        let if_match = IfMatch::from_request_parts(parts, web).await?;
        let users = users_of(web, &who);
        let version = if_match.version(&users, id).await?;
        let users = version.map_or_else(|| users.clone(), |version| users.at_version(version));
        Ok(Self { who, id, users, version })
    }
}

/// The documentation of `{id}`.
pub(crate) struct UserPath;

impl IntoParams for UserPath {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let uuid = ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid)));
        vec![
            ParameterBuilder::new()
                .name("id")
                .parameter_in(ParameterIn::Path)
                .required(Required::True)
                .description(Some("The id of a user"))
                .schema(Some(uuid))
                .build(),
        ]
    }
}

/// A list in a query, separated by commas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CommaList<T>(pub(crate) Vec<T>);

impl<T> Default for CommaList<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: for<'part> Deserialize<'part>> Deserialize<'de> for CommaList<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let items = text.split(',').map(str::trim).map(|part| {
            if part.is_empty() {
                let message = "expected words with one comma between each two, none of them empty";
                return Err(D::Error::custom(message));
            }
            let part: StrDeserializer<'_, D::Error> = part.into_deserializer();
            T::deserialize(part)
        });
        Ok(Self(items.collect::<Result<_, _>>()?))
    }
}
