//! What went wrong, as a page.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use systemprompt_users_domain::UserError;

use super::text::sentence;
use crate::Problem;

pub(super) type PageResult = Result<Response, PageError>;

/// An error that becomes a page of its own. Errors of a form's fields are shown in the form instead.
#[derive(Debug, Clone)]
pub(super) struct PageError {
    pub(super) status: StatusCode,
    pub(super) title: String,
    pub(super) detail: String,
}

impl PageError {
    pub(super) fn new(
        status: StatusCode,
        title: impl Into<String>,
        detail: impl Into<String>,
    ) -> Self {
        Self { status, title: title.into(), detail: detail.into() }
    }

    pub(super) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "Not found", detail)
    }

    pub(super) fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "This is not allowed", detail)
    }
}

impl From<UserError> for PageError {
    fn from(error: UserError) -> Self {
        Problem::from(error).into()
    }
}

impl From<Problem> for PageError {
    fn from(problem: Problem) -> Self {
        let detail = problem.detail.as_deref().map(sentence);
        let detail = detail.unwrap_or_else(|| match problem.status() {
            StatusCode::SERVICE_UNAVAILABLE => "Nothing was changed. Try again in a moment.".into(),
            _ => "Details are in the log of the server.".into(),
        });
        Self::new(problem.status(), problem.title, detail)
    }
}

impl From<askama::Error> for PageError {
    fn from(error: askama::Error) -> Self {
        tracing::error!(error = &error as &dyn std::error::Error, "a page could not be rendered");
        Problem::internal().into()
    }
}

impl IntoResponse for PageError {
    /// The page itself is made by the guard, which knows whose navigation to put around it.
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}
