//! What comes after a deletion: restore, legal hold, purge. And the merge of two users.

use axum::extract::State;
use axum::http::Uri;
use systemprompt_users_domain::{MergeOptions, User, UserError, UserId};

use super::super::confirm::{Confirm, ConfirmItem};
use super::super::error::PageResult;
use super::super::flash::Flash;
use super::super::form::{Fields, Posted};
use super::super::layout::Section;
use super::super::session::Admin;
use super::super::text::{counted, sentence};
use super::change::answer;
use super::path::UserPath;
use crate::Web;

pub(super) async fn restore(State(web): State<Web>, path: UserPath, posted: Posted) -> PageResult {
    let admin = posted.admin;
    let restored = web.users(admin.actor()).restore(path.0).await;
    answer(restored.map(drop), "Restored.", path, &admin, &web)
}

pub(super) async fn hold(State(web): State<Web>, path: UserPath, posted: Posted) -> PageResult {
    let Posted { admin, fields } = posted;
    let held = fields.is_ticked("held");
    let changed = web.users(admin.actor()).set_legal_hold(path.0, held).await;
    let done = if held { "The legal hold was placed." } else { "The legal hold was lifted." };
    answer(changed.map(drop), done, path, &admin, &web)
}

pub(super) async fn purge(State(web): State<Web>, path: UserPath, posted: Posted) -> PageResult {
    let Posted { admin, fields } = posted;
    let user = path.find(&web).await?;
    let users = web.users(admin.actor());
    if fields.is_ticked("confirmed") {
        return match users.purge(path.0).await {
            Ok(_) => {
                let flash = Flash::done(format!("{} was purged.", user.name));
                Ok(flash.redirect("/admin/users", &admin, &web))
            }
            Err(error) => answer(Err(error), "", path, &admin, &web),
        };
    }
    let preview = match users.preview_purge(path.0).await {
        Ok(preview) => preview,
        Err(error) => return answer(Err(error), "", path, &admin, &web),
    };
    let action = format!("{}/purge", path.page());
    let title = format!("Purge {} for good?", user.name);
    Confirm::new(title, Section::Users, &admin, (action, &fields))
        .warnings(vec!["This can't be undone.".into()])
        .line(format!("The user and {} are removed.", counted(preview.sessions, "session")))
        .line(format!(
            "{} lose their link to the user, but stay.",
            counted(preview.ban_associations, "ban record")
        ))
        .line(format!(
            "{} merged into this one no longer lead anywhere.",
            counted(preview.merged_references, "user")
        ))
        .choices("Purge", path.page())
        .show()
}

/// What a merge would move, with the form that does it.
pub(super) async fn preview_merge(
    State(web): State<Web>,
    admin: Admin,
    path: UserPath,
    uri: Uri,
) -> PageResult {
    let source = path.find(&web).await?;
    let query = Fields::of_query(&uri);
    let found = web.admin(admin.actor()).find(query.get("into")).await;
    let target = match found {
        Ok(Some(target)) => target,
        Ok(None) => {
            return refuse("There is no user of that name, email or id.", path, &admin, &web);
        }
        Err(UserError::Validation { message, .. }) => {
            return refuse(&sentence(message), path, &admin, &web);
        }
        Err(error) => return Err(error.into()),
    };
    if let Err(refused) = source.check_merge_into(&target) {
        return refuse(&sentence(refused.to_string()), path, &admin, &web);
    }
    let sessions = web.users(admin.actor()).get_activity(source.id).await?;
    let sessions = sessions.map_or((0, 0), |activity| (activity.sessions, activity.live_sessions));
    ask_to_merge(&admin, &source, &target, sessions)
}

fn ask_to_merge(
    admin: &Admin,
    source: &User,
    target: &User,
    (sessions, live): (u64, u64),
) -> PageResult {
    let mut fields = Fields::default();
    fields.push("into", target.id.to_string());
    let item = |user: &User, note: &str| ConfirmItem {
        label: user.name.to_string(),
        href: format!("/admin/users/{}", user.id),
        note: format!("{} · {note}", user.email.as_ref().map_or("", |email| email.as_str())),
    };
    let itself = source.id == admin.id();
    let warning =
        "That is you: your account disappears into the other one, and you are signed out.";
    let title = format!("Merge {} into {}?", source.name, target.name);
    let action = format!("/admin/users/{}/merge", source.id);
    Confirm::new(title, Section::Users, admin, (action, &fields))
        .warnings(itself.then(|| warning.to_owned()).into_iter().collect())
        .items(vec![item(source, "disappears"), item(target, "stays")])
        .line(format!(
            "To be moved: {} of history, and all ban records. To be ended: {}.",
            counted(sessions, "session"),
            counted(live, "live one")
        ))
        .line("What is blank in the profile of the one that stays is filled from the other. No role is gained, unless you say so.")
        .tick("keep_sessions", "Let the live sessions go on as sessions of the one that stays")
        .tick("gain_roles", "Give the one that stays the roles of the other too")
        .choices("Merge", format!("/admin/users/{}", source.id))
        .show()
}

pub(super) async fn merge(State(web): State<Web>, path: UserPath, posted: Posted) -> PageResult {
    let Posted { admin, fields } = posted;
    let Ok(target) = fields.get("into").parse::<UserId>() else {
        return refuse("There is no such user.", path, &admin, &web);
    };
    let options = MergeOptions {
        keep_sessions: fields.is_ticked("keep_sessions"),
        gain_roles: fields.is_ticked("gain_roles"),
    };
    match web.users(admin.actor()).merge_users(path.0, target, options).await {
        Ok(merged) => {
            let moved = counted(merged.sessions_moved, "session");
            let bans = counted(merged.bans_moved, "ban record");
            let ended = counted(merged.sessions_ended, "session");
            let text = format!("Merged: {moved} and {bans} moved, {ended} ended.");
            let page = format!("/admin/users/{}", merged.target.id);
            Ok(Flash::done(text).redirect(&page, &admin, &web))
        }
        Err(error) => answer(Err(error), "", path, &admin, &web),
    }
}

fn refuse(text: &str, path: UserPath, admin: &Admin, web: &Web) -> PageResult {
    Ok(Flash::failed(text).redirect(&path.page(), admin, web))
}
