//! What many routes about users take: the id in the path, lists in a query, who is spared.

use serde::de::value::StrDeserializer;
use serde::de::{Deserialize, Deserializer, IntoDeserializer};
use systemprompt_users_application::UserService;
use systemprompt_users_domain::ApiScope;
use utoipa::IntoParams;
use utoipa::openapi::Required;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};

use crate::Web;
use crate::auth::Authorized;

/// The services of whoever asks: without the scope `admin` they change no admin and make none.
pub(crate) fn users_of<S>(web: &Web, who: &Authorized<S>) -> UserService {
    let users = web.users(who.actor());
    if who.principal.allows(ApiScope::Admin) { users } else { users.sparing_admins() }
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
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        let items = parts.map(|part| {
            let part: StrDeserializer<'_, D::Error> = part.into_deserializer();
            T::deserialize(part)
        });
        Ok(Self(items.collect::<Result<_, _>>()?))
    }
}
