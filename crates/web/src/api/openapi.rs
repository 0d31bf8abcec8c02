//! The description of the API for programs: OpenAPI 3.1, generated from the handlers.

use axum::Router;
use axum::http::{HeaderValue, header};
use axum::routing::get;
use bytes::Bytes;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaType, Type};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{OpenApi, RefOr, Required, ServerBuilder};
use utoipa::{Modify, OpenApi as _};

use super::PREFIX;
use super::schema::{FilledLine, IpAddressText, IpTargetText, Line};
use super::scopes::{meanings, operations};
use crate::Problem;

/// The names of the two ways to authenticate.
const BEARER: &str = "bearer";
const API_KEY: &str = "api_key";

/// What `If-Match` and `If-None-Match` look like.
const ENTITY_TAGS: &str = r#"^(\*|(W/)?"[0-9]+"(, *(W/)?"[0-9]+")*)$"#;

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "systemprompt-users",
        description = "Users, sessions, roles, bans, jobs.\n\n\
            Every request carries `Authorization: Bearer` and an API key, or the token of an admin's session; or an API \
            key in `X-Api-Key`. Errors are \
            problem details (RFC 9457) as `application/problem+json`: `code` is stable, `field` names what is at fault. \
            Lists come in pages: send `next` of one page as `after` for the following one, or follow `Link`. A POST with \
            an `Idempotency-Key` can be sent again without being done again. Times are RFC 3339 in UTC, ids UUIDs.",
    ),
    tags(
        (name = "users", description = "Users, one by one and in bulk, by page and by stream"),
        (name = "anonymous", description = "Visitors who have not registered"),
        (name = "bulk", description = "Many users at once, with a result for each"),
        (name = "roles", description = "What users may do"),
        (name = "sessions", description = "Who is signed in, from where, until when"),
        (name = "bans", description = "Addresses and networks that are kept out, and those that never are. A target in a path is an address or network in any spelling, with `%2F` for the `/` of a network: `/bans/10.0.0.0%2F8`"),
        (name = "events", description = "What happened: in order, newest first, or as it happens"),
        (name = "statistics", description = "Counts, exact"),
        (name = "jobs", description = "Work that is done on a schedule"),
        (name = "api keys", description = "Keys for programs"),
    ),
    components(schemas(FilledLine, IpAddressText, IpTargetText, Line, Problem)),
    modifiers(&Completed),
)]
struct Document;

/// What every operation has, so that no handler has to repeat it.
struct Completed;

impl Modify for Completed {
    fn modify(&self, document: &mut OpenApi) {
        document.info.version = env!("CARGO_PKG_VERSION").to_owned();
        document.servers = Some(vec![ServerBuilder::new().url(PREFIX).build()]);
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("An API key, or the token of a session of an admin"))
            .build();
        if let Some(components) = &mut document.components {
            components.add_security_scheme(BEARER, SecurityScheme::Http(scheme));
            let value = ApiKeyValue::with_description("X-Api-Key", "An API key");
            components.add_security_scheme(API_KEY, SecurityScheme::ApiKey(ApiKey::Header(value)));
        }
        document.security = Some(credentials());
    }
}

/// The whole document, for the paths of all routes.
pub(super) fn complete(routes: OpenApi) -> OpenApi {
    let mut document = Document::openapi();
    document.merge(routes);
    describe_scopes(&mut document);
    for item in document.paths.paths.values_mut() {
        for operation in operations(item) {
            operation.security = Some(credentials());
            operation.parameters.iter_mut().flatten().for_each(straighten);
        }
        // Streams are not remembered.
        if let Some(post) = item.post.as_mut().filter(|post| !takes_stream(post)) {
            post.parameters.get_or_insert_default().push(idempotency_key());
        }
    }
    document
}

/// Says what the scopes are for, where a key is made.
fn describe_scopes(document: &mut OpenApi) {
    let schemas = document.components.as_mut().map(|components| &mut components.schemas);
    let schema = schemas.and_then(|schemas| schemas.get_mut("ApiScope"));
    if let Some(RefOr::T(Schema::Object(object))) = schema {
        object.description =
            Some(format!("One thing that a key may be used for.\n\n{}", meanings()));
    }
}

/// The document as text, as it is served and committed.
pub(super) fn text(document: &OpenApi) -> String {
    // It is plain data of ours.
    document.to_pretty_json().unwrap_or_default() + "\n"
}

/// A route that answers with the document, to anybody.
pub(super) fn route(path: &str, document: &OpenApi) -> Router {
    let json = Bytes::from(text(document));
    let answer = move || {
        let headers = [
            (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
            (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        ];
        std::future::ready((headers, json.clone()))
    };
    Router::new().route(path, get(answer))
}

/// Takes out of the schema of a parameter what no parameter can be: null, and a word that is an object too, as which
/// a word with a default is generated.
fn straighten(parameter: &mut RefOr<Parameter>) {
    let RefOr::T(Parameter { schema: Some(schema), name: parameter_name, .. }) = parameter else {
        return;
    };
    if parameter_name.starts_with("If-")
        && let RefOr::T(Schema::Object(object)) = schema
    {
        object.pattern = Some(ENTITY_TAGS.to_owned());
    }
    let straight = match schema {
        RefOr::T(Schema::AllOf(both)) => match both.items.as_mut_slice() {
            [RefOr::T(Schema::Object(word)), RefOr::T(Schema::Object(default))] => {
                word.default = default.default.take();
                Some(RefOr::T(Schema::Object(std::mem::take(word))))
            }
            _ => None,
        },
        RefOr::T(Schema::OneOf(either)) => {
            either.items.retain(|item| !is_null(item));
            if either.items.len() == 1 { either.items.pop() } else { None }
        }
        RefOr::T(Schema::Object(object)) => {
            if let SchemaType::Array(types) = &mut object.schema_type {
                types.retain(|one| *one != Type::Null);
                if let [only] = types.as_slice() {
                    object.schema_type = SchemaType::Type(only.clone());
                }
            }
            None
        }
        _ => None,
    };
    if let Some(straight) = straight {
        *schema = straight;
    }
}

fn is_null(schema: &RefOr<Schema>) -> bool {
    matches!(schema, RefOr::T(Schema::Object(object)) if object.schema_type == SchemaType::Type(Type::Null))
}

/// Either of them will do.
fn credentials() -> Vec<SecurityRequirement> {
    let alone = |name| SecurityRequirement::new::<_, [String; 0], String>(name, []);
    [BEARER, API_KEY].map(alone).to_vec()
}

fn takes_stream(operation: &Operation) -> bool {
    match &operation.request_body {
        Some(RefOr::T(body)) => !body.content.contains_key("application/json"),
        _ => false,
    }
}

fn idempotency_key() -> RefOr<Parameter> {
    let parameter = ParameterBuilder::new()
        .name("Idempotency-Key")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(
            "A name for this request, such as a UUID. Sent again with the same body, the same answer is given again; with \
             another body the answer is 422",
        ))
        .schema(Some(
            ObjectBuilder::new()
                .schema_type(Type::String)
                .min_length(Some(1))
                .max_length(Some(255))
                .pattern(Some("^[!-~]+$")),
        ))
        .build();
    RefOr::T(parameter)
}
