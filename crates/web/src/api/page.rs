//! Pages of a list: what is asked for with `limit` and `after`, and how a page is answered.

use axum::Json;
use axum::extract::OriginalUri;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
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
    /// A page of `list`, and where the next one begins.
    pub(crate) fn new(list: List, items: Vec<T>, next: Option<Cursor>) -> Self {
        Self { items, next: next.map(|cursor| list.seal(&cursor)) }
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
    pub(crate) fn request(&self, list: List) -> Result<PageRequest, UserError> {
        page_request(list, self.limit, self.after.as_deref())
    }
}

/// The page of `list` that `limit` and `after` ask for.
pub(crate) fn page_request(
    list: List,
    limit: Option<i64>,
    after: Option<&str>,
) -> Result<PageRequest, UserError> {
    let limit = limit.map_or(Ok(PageLimit::default()), PageLimit::new)?;
    let after = after.map(|after| list.open(after)).transpose()?;
    Ok(PageRequest { after, limit })
}

/// Which list a cursor is of, and in which order: its mark stands before the cursor, so that no other list takes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct List(u32);

impl List {
    /// The list of that name; `parts` are what else decides where an item stands in it, such as its order.
    pub(crate) fn of(name: &str, parts: &[&str]) -> Self {
        let mut hash = Sha256::new();
        for part in [name].iter().chain(parts) {
            hash.update(part.len().to_be_bytes());
            hash.update(part);
        }
        let hash: [u8; 32] = hash.finalize().into();
        Self(hash.first_chunk().map_or(0, |mark| u32::from_be_bytes(*mark)))
    }

    fn seal(self, cursor: &Cursor) -> String {
        format!("{:08x}.{cursor}", self.0)
    }

    /// The cursor that `after` is.
    ///
    /// # Errors
    /// `Validation` of `after` when it is none, or one of another list.
    pub(crate) fn open(self, after: &str) -> Result<Cursor, UserError> {
        let (mark, cursor) = after.split_once('.').unwrap_or_default();
        let cursor = (mark == format!("{:08x}", self.0)).then(|| cursor.parse::<Cursor>().ok());
        // A text that can't be stored was in no list.
        let is_possible = |cursor: &Cursor| !cursor.text().is_ok_and(|text| text.contains('\0'));
        cursor.flatten().filter(is_possible).ok_or_else(|| {
            let message =
                "this is not a cursor of this list in this order; take `next` of the page before";
            UserError::validation("after", message)
        })
    }
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
        list: List,
        page: Page<S>,
        item: impl FnMut(S) -> T,
    ) -> Self {
        let page = page.map(item);
        let body = PageBody::new(list, page.items, page.next);
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
    fn a_cursor_is_of_one_list() {
        let cursor = Cursor::at_text("ada".into(), uuid::Uuid::nil());
        let list = List::of("users", &["name"]);
        let sealed = list.seal(&cursor);
        assert_eq!(list.open(&sealed).unwrap(), cursor);
        for other in
            [List::of("users", &["newest"]), List::of("users", &[]), List::of("username", &[])]
        {
            assert_eq!(other.open(&sealed).unwrap_err().field(), Some("after"));
        }
        let zero = Cursor::at_text("a\0b".into(), uuid::Uuid::nil());
        for wrong in [&cursor.to_string(), "", ".", &sealed[..9], &list.seal(&zero)] {
            assert!(list.open(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_link_keeps_all_but_the_place() {
        assert_eq!(with_after(None, "x"), "after=x");
        assert_eq!(with_after(Some("limit=2&after=w&role=user"), "x"), "limit=2&role=user&after=x");
    }
}
