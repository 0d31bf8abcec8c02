//! The list of users: search as you type, filters, keyset pages.

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::{Html, IntoResponse};
use chrono::{DateTime, Utc};
use systemprompt_users_domain::{
    Actor, Page, PageRequest, Result, User, UserError, UserFilter, UserOrder, UserRole, UserScope,
};

use super::super::error::PageResult;
use super::super::form::Fields;
use super::super::guard::Fragment;
use super::super::layout::{Layout, Section, page};
use super::super::session::Admin;
use super::super::text::{Moment, counted, sentence};
use crate::Web;

const PER_PAGE: i64 = 50;

#[derive(Template)]
#[template(path = "admin/users.html")]
struct UsersPage {
    layout: Layout,
    query: Fields,
    results: Results,
}

/// The part of the page that changes while somebody types.
#[derive(Template)]
#[template(path = "admin/users_results.html")]
struct Results {
    rows: Vec<UserRow>,
    csrf: String,
    /// What was found, in words.
    summary: String,
    problem: Option<String>,
    first: Option<String>,
    next: Option<String>,
}

/// A user as a row of a table.
pub(in crate::admin) struct UserRow {
    pub(in crate::admin) id: String,
    pub(in crate::admin) name: String,
    pub(in crate::admin) full_name: String,
    pub(in crate::admin) email: String,
    pub(in crate::admin) email_verified: bool,
    pub(in crate::admin) status: &'static str,
    pub(in crate::admin) roles: String,
    pub(in crate::admin) is_admin: bool,
    pub(in crate::admin) is_bot: bool,
    pub(in crate::admin) last_active: Moment,
    pub(in crate::admin) created: Moment,
}

impl UserRow {
    pub(in crate::admin) fn new(user: &User, now: DateTime<Utc>) -> Self {
        let shown = user.full_name.as_ref().map(ToString::to_string);
        let shown = shown.or_else(|| user.display_name.as_ref().map(ToString::to_string));
        Self {
            id: user.id.to_string(),
            name: user.name.to_string(),
            full_name: shown.unwrap_or_default(),
            email: user.email.as_ref().map(ToString::to_string).unwrap_or_default(),
            email_verified: user.email_verified,
            status: user.status.as_str(),
            roles: user.roles.iter().map(UserRole::as_str).collect::<Vec<_>>().join(", "),
            is_admin: user.roles.contains(UserRole::Admin),
            is_bot: user.is_bot,
            last_active: Moment::new(user.last_active_at, now),
            created: Moment::new(user.created_at, now),
        }
    }
}

pub(super) async fn show(
    State(web): State<Web>,
    admin: Admin,
    headers: HeaderMap,
    uri: Uri,
) -> PageResult {
    let query = Fields::of_query(&uri);
    let results = match find(&web, &query).await {
        Ok((found, summary)) => results(&web, &admin, &query, found, summary),
        Err(error @ UserError::Storage(_)) => return Err(error.into()),
        Err(error) => unfound(&admin, &error),
    };
    if headers.contains_key("x-fragment") {
        return Ok((axum::Extension(Fragment), Html(results.render()?)).into_response());
    }
    let layout = Layout::new("Users", Section::Users, &admin);
    page(&UsersPage { layout, query, results })
}

async fn find(web: &Web, query: &Fields) -> Result<(Page<User>, String)> {
    let users = web.users(Actor::System);
    let filter = filter(query);
    let after = query.filled("after").map(str::parse).transpose()?;
    let wanted = PageRequest::new(PER_PAGE)?.after(after);
    let Some(text) = query.filled("q") else {
        let order = match query.get("order") {
            "oldest" => UserOrder::Oldest,
            "active" => UserOrder::RecentlyActive,
            "name" => UserOrder::Name,
            _ => UserOrder::Newest,
        };
        let found = users.list(&filter, order, &wanted).await?;
        return Ok((found, counted(users.count(&filter).await?, "user")));
    };
    let found = users.search(text, &filter, &wanted).await?;
    let first_page = wanted.after.is_none() && found.next.is_none();
    let shown = counted(super::super::text::size(found.items.len()), "user");
    let summary =
        if first_page { format!("{shown} found") } else { format!("{shown} on this page") };
    Ok((found, summary))
}

fn filter(query: &Fields) -> UserFilter {
    let yes_or_no = |name: &str| match query.get(name) {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    };
    let (scope, statuses) = match query.get("status") {
        "all" => (UserScope::All, Vec::new()),
        text => match text.parse() {
            Ok(status) => (UserScope::All, vec![status]),
            Err(_) => (UserScope::Live, Vec::new()),
        },
    };
    UserFilter {
        scope,
        statuses,
        roles: query.get("role").parse().into_iter().collect(),
        email_verified: yes_or_no("verified"),
        is_bot: yes_or_no("bot"),
        ..UserFilter::default()
    }
}

fn results(
    web: &Web,
    admin: &Admin,
    query: &Fields,
    found: Page<User>,
    summary: String,
) -> Results {
    let now = web.now();
    let link = |after: Option<String>| {
        let mut link = url::form_urlencoded::Serializer::new(query.query(&["after"]));
        after.map(|after| link.append_pair("after", &after));
        format!("/admin/users?{}", link.finish())
    };
    Results {
        rows: found.items.iter().map(|user| UserRow::new(user, now)).collect(),
        csrf: admin.csrf.to_string(),
        summary,
        problem: None,
        first: query.filled("after").map(|_| link(None)),
        next: found.next.map(|next| link(Some(next.to_string()))),
    }
}

fn unfound(admin: &Admin, error: &UserError) -> Results {
    let message = match error {
        UserError::Validation { message, .. } => message.clone(),
        other => other.to_string(),
    };
    Results {
        rows: Vec::new(),
        csrf: admin.csrf.to_string(),
        summary: "Nothing was looked for".into(),
        problem: Some(sentence(message)),
        first: Some("/admin/users".into()),
        next: None,
    }
}
