//! Anonymous visitors: the list, and the clean-up of those who have not been here for long.

use askama::Template;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use chrono::Duration;
use systemprompt_users_domain::{
    Actor, AnonymousScope, PageRequest, Result, UserError, UserFilter, UserOrder,
};

use super::confirm::{Confirm, ConfirmItem};
use super::error::PageResult;
use super::flash::Flash;
use super::form::{Fields, FormView, Posted};
use super::layout::{Layout, Section, page_of};
use super::session::Admin;
use super::text::{Moment, counted, grouped, length, size};
use super::users::UserRow;
use crate::Web;

const PER_PAGE: i64 = 50;
/// So many visitors are named in the preview.
const MAX_NAMED: usize = 50;
/// One request deletes at most so many batches; the job does the rest.
const MAX_BATCHES: u32 = 20;

#[derive(Template)]
#[template(path = "admin/anonymous.html")]
struct AnonymousPage {
    layout: Layout,
    form: FormView,
    retention: String,
    count: String,
    rows: Vec<UserRow>,
    first: Option<&'static str>,
    next: Option<String>,
}

pub(super) async fn show(State(web): State<Web>, admin: Admin, uri: Uri) -> PageResult {
    let mut fields = Fields::default();
    fields.push("days", web.policy().anonymous_retention.num_days().to_string());
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
    let users = web.users(Actor::System);
    let filter = UserFilter { anonymous: AnonymousScope::Only, ..UserFilter::default() };
    let after = query.filled("after").map(str::parse).transpose()?;
    let request = PageRequest::new(PER_PAGE)?.after(after);
    let listed = users.list(&filter, UserOrder::RecentlyActive, &request).await?;
    let page = AnonymousPage {
        layout: Layout::new("Visitors", Section::Anonymous, admin),
        form,
        retention: length(web.policy().anonymous_retention),
        count: counted(users.count(&filter).await?, "visitor"),
        rows: listed.items.iter().map(|user| UserRow::new(user, now)).collect(),
        first: query.filled("after").map(|_| "/admin/anonymous"),
        next: listed.next.map(|next| format!("/admin/anonymous?after={next}")),
    };
    page_of(status, &page)
}

/// Shows who would be deleted, and deletes them once that is confirmed.
pub(super) async fn cleanup(State(web): State<Web>, posted: Posted) -> PageResult {
    let Posted { admin, fields } = posted;
    let done = match retention(&fields) {
        Ok(retention) if fields.is_ticked("confirmed") => delete(&web, &admin, retention).await,
        Ok(retention) => return preview(&web, &admin, &fields, retention).await,
        Err(error) => Err(error),
    };
    match done {
        Ok(flash) => Ok(flash.redirect("/admin/anonymous", &admin, &web)),
        Err(error) => {
            let refused =
                FormView::refused(fields, error, &[("days", "days"), ("retention", "days")])?;
            render(&web, &admin, refused, &Fields::default()).await
        }
    }
}

fn retention(fields: &Fields) -> Result<Duration> {
    let days =
        fields.get("days").trim().parse::<i64>().ok().filter(|days| (1..=3650).contains(days));
    let days = days.and_then(Duration::try_days);
    days.ok_or_else(|| UserError::validation("days", "expected 1 to 3650 days"))
}

async fn preview(web: &Web, admin: &Admin, fields: &Fields, retention: Duration) -> PageResult {
    let now = web.now();
    let idle = web.users(admin.actor()).list_idle_anonymous(retention, None).await?;
    if idle.is_empty() {
        let flash = Flash::done(format!("Nobody has been away for {}.", length(retention)));
        return Ok(flash.redirect("/admin/anonymous", admin, web));
    }
    let limit = usize::from(web.policy().cleanup_batch);
    let count = if idle.len() < limit {
        counted(size(idle.len()), "visitor")
    } else {
        format!("{} visitors or more", grouped(size(idle.len())))
    };
    let items = idle.iter().take(MAX_NAMED).map(|user| ConfirmItem {
        label: user.name.to_string(),
        href: format!("/admin/users/{}", user.id),
        note: format!("seen {}", Moment::new(user.last_active_at, now).relative),
    });
    let action = "/admin/anonymous/cleanup";
    Confirm::new(format!("Delete {count}?"), Section::Anonymous, admin, (action, fields))
        .line(format!(
            "These have not been here for {}, and have no live session. Idle longest first:",
            length(retention)
        ))
        .items(items.collect())
        .choices("Delete", "/admin/anonymous")
        .show()
}

async fn delete(web: &Web, admin: &Admin, retention: Duration) -> Result<Flash> {
    let users = web.users(admin.actor());
    let mut total = 0;
    for _ in 0..MAX_BATCHES {
        let deleted = users.cleanup_anonymous(retention).await?;
        total += deleted;
        if deleted == 0 {
            return Ok(Flash::done(format!("{} deleted.", counted(total, "visitor"))));
        }
    }
    Ok(Flash::done(format!("{} deleted; there may be more.", counted(total, "visitor"))))
}
