//! The page of one user.

use askama::Template;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use chrono::{DateTime, Utc};
use systemprompt_users_domain::{
    Actor, Cursor, PageRequest, PurgePreview, Result, User, UserActivity, UserRole, UserSession,
    UserStatus,
};

use super::super::error::{PageError, PageResult};
use super::super::event_row::{self, EventRow};
use super::super::form::{Fields, FormView};
use super::super::layout::{Layout, Section, page_of};
use super::super::session::Admin;
use super::super::text::{Moment, words};
use super::list::UserRow;
use super::path::UserPath;
use crate::Web;

const SESSIONS: i64 = 20;
const EVENTS: i64 = 15;

#[derive(Template)]
#[template(path = "admin/user.html")]
struct UserPage {
    layout: Layout,
    user: UserRow,
    facts: Facts,
    profile: FormView,
    roles: FormView,
    sessions: Vec<SessionRow>,
    more_sessions: Option<String>,
    live_sessions: u64,
    events: Vec<EventRow>,
    /// What a purge would remove, of a deleted user.
    purge: Option<PurgePreview>,
}

/// What the page asks of a user besides its row.
struct Facts {
    is_live: bool,
    is_active: bool,
    is_suspended: bool,
    is_anonymous: bool,
    is_me: bool,
    held: bool,
    display_name: String,
    avatar_url: String,
    updated: Moment,
    deleted: Option<Moment>,
    merged_into: Option<String>,
}

/// A session as a row of a table.
pub(in crate::admin) struct SessionRow {
    pub(in crate::admin) id: String,
    pub(in crate::admin) device: String,
    pub(in crate::admin) user_agent: String,
    pub(in crate::admin) ip: String,
    pub(in crate::admin) started: Moment,
    pub(in crate::admin) last: Moment,
    pub(in crate::admin) is_live: bool,
    pub(in crate::admin) is_mine: bool,
    pub(in crate::admin) end: String,
}

impl SessionRow {
    fn new(session: &UserSession, user: UserStatus, admin: &Admin, now: DateTime<Utc>) -> Self {
        let parts = [&session.browser, &session.os, &session.device_type];
        let device = parts.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(", ");
        let reason = session.end_reason.map(|reason| words(reason.as_str()));
        Self {
            id: session.id.to_string(),
            device: if device.is_empty() { "Unknown device".into() } else { device },
            user_agent: session.user_agent.clone().unwrap_or_default(),
            ip: session.ip.map(|ip| ip.to_string()).unwrap_or_default(),
            started: Moment::new(session.started_at, now),
            last: Moment::new(session.last_activity_at, now),
            is_live: session.is_live(user, now),
            is_mine: session.id == admin.session.session.id,
            end: reason.unwrap_or_else(|| "Expired".into()),
        }
    }
}

pub(super) async fn show(
    State(web): State<Web>,
    admin: Admin,
    path: UserPath,
    uri: Uri,
) -> PageResult {
    let user = path.find(&web).await?;
    let after = Fields::of_query(&uri).filled("after").map(str::parse).transpose()?;
    let form = profile_form(&user);
    render(&web, &admin, &user, (StatusCode::OK, form), after).await
}

/// The page with `profile` as its form, which holds what was typed where it was refused.
pub(super) async fn render(
    web: &Web,
    admin: &Admin,
    user: &User,
    (status, profile): (StatusCode, FormView),
    after: Option<Cursor>,
) -> PageResult {
    let now = web.now();
    let users = web.users(Actor::System);
    let request = PageRequest::new(SESSIONS)?.after(after);
    let sessions = web.sessions(Actor::System).list(user.id, &request).await?;
    let events = users.recent_events(user.id, EVENTS).await?;
    let activity = users.get_activity(user.id).await?;
    let page = UserPage {
        layout: Layout::new(user.name.to_string(), Section::Users, admin),
        user: UserRow::new(user, now),
        facts: Facts::new(user, admin, now),
        profile,
        roles: roles_form(user),
        sessions: sessions
            .items
            .iter()
            .map(|session| SessionRow::new(session, user.status, admin, now))
            .collect(),
        more_sessions: sessions.next.map(|next| format!("/admin/users/{}?after={next}", user.id)),
        live_sessions: activity.map_or(0, |activity: UserActivity| activity.live_sessions),
        events: event_row::rows(web, &events).await?,
        purge: preview(web, user).await?,
    };
    page_of(status, &page)
}

async fn preview(web: &Web, user: &User) -> Result<Option<PurgePreview>, PageError> {
    if user.is_live() || user.legal_hold {
        return Ok(None);
    }
    Ok(Some(web.users(Actor::System).preview_purge(user.id).await?))
}

impl Facts {
    fn new(user: &User, admin: &Admin, now: DateTime<Utc>) -> Self {
        let text = |value: Option<String>| value.unwrap_or_default();
        Self {
            is_live: user.is_live(),
            is_active: user.is_active(),
            is_suspended: user.status == UserStatus::Suspended,
            is_anonymous: user.is_anonymous(),
            is_me: user.id == admin.id(),
            held: user.legal_hold,
            display_name: text(user.display_name.as_ref().map(ToString::to_string)),
            avatar_url: text(user.avatar_url.as_ref().map(ToString::to_string)),
            updated: Moment::new(user.updated_at, now),
            deleted: user.deleted_at.map(|at| Moment::new(at, now)),
            merged_into: user.merged_into.map(|id| id.to_string()),
        }
    }
}

/// The profile as it is, to be edited.
fn profile_form(user: &User) -> FormView {
    let row = |text: Option<String>| text.unwrap_or_default();
    let mut fields = Fields::default();
    fields.push("name", user.name.as_str());
    fields.push("email", row(user.email.as_ref().map(ToString::to_string)));
    fields.push("full_name", row(user.full_name.as_ref().map(ToString::to_string)));
    fields.push("display_name", row(user.display_name.as_ref().map(ToString::to_string)));
    fields.push("avatar_url", row(user.avatar_url.as_ref().map(ToString::to_string)));
    let yes = |yes: bool| if yes { "yes" } else { "" };
    fields.push("email_verified", yes(user.email_verified));
    fields.push("was_verified", yes(user.email_verified));
    fields.push("is_bot", yes(user.is_bot));
    fields.push("version", user.version.to_string());
    FormView::new(fields)
}

fn roles_form(user: &User) -> FormView {
    let mut fields = Fields::default();
    for role in user.roles.iter() {
        fields.push("role", UserRole::as_str(role));
    }
    FormView::new(fields)
}
