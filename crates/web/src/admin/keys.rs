//! API keys: make, rotate, revoke. A secret is shown once, on the page that answers the form.

use askama::Template;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use chrono::{DateTime, Duration, Utc};
use systemprompt_users_domain::{
    ApiKey, ApiKeyId, ApiScope, ApiScopes, IssuedApiKey, NewApiKey, PageRequest, Result, UserError,
};

use super::confirm::Confirm;
use super::error::{PageError, PageResult};
use super::flash::Flash;
use super::form::{Fields, FormView, Posted};
use super::layout::{Layout, Section, page, page_of};
use super::session::Admin;
use super::text::{Moment, sentence};
use crate::Web;

const PER_PAGE: i64 = 50;

#[derive(Template)]
#[template(path = "admin/keys.html")]
struct KeysPage {
    layout: Layout,
    form: FormView,
    scopes: [(&'static str, &'static str); 5],
    rows: Vec<KeyRow>,
    first: Option<&'static str>,
    next: Option<String>,
}

/// The page with a secret, which nobody can read again.
#[derive(Template)]
#[template(path = "admin/key_secret.html")]
struct SecretPage {
    layout: Layout,
    name: String,
    scopes: String,
    secret: String,
    grace: bool,
}

struct KeyRow {
    id: String,
    name: String,
    prefix: String,
    scopes: String,
    created: Moment,
    expires: Option<Moment>,
    used: Option<Moment>,
    state: &'static str,
    look: &'static str,
    is_usable: bool,
    is_rotated: bool,
}

impl KeyRow {
    fn new(key: &ApiKey, now: DateTime<Utc>) -> Self {
        let (state, look) = match key {
            key if key.revoked_at.is_some() => ("revoked", "bad"),
            key if !key.is_usable(now) => ("expired", "muted"),
            key if key.replaced_by.is_some() => ("rotated", "warn"),
            _ => ("usable", "good"),
        };
        Self {
            id: key.id.to_string(),
            name: key.name.clone(),
            prefix: key.prefix.clone(),
            scopes: key.scopes.to_string().replace(',', ", "),
            created: Moment::new(key.created_at, now),
            expires: key.expires_at.map(|at| Moment::new(at, now)),
            used: key.last_used_at.map(|at| Moment::new(at, now)),
            state,
            look,
            is_usable: key.is_usable(now),
            is_rotated: key.replaced_by.is_some(),
        }
    }
}

pub(super) async fn show(State(web): State<Web>, admin: Admin, uri: Uri) -> PageResult {
    let mut fields = Fields::default();
    fields.push("scope", ApiScope::Read.as_str());
    fields.push("lifetime", "90");
    let shown = (StatusCode::OK, FormView::new(fields));
    render(&web, &admin, shown, &Fields::of_query(&uri)).await
}

async fn render(
    web: &Web,
    admin: &Admin,
    (status, form): (StatusCode, FormView),
    query: &Fields,
) -> PageResult {
    let now = web.now();
    let after = query.filled("after").map(str::parse).transpose()?;
    let keys = web.api_keys(admin.actor());
    let listed = keys.list(&PageRequest::new(PER_PAGE)?.after(after)).await?;
    let page = KeysPage {
        layout: Layout::new("API keys", Section::Keys, admin),
        form,
        scopes: ApiScope::ALL.map(|scope| (scope.as_str(), scope.meaning())),
        rows: listed.items.iter().map(|key| KeyRow::new(key, now)).collect(),
        first: query.filled("after").map(|_| "/admin/keys"),
        next: listed.next.map(|next| format!("/admin/keys?after={next}")),
    };
    page_of(status, &page)
}

pub(super) async fn create(State(web): State<Web>, posted: Posted) -> PageResult {
    let Posted { admin, fields } = posted;
    let created = match params(&fields) {
        Ok(params) => web.api_keys(admin.actor()).create(&params).await,
        Err(error) => Err(error),
    };
    match created {
        Ok(issued) => secret(&admin, issued, false),
        Err(error) => {
            let names = [("name", "name"), ("scopes", "scope"), ("expires_in", "lifetime")];
            let refused = FormView::refused(fields, error, &names)?;
            render(&web, &admin, refused, &Fields::default()).await
        }
    }
}

fn params(fields: &Fields) -> Result<NewApiKey> {
    let scopes: Result<Vec<ApiScope>> = fields.all("scope").map(str::parse).collect();
    let expires_in = match fields.get("lifetime") {
        "never" => None,
        text => Some(days("expires_in", text)?),
    };
    Ok(NewApiKey {
        name: fields.get("name").to_owned(),
        scopes: ApiScopes::new(scopes?)?,
        expires_in,
    })
}

fn days(field: &'static str, text: &str) -> Result<Duration> {
    let days = text.parse().ok().and_then(Duration::try_days);
    days.ok_or_else(|| UserError::validation(field, "expected a number of days"))
}

pub(super) async fn rotate(State(web): State<Web>, posted: Posted) -> PageResult {
    let Posted { admin, fields } = posted;
    let id = key_id(&fields)?;
    let grace = if fields.get("grace") == "day" { Duration::days(1) } else { Duration::zero() };
    if !fields.is_ticked("confirmed") {
        let line =
            "A new key of the same name and scopes takes its place; its secret is shown once.";
        let mut fields = fields;
        fields.push("grace", "day");
        return Confirm::new("Rotate this key?", Section::Keys, &admin, ("/admin/keys/rotate", &fields))
            .line(line)
            .line("The old one goes on for a day, so that programs can change over. Revoke it to end it at once.")
            .choices("Rotate", "/admin/keys")
            .show();
    }
    match web.api_keys(admin.actor()).rotate(id, grace).await {
        Ok(issued) => secret(&admin, issued, !grace.is_zero()),
        Err(error @ UserError::Storage(_)) => Err(error.into()),
        Err(error) => {
            let flash = Flash::failed(sentence(error.to_string()));
            Ok(flash.redirect("/admin/keys", &admin, &web))
        }
    }
}

pub(super) async fn revoke(State(web): State<Web>, posted: Posted) -> PageResult {
    let Posted { admin, fields } = posted;
    let id = key_id(&fields)?;
    if !fields.is_ticked("confirmed") {
        return Confirm::new(
            "Revoke this key?",
            Section::Keys,
            &admin,
            ("/admin/keys/revoke", &fields),
        )
        .line("Programs that use it are refused from now on. This can't be undone.")
        .choices("Revoke", "/admin/keys")
        .show();
    }
    let flash = match web.api_keys(admin.actor()).revoke(id).await {
        Ok(key) => Flash::done(format!("{} was revoked.", key.name)),
        Err(error @ UserError::Storage(_)) => return Err(error.into()),
        Err(error) => Flash::failed(sentence(error.to_string())),
    };
    Ok(flash.redirect("/admin/keys", &admin, &web))
}

fn key_id(fields: &Fields) -> Result<ApiKeyId, PageError> {
    fields.get("key").parse().map_err(|_| PageError::not_found("There is no such key."))
}

fn secret(admin: &Admin, issued: IssuedApiKey, grace: bool) -> PageResult {
    page(&SecretPage {
        layout: Layout::new("A new API key", Section::Keys, admin),
        name: issued.key.name,
        scopes: issued.key.scopes.to_string().replace(',', ", "),
        secret: issued.secret.reveal(),
        grace,
    })
}
