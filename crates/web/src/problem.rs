//! What an error looks like over HTTP: problem details (RFC 9457).

use std::net::IpAddr;
use std::num::NonZeroU32;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use serde::Serialize;
use systemprompt_users_application::BanImpact;
use systemprompt_users_domain::{StorageError, UserError};
use utoipa::ToSchema;

/// An error as a client gets it, as `application/problem+json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Problem {
    /// A stable name: `urn:systemprompt-users:problem:` and [`Problem::code`].
    #[serde(rename = "type")]
    #[schema(example = "urn:systemprompt-users:problem:validation")]
    pub kind: String,
    /// What kind of error it is, for people.
    pub title: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// What is wrong with this request, and what would be right.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The stable word at the end of `type`.
    #[schema(example = "validation")]
    pub code: &'static str,
    /// The field at fault, as the request spells it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub field: Option<Box<str>>,
    /// Until when it stays so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Box<DateTime<Utc>>>,
    /// What the ban would hit that has to be confirmed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub impact: Option<Box<BanImpactBody>>,
    /// After how many seconds the same may be tried again.
    #[serde(skip)]
    pub retry_after: Option<NonZeroU32>,
}

/// What a ban would hit that is hardly meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = BanImpact)]
pub struct BanImpactBody {
    /// The address that the request comes from, if it would be banned.
    #[schema(required = true, value_type = Option<String>)]
    pub own_address: Option<IpAddr>,
    /// How many live sessions of admins were started from addresses that would be banned.
    pub admin_sessions: u32,
    /// Whether it is an IPv4 network wider than /8 or an IPv6 network wider than /16.
    pub wide_network: bool,
}

impl From<&BanImpact> for BanImpactBody {
    fn from(impact: &BanImpact) -> Self {
        Self {
            own_address: impact.own_address,
            admin_sessions: impact.admin_sessions,
            wide_network: impact.is_wide,
        }
    }
}

impl Problem {
    /// A problem of that status and code.
    pub fn new(status: StatusCode, code: &'static str, title: &'static str) -> Self {
        Self {
            kind: format!("urn:systemprompt-users:problem:{code}"),
            title,
            status: status.as_u16(),
            detail: None,
            code,
            field: None,
            until: None,
            impact: None,
            retry_after: None,
        }
    }

    /// The same with the particulars of this request.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// The same naming the field at fault.
    #[must_use]
    pub fn field(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into().into_boxed_str());
        self
    }

    /// The same saying until when it stays so.
    #[must_use]
    pub fn until(mut self, until: DateTime<Utc>) -> Self {
        self.until = Some(Box::new(until));
        self
    }

    /// The same saying what a ban would hit.
    #[must_use]
    pub fn impact(mut self, impact: &BanImpact) -> Self {
        self.impact = Some(Box::new(impact.into()));
        self
    }

    /// The same saying after how many seconds to try again.
    #[must_use]
    pub const fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = NonZeroU32::new(seconds);
        self
    }

    /// Nothing that the client could know or do anything about.
    pub fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "The request failed")
    }

    /// The storage does not answer; the same may work soon.
    pub fn unavailable() -> Self {
        let title = "The storage does not answer";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", title).retry_after(1)
    }

    /// The request could not be read.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        let title = "The request can't be read";
        Self::new(StatusCode::BAD_REQUEST, "bad_request", title).detail(detail)
    }

    /// Nobody, or nobody known, is asking.
    pub fn unauthorized(detail: impl Into<String>) -> Self {
        let title = "Authentication is required";
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", title).detail(detail)
    }

    /// Whoever is asking may not do this.
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", "This is not allowed").detail(detail)
    }

    /// There is no such thing.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "There is no such thing").detail(detail)
    }

    /// The status as a type.
    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

impl From<UserError> for Problem {
    fn from(error: UserError) -> Self {
        let (status, title) = match &error {
            UserError::NotFound { .. } => (StatusCode::NOT_FOUND, "There is no such thing"),
            UserError::EmailAlreadyExists | UserError::NameAlreadyExists => {
                (StatusCode::CONFLICT, "Somebody else holds it already")
            }
            UserError::LastAdmin => (StatusCode::CONFLICT, "The last admin can't be removed"),
            UserError::AdminsOnly => (StatusCode::FORBIDDEN, "This is not allowed"),
            UserError::Stale => (StatusCode::PRECONDITION_FAILED, "It was changed meanwhile"),
            UserError::StaleEmail => (StatusCode::CONFLICT, "It was changed meanwhile"),
            UserError::NotAllowed(_) | UserError::LegalHold(_) => {
                (StatusCode::CONFLICT, "Its state does not allow this")
            }
            UserError::Unconfirmed(_) => (StatusCode::CONFLICT, "This has to be confirmed"),
            // A host that was started before the migration goes on by itself after it.
            UserError::Storage(StorageError::Unavailable(_) | StorageError::OutdatedSchema(_)) => {
                crate::outage::STORAGE.failed(&error);
                return Self::unavailable();
            }
            UserError::Storage(_) => {
                tracing::error!(error = &error as &dyn std::error::Error, "the storage failed");
                return Self::internal();
            }
            _ => (StatusCode::UNPROCESSABLE_ENTITY, "A value is not acceptable"),
        };
        let mut problem = Self::new(status, error.code(), title).detail(error.to_string());
        problem.field = error.field().map(Box::from);
        problem
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.status();
        let retry_after = self.retry_after;
        let mut response = (status, Json(self)).into_response();
        let headers = response.headers_mut();
        let problem = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, problem);
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = retry_after {
            headers.insert(header::RETRY_AFTER, seconds.get().into());
        }
        response
    }
}
