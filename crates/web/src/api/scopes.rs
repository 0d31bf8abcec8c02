//! The scope that an operation takes: the first argument of its handler says it, once. From there it gets into the
//! description of the API, and is checked before the handler, so that an answer is not given again to who lacks it.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::handler::Handler;
use axum::http::Method;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use systemprompt_users_domain::ApiScope;
use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::path::{Operation, Paths};
use utoipa::openapi::{OpenApi, PathItem};

use super::PREFIX;
use crate::auth::{Authorized, Principal, RequiredScope, missing};
use crate::{Problem, Web};

/// Where an operation says its scope.
const REQUIRED_SCOPE: &str = "x-required-scope";

/// The first argument of a handler.
pub(crate) trait AsksFor {
    /// The scope that it asks for.
    const SCOPE: ApiScope;
}

impl<S: RequiredScope> AsksFor for Authorized<S> {
    const SCOPE: ApiScope = S::SCOPE;
}

/// The arguments of a handler, as [`Handler`] names them.
pub(crate) trait Arguments {
    /// The scope that the first one asks for.
    const SCOPE: ApiScope;
}

macro_rules! arguments {
    ($($more:ident)*) => {
        impl<M, A: AsksFor, $($more),*> Arguments for (M, A, $($more),*) {
            const SCOPE: ApiScope = A::SCOPE;
        }
    };
}

arguments!();
arguments!(B);
arguments!(B C);
arguments!(B C D);
arguments!(B C D E);
arguments!(B C D E F);
arguments!(B C D E F G);
arguments!(B C D E F G H);

/// [`utoipa_axum::routes`] of handlers whose first argument asks for a scope.
macro_rules! routes {
    ($($($part:ident)::+),+ $(,)?) => {{
        let (schemas, mut paths, router) = utoipa_axum::routes!($($($part)::+),+);
        $($crate::api::scopes::declare(&mut paths, stringify!($($part)::+), $($part)::+);)+
        (schemas, paths, router)
    }};
}
pub(crate) use routes;

/// Writes the scope of a handler to its operation.
pub(crate) fn declare<H: Handler<T, Web>, T: Arguments>(paths: &mut Paths, name: &str, _: H) {
    let id = name.rsplit(':').next().unwrap_or(name).trim();
    let all = paths.paths.values_mut().flat_map(operations);
    for operation in all.filter(|operation| operation.operation_id.as_deref() == Some(id)) {
        let word = Value::from(T::SCOPE.as_str());
        let extension = ExtensionsBuilder::new().add(REQUIRED_SCOPE, word).build();
        operation.extensions.get_or_insert_default().merge(extension);
        let note = note(T::SCOPE);
        operation.description = match operation.description.take().filter(|text| !text.is_empty()) {
            Some(text) => Some(format!("{text}\n\n{note}")),
            None => Some(note),
        };
    }
}

/// What the description of an operation says of its scope.
fn note(scope: ApiScope) -> String {
    let more = match scope {
        ApiScope::Write => "; what touches an admin takes `admin`",
        _ => "",
    };
    format!("An API key needs the scope `{scope}`{more}.")
}

/// All scopes and what they are for, as Markdown.
pub(super) fn meanings() -> String {
    let line = |scope: ApiScope| format!("- `{scope}`: {}", scope.meaning());
    ApiScope::ALL.map(line).join("\n")
}

/// The operations of a path.
pub(super) fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.put, &mut item.post, &mut item.patch, &mut item.delete]
        .into_iter()
        .flatten()
}

/// The scope of each operation.
#[derive(Debug, Clone)]
pub(super) struct Scopes(Arc<HashMap<(String, Method), ApiScope>>);

impl Scopes {
    /// What the operations of a document say.
    pub(super) fn of(document: &OpenApi) -> Self {
        let all = document.paths.paths.iter().flat_map(|(path, item)| {
            let operations = [
                (&item.get, Method::GET),
                (&item.put, Method::PUT),
                (&item.post, Method::POST),
                (&item.patch, Method::PATCH),
                (&item.delete, Method::DELETE),
            ];
            operations.into_iter().filter_map(move |(operation, method)| {
                let word =
                    operation.as_ref()?.extensions.as_ref()?.get(REQUIRED_SCOPE)?.as_str()?;
                Some(((format!("{PREFIX}{path}"), method), word.parse().ok()?))
            })
        });
        Self(Arc::new(all.collect()))
    }

    fn find(&self, path: &str, method: &Method) -> Option<ApiScope> {
        let method = if method == Method::HEAD { Method::GET } else { method.clone() };
        self.0.get(&(path.to_owned(), method)).copied()
    }
}

/// A middleware behind [`crate::auth::authenticate`]: who lacks the scope of the operation gets 403, whatever the rest of
/// the request says, and whatever was answered to the same request before.
pub(super) async fn check(
    State(scopes): State<Scopes>,
    path: Option<MatchedPath>,
    request: Request,
    next: Next,
) -> Response {
    let scope = path.and_then(|path| scopes.find(path.as_str(), request.method()));
    let Some(scope) = scope else { return next.run(request).await };
    match request.extensions().get::<Principal>() {
        Some(principal) if principal.allows(scope) => next.run(request).await,
        Some(_) => missing(scope).into_response(),
        None => Problem::internal().into_response(),
    }
}
