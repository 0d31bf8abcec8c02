//! The same for many users: first what will be touched, then the deed.

use axum::extract::State;
use systemprompt_users_domain::{
    BulkItem, BulkOutcome, BulkReport, Result, User, UserId, UserRef, UserRole, UserStatus,
};

use super::super::confirm::{Confirm, ConfirmItem};
use super::super::error::{PageError, PageResult};
use super::super::flash::Flash;
use super::super::form::{Fields, Posted};
use super::super::layout::Section;
use super::super::session::Admin;
use super::super::text::{counted, size};
use crate::{Problem, Web};

/// A page of the list holds fewer.
const MAX_SELECTED: usize = 200;
/// So many refusals are told one by one.
const MAX_TOLD: usize = 5;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    Suspend,
    Activate,
    Delete,
    Give(UserRole),
}

impl Action {
    fn parse(text: &str) -> Result<Self, PageError> {
        Ok(match text {
            "suspend" => Self::Suspend,
            "activate" => Self::Activate,
            "delete" => Self::Delete,
            "admin" => Self::Give(UserRole::Admin),
            "user" => Self::Give(UserRole::User),
            _ => return Err(Problem::bad_request("choose what to do").into()),
        })
    }

    fn title(self, count: u64) -> String {
        let users = counted(count, "user");
        match self {
            Self::Suspend => format!("Suspend {users}?"),
            Self::Activate => format!("Activate {users}?"),
            Self::Delete => format!("Delete {users}?"),
            Self::Give(role) => format!("Give {users} the role {role}?"),
        }
    }

    const fn button(self) -> &'static str {
        match self {
            Self::Suspend => "Suspend",
            Self::Activate => "Activate",
            Self::Delete => "Delete",
            Self::Give(_) => "Give the role",
        }
    }

    const fn consequence(self) -> &'static str {
        match self {
            Self::Suspend => {
                "They are signed out everywhere and can't sign in until they are activated."
            }
            Self::Activate => "They can sign in again.",
            Self::Delete => {
                "They are signed out everywhere; their names and emails become free. They can be restored until they are purged."
            }
            Self::Give(UserRole::Admin) => "They may then do everything that you may do here.",
            Self::Give(_) => "They keep the roles they have.",
        }
    }

    const fn done(self) -> &'static str {
        match self {
            Self::Suspend => "suspended",
            Self::Activate => "activated",
            Self::Delete => "deleted",
            Self::Give(_) => "given the role",
        }
    }

    /// What there is to know of one user before it is done.
    fn note(self, user: &User, admin: &Admin) -> String {
        let already = match self {
            Self::Suspend => user.status == UserStatus::Suspended,
            Self::Activate => user.status == UserStatus::Active,
            Self::Delete => !user.is_live(),
            Self::Give(role) => user.roles.contains(role),
        };
        match user {
            _ if already => "is so already".into(),
            _ if !user.is_live() => "is deleted, and will be left out".into(),
            user if user.id == admin.id() => "that is you".into(),
            user => user.email.as_ref().map(ToString::to_string).unwrap_or_default(),
        }
    }
}

pub(super) async fn apply(State(web): State<Web>, posted: Posted) -> PageResult {
    let Posted { admin, fields } = posted;
    let action = Action::parse(fields.get("action"))?;
    let ids = selected(&fields)?;
    if ids.is_empty() {
        let flash = Flash::failed("Nobody was selected.");
        return Ok(flash.redirect("/admin/users", &admin, &web));
    }
    if !fields.is_ticked("confirmed") {
        return preview(&web, &admin, &fields, action, &ids).await;
    }
    let users = web.users(admin.actor());
    let report = match action {
        Action::Suspend => users.bulk_update_status(&ids, UserStatus::Suspended).await?,
        Action::Activate => users.bulk_update_status(&ids, UserStatus::Active).await?,
        Action::Delete => users.bulk_delete(&ids).await?,
        Action::Give(role) => users.bulk_assign_role(&ids, role).await?,
    };
    Ok(told(&report, action).redirect("/admin/users", &admin, &web))
}

fn selected(fields: &Fields) -> Result<Vec<UserId>, PageError> {
    let mut ids: Vec<UserId> = Vec::new();
    for text in fields.all("id") {
        let id = text.parse().map_err(|_| Problem::bad_request("this is no user"))?;
        if !ids.contains(&id) {
            ids.push(id);
        }
        if ids.len() > MAX_SELECTED {
            let message = format!("at most {MAX_SELECTED} users can be changed at once");
            return Err(Problem::bad_request(message).into());
        }
    }
    Ok(ids)
}

async fn preview(
    web: &Web,
    admin: &Admin,
    fields: &Fields,
    action: Action,
    ids: &[UserId],
) -> PageResult {
    let users = web.users(admin.actor());
    let mut items = Vec::with_capacity(ids.len());
    let mut warnings = Vec::new();
    for id in ids {
        let found = users.find_by_reference(&UserRef::Id(*id)).await?;
        let (label, note) = match &found {
            Some(user) => (user.name.to_string(), action.note(user, admin)),
            None => (id.to_string(), "is gone".to_owned()),
        };
        items.push(ConfirmItem { label, href: format!("/admin/users/{id}"), note });
    }
    if ids.contains(&admin.id()) && matches!(action, Action::Suspend | Action::Delete) {
        warnings.push(
            "You are among them: this signs you out, and you can't come back by yourself.".into(),
        );
    }
    Confirm::new(
        action.title(size(ids.len())),
        Section::Users,
        admin,
        ("/admin/users/bulk", fields),
    )
    .warnings(warnings)
    .line(action.consequence())
    .items(items)
    .choices(action.button(), "/admin/users")
    .show()
}

fn told(report: &BulkReport<BulkItem>, action: Action) -> Flash {
    let mut text = format!("{} {}", counted(size(report.done()), "user"), action.done());
    if report.unchanged() > 0 {
        text.push_str(&format!(", {} so already", report.unchanged()));
    }
    text.push('.');
    let refusals = report.items.iter().filter_map(|item| match &item.outcome {
        BulkOutcome::Refused(error) => Some(error.to_string()),
        _ => None,
    });
    let refusals: Vec<String> = refusals.collect();
    if refusals.is_empty() {
        return Flash::done(text);
    }
    let told = refusals.iter().take(MAX_TOLD).cloned().collect::<Vec<_>>().join("; ");
    Flash::failed(format!("{text} {} refused: {told}.", refusals.len()))
}
