//! Many users: list, search, count.

use axum::Json;
use axum::extract::{OriginalUri, State};
use serde::Serialize;
use utoipa::ToSchema;

use super::UserBody;
use super::filter::{Order, filtered_query};
use crate::api::errors::AnyProblem;
use crate::api::page::{List, PageBody, Paged, page_request};
use crate::auth::{Authorized, Read};
use crate::{Problem, QueryParams, Web};

filtered_query! {
    /// Which users are listed, and in which order.
    ListQuery {
        /// In which order.
        #[serde(default)]
        #[param(inline, default = "newest")]
        order: Order,
        /// How many users at the most.
        #[param(minimum = 1, maximum = 1000, default = 50)]
        limit: Option<i64>,
        /// `next` of the page before, asked for in the same order.
        after: Option<String>,
    }
}

/// A page of users. Without filters: of all live, registered ones, newest first.
#[utoipa::path(
    get,
    path = "/users",
    tag = "users",
    params(ListQuery),
    responses(
        (status = 200, body = PageBody<UserBody>, description = "A page", headers(("Link" = String, description = "The next page, where there is one"))),
        AnyProblem,
    ),
)]
pub(super) async fn list_users(
    who: Authorized<Read>,
    State(web): State<Web>,
    uri: OriginalUri,
    QueryParams(query): QueryParams<ListQuery>,
) -> Result<Paged<UserBody>, Problem> {
    let list = List::of("users", &[&format!("{:?}", query.order)]);
    let request = page_request(list, query.limit, query.after.as_deref())?;
    let page = web.users(who.actor()).list(&query.filter(), query.order.into(), &request).await?;
    Ok(Paged::new(&uri, list, page, |user| UserBody::from(&user)))
}

filtered_query! {
    /// What is searched for, and among which users.
    SearchQuery {
        /// What name, email, full name or display name begins with or holds, in any case; every character stands
        /// for itself.
        #[param(min_length = 1, max_length = 255, pattern = r"^[^\u0000-\u001F\u007F-\u009F\u2028-\u202E\u2066-\u2069]*[^\s\u0000-\u001F\u007F-\u009F\u2028-\u202E\u2066-\u2069][^\u0000-\u001F\u007F-\u009F\u2028-\u202E\u2066-\u2069]*$")]
        q: String,
        /// How many users at the most.
        #[param(minimum = 1, maximum = 1000, default = 50)]
        limit: Option<i64>,
        /// `next` of the page before, of the same search.
        after: Option<String>,
    }
}

/// A page of the users that a text is found in: first those of whom a field begins with it.
#[utoipa::path(
    get,
    path = "/users/search",
    tag = "users",
    params(SearchQuery),
    responses(
        (status = 200, body = PageBody<UserBody>, description = "A page", headers(("Link" = String, description = "The next page, where there is one"))),
        AnyProblem,
    ),
)]
pub(super) async fn search_users(
    who: Authorized<Read>,
    State(web): State<Web>,
    uri: OriginalUri,
    QueryParams(query): QueryParams<SearchQuery>,
) -> Result<Paged<UserBody>, Problem> {
    let list = List::of("search", &[&query.q]);
    let request = page_request(list, query.limit, query.after.as_deref())?;
    let found = web.users(who.actor()).search(&query.q, &query.filter(), &request).await;
    let page = found.map_err(|error| match error.field() {
        Some("query") => Problem::from(error).field("q"),
        _ => Problem::from(error),
    })?;
    Ok(Paged::new(&uri, list, page, |user| UserBody::from(&user)))
}

filtered_query! {
    /// Which users are counted.
    CountQuery {}
}

/// How many there are.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Count)]
pub(super) struct CountBody {
    /// The number, exact.
    count: u64,
}

/// How many users there are. Without filters: of all live, registered ones.
#[utoipa::path(
    get,
    path = "/users/count",
    tag = "users",
    params(CountQuery),
    responses((status = 200, body = CountBody, description = "The number"), AnyProblem),
)]
pub(super) async fn count_users(
    who: Authorized<Read>,
    State(web): State<Web>,
    QueryParams(query): QueryParams<CountQuery>,
) -> Result<Json<CountBody>, Problem> {
    let count = web.users(who.actor()).count(&query.filter()).await?;
    Ok(Json(CountBody { count }))
}
