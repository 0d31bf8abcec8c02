//! Pages of a list: what is asked for with `limit` and `after`, and how a page is answered.

use axum::Json;
use axum::extract::OriginalUri;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use systemprompt_users_domain::{Cursor, Page, PageLimit, PageRequest, UserError};
use utoipa::{IntoParams, ToSchema};

/// A page as a client gets it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PageBody<T> {
    /// The items, in the order of the list.
    items: Vec<T>,
    /// What to send as `after` for the next page; null on the last page.
    #[schema(required = true)]
    next: Option<String>,
}

impl<T> PageBody<T> {
    /// A page, and where the next one begins.
    pub(crate) fn new(items: Vec<T>, next: Option<Cursor>) -> Self {
        Self { items, next: next.map(|cursor| cursor.to_string()) }
    }
}

/// Which page of a list without filters is wanted. A list with filters has the same two parameters of its own,
/// and calls [`page_request`].
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageParams {
    /// How many items at the most.
    #[param(minimum = 1, maximum = 1000, default = 50)]
    limit: Option<i64>,
    /// `next` of the page before.
    after: Option<String>,
}

impl PageParams {
    pub(crate) fn request(&self) -> Result<PageRequest, UserError> {
        page_request(self.limit, self.after.as_deref())
    }
}

/// The page that `limit` and `after` ask for.
pub(crate) fn page_request(
    limit: Option<i64>,
    after: Option<&str>,
) -> Result<PageRequest, UserError> {
    let limit = limit.map_or(Ok(PageLimit::default()), PageLimit::new)?;
    let after = after.map(str::parse::<Cursor>).transpose()?;
    Ok(PageRequest { after, limit })
}

/// A page with its `Link` to the next one.
#[derive(Debug)]
pub(crate) struct Paged<T> {
    body: PageBody<T>,
    link: Option<HeaderValue>,
}

impl<T> Paged<T> {
    /// A page of a list that was asked for by `uri`.
    pub(crate) fn new<S>(
        OriginalUri(uri): &OriginalUri,
        page: Page<S>,
        item: impl FnMut(S) -> T,
    ) -> Self {
        let page = page.map(item);
        let body = PageBody::new(page.items, page.next);
        let link = body.next.as_deref().and_then(|next| {
            let link = format!("<{}?{}>; rel=\"next\"", uri.path(), with_after(uri.query(), next));
            HeaderValue::try_from(link).ok()
        });
        Self { body, link }
    }
}

/// The same query with another `after`; a cursor is made of letters that need no escape.
fn with_after(query: Option<&str>, next: &str) -> String {
    let pairs = query.unwrap_or_default().split('&');
    let kept = pairs.filter(|pair| !pair.is_empty() && pair.split('=').next() != Some("after"));
    let mut query: Vec<&str> = kept.collect();
    let after = format!("after={next}");
    query.push(&after);
    query.join("&")
}

impl<T: Serialize> IntoResponse for Paged<T> {
    fn into_response(self) -> Response {
        let mut response = Json(self.body).into_response();
        if let Some(link) = self.link {
            response.headers_mut().insert(header::LINK, link);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_keeps_all_but_the_place() {
        assert_eq!(with_after(None, "x"), "after=x");
        assert_eq!(with_after(Some("limit=2&after=w&role=user"), "x"), "limit=2&role=user&after=x");
    }
}
