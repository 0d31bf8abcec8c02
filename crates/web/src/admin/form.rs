//! Forms as they are sent, and as they come back with what is wrong.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use systemprompt_users_domain::UserError;

use super::error::PageError;
use super::session::Admin;
use super::text::sentence;
use crate::{Web, body};

/// The fields of a form, in the order sent. What is missing is blank.
#[derive(Debug, Clone, Default)]
pub(super) struct Fields(Vec<(String, String)>);

impl Fields {
    pub(super) fn parse(encoded: &[u8]) -> Self {
        let pairs = url::form_urlencoded::parse(encoded);
        Self(pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect())
    }

    pub(super) fn of_query(uri: &axum::http::Uri) -> Self {
        Self::parse(uri.query().unwrap_or("").as_bytes())
    }

    /// The first value of that name.
    pub(super) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    /// The same, where it is more than blanks.
    pub(super) fn filled(&self, name: &str) -> Option<&str> {
        Some(self.get(name).trim()).filter(|text| !text.is_empty())
    }

    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let named = self.0.iter().filter(move |(key, _)| key == name);
        named.map(|(_, value)| value.as_str())
    }

    /// Whether a checkbox is ticked.
    pub(super) fn is_ticked(&self, name: &str) -> bool {
        self.get(name) == "yes"
    }

    pub(super) fn push(&mut self, name: &str, value: impl Into<String>) {
        self.0.push((name.to_owned(), value.into()));
    }

    /// All of them but the CSRF token, to be sent again.
    pub(super) fn to_repeat(&self) -> Vec<(String, String)> {
        self.0.iter().filter(|(name, _)| name != "csrf").cloned().collect()
    }

    /// As the query of a link, the blank ones and `without` left out.
    pub(super) fn query(&self, without: &[&str]) -> String {
        let kept = self.0.iter().filter(|(name, value)| {
            !value.is_empty() && !without.contains(&name.as_str()) && name != "csrf"
        });
        url::form_urlencoded::Serializer::new(String::new()).extend_pairs(kept).finish()
    }
}

/// A form that was sent from one of these pages: the CSRF token is checked.
#[derive(Debug, Clone)]
pub(super) struct Posted {
    pub(super) admin: Admin,
    pub(super) fields: Fields,
}

impl FromRequest<Web> for Posted {
    type Rejection = PageError;

    async fn from_request(request: Request, web: &Web) -> Result<Self, PageError> {
        let admin = request.extensions().get::<Admin>().cloned();
        let admin = admin.ok_or_else(|| PageError::forbidden("Nobody is signed in."))?;
        let fields = read(request, web).await?;
        check_csrf(&admin, &fields)?;
        Ok(Self { admin, fields })
    }
}

/// The fields of a form's body.
pub(super) async fn read(request: Request, web: &Web) -> Result<Fields, PageError> {
    let form = "application/x-www-form-urlencoded";
    if body::media_type(request.headers(), form).ok().as_deref() != Some(form) {
        let detail = "Go back and send the form of the page.";
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        return Err(PageError::new(status, "This is not a form", detail));
    }
    Ok(Fields::parse(&Bytes::from_request(request, web).await.map_err(|error| unread(&error))?))
}

pub(super) fn check_csrf(admin: &Admin, fields: &Fields) -> Result<(), PageError> {
    if admin.accepts_csrf(fields.get("csrf")) {
        return Ok(());
    }
    let detail =
        "The form is of another session. Nothing was changed; load the page again and repeat.";
    Err(PageError::forbidden(detail))
}

fn unread(error: &BytesRejection) -> PageError {
    match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => too_large(),
        status => PageError::new(status, "The form can't be read", "Send it again."),
    }
}

pub(super) fn too_large() -> PageError {
    let detail = "Nothing was changed. Send less at once.";
    PageError::new(StatusCode::PAYLOAD_TOO_LARGE, "This is too much at once", detail)
}

/// A form as it is shown: with what was typed, and what is wrong beside the field at fault.
#[derive(Debug, Clone, Default)]
pub(super) struct FormView {
    fields: Fields,
    errors: Vec<(&'static str, String)>,
    /// What is wrong with no field in particular.
    pub(super) general: Option<String>,
}

impl FormView {
    pub(super) fn new(fields: Fields) -> Self {
        Self { fields, ..Self::default() }
    }

    /// The form again after `error`, with its status; errors that are nobody's fault here become pages.
    ///
    /// `names` are the fields of the form; a pair gives a field of the service the name it has in the form.
    pub(super) fn refused(
        fields: Fields,
        error: UserError,
        names: &[(&str, &'static str)],
    ) -> Result<(StatusCode, Self), PageError> {
        if matches!(error, UserError::Storage(_) | UserError::NotFound { .. }) {
            return Err(error.into());
        }
        let mut view = Self::new(fields);
        let message = match &error {
            UserError::Validation { message, .. } => message.clone(),
            UserError::Stale => {
                "somebody else has changed it since this page was loaded; load it again, then repeat your change".into()
            }
            other => other.to_string(),
        };
        let message = sentence(message);
        let known = error.field().and_then(|field| names.iter().find(|(name, _)| *name == field));
        match (known, error.field()) {
            (Some((_, shown)), _) => view.errors.push((shown, message)),
            (None, Some(field)) => {
                view.general = Some(format!("{}: {message}", super::text::words(field)))
            }
            (None, None) => view.general = Some(message),
        }
        Ok((PageError::from(error).status, view))
    }

    pub(super) fn value(&self, name: &str) -> &str {
        self.fields.get(name)
    }

    pub(super) fn is_ticked(&self, name: &str) -> bool {
        self.fields.is_ticked(name)
    }

    pub(super) fn holds(&self, name: &str, value: &str) -> bool {
        self.fields.all(name).any(|held| held == value)
    }

    pub(super) fn error(&self, name: &str) -> Option<&str> {
        self.errors.iter().find(|(field, _)| *field == name).map(|(_, message)| message.as_str())
    }
}
