//! Changes of one user: profile, roles, status, sessions.

use axum::extract::State;
use axum::response::Response;
use systemprompt_users_domain::{
    EndReason, Patch, Result, SessionId, UpdateUserParams, User, UserError, UserRole, UserStatus,
};

use super::super::confirm::Confirm;
use super::super::error::{PageError, PageResult};
use super::super::flash::Flash;
use super::super::form::{Fields, FormView, Posted};
use super::super::layout::Section;
use super::super::session::Admin;
use super::super::text::{counted, sentence, size};
use super::path::UserPath;
use super::show;
use crate::{Problem, Web};

const PROFILE: [(&str, &str); 6] = [
    ("name", "name"),
    ("email", "email"),
    ("full_name", "full_name"),
    ("display_name", "display_name"),
    ("avatar_url", "avatar_url"),
    ("email_verified", "email"),
];

pub(super) async fn profile(State(web): State<Web>, path: UserPath, posted: Posted) -> PageResult {
    let Posted { admin, fields } = posted;
    let user = path.find(&web).await?;
    let params = update(&fields)?;
    match web.users(admin.actor()).update(path.0, &params).await {
        Ok(_) => Ok(Flash::done("The profile was saved.").redirect(&path.page(), &admin, &web)),
        Err(error) => {
            let refused = FormView::refused(fields, error, &PROFILE)?;
            show::render(&web, &admin, &user, refused, None).await
        }
    }
}

fn update(fields: &Fields) -> Result<UpdateUserParams, PageError> {
    let version = fields.get("version").parse();
    let version = version.map_err(|_| Problem::bad_request("the form names no version"))?;
    let verified = fields.is_ticked("email_verified");
    let touched = verified != fields.is_ticked("was_verified");
    Ok(UpdateUserParams {
        name: Some(fields.get("name").to_owned()),
        email: Some(fields.get("email").to_owned()),
        full_name: Patch::Set(fields.get("full_name").to_owned()),
        display_name: Patch::Set(fields.get("display_name").to_owned()),
        avatar_url: Patch::Set(fields.get("avatar_url").to_owned()),
        // A tick that was there before says nothing about an email that was just typed.
        email_verified: touched.then_some(verified),
        verified_email: None,
        is_bot: Some(fields.is_ticked("is_bot")),
        expected_version: Some(version),
    })
}

pub(super) async fn roles(State(web): State<Web>, path: UserPath, posted: Posted) -> PageResult {
    let Posted { admin, fields } = posted;
    let roles: Result<Vec<UserRole>> = fields.all("role").map(str::parse).collect();
    let roles = match roles {
        Ok(roles) => roles,
        Err(error) => return answer(Err(error), "", path, &admin, &web),
    };
    let demotes = path.0 == admin.id() && !roles.contains(&UserRole::Admin);
    if demotes && !roles.is_empty() && !fields.is_ticked("confirmed") {
        let action = format!("{}/roles", path.page());
        let warning = "Without the role admin you can't come back to these pages by yourself.";
        return Confirm::new("Give up your own role?", Section::Users, &admin, (action, &fields))
            .warnings(vec![warning.into()])
            .choices("Give it up", path.page())
            .show();
    }
    let changed = web.users(admin.actor()).assign_roles(path.0, &roles).await;
    answer(changed.map(drop), "The roles were saved.", path, &admin, &web)
}

pub(super) async fn suspend(State(web): State<Web>, path: UserPath, posted: Posted) -> PageResult {
    let Posted { admin, fields } = posted;
    if path.0 == admin.id() && !fields.is_ticked("confirmed") {
        let action = format!("{}/suspend", path.page());
        let warning = "This signs you out everywhere, and you can't activate yourself again.";
        return Confirm::new("Suspend yourself?", Section::Users, &admin, (action, &fields))
            .warnings(vec![warning.into()])
            .choices("Suspend myself", path.page())
            .show();
    }
    let suspended = web.users(admin.actor()).update_status(path.0, UserStatus::Suspended).await;
    let done = "Suspended, and signed out everywhere.";
    answer(suspended.map(drop), done, path, &admin, &web)
}

pub(super) async fn activate(State(web): State<Web>, path: UserPath, posted: Posted) -> PageResult {
    let admin = posted.admin;
    let activated = web.users(admin.actor()).update_status(path.0, UserStatus::Active).await;
    answer(activated.map(drop), "Activated.", path, &admin, &web)
}

pub(super) async fn delete(State(web): State<Web>, path: UserPath, posted: Posted) -> PageResult {
    let Posted { admin, fields } = posted;
    if !fields.is_ticked("confirmed") {
        return ask_to_delete(&web, &admin, path, &fields).await;
    }
    let deleted = web.users(admin.actor()).delete(path.0).await;
    let done = "Deleted. A restore is possible until the purge.";
    answer(deleted.map(drop), done, path, &admin, &web)
}

async fn ask_to_delete(web: &Web, admin: &Admin, path: UserPath, fields: &Fields) -> PageResult {
    let User { id, name, .. } = path.find(web).await?;
    let activity = web.users(admin.actor()).get_activity(id).await?;
    let live = counted(activity.map_or(0, |activity| activity.live_sessions), "live session");
    let itself = id == admin.id();
    let warning = "That is you: this signs you out, and you can't restore yourself.";
    let title = format!("Delete {name}?");
    Confirm::new(title, Section::Users, admin, (format!("{}/delete", path.page()), fields))
        .warnings(itself.then(|| warning.to_owned()).into_iter().collect())
        .line(format!("{live} will be ended; the name and the email become free for others."))
        .line("Nothing is lost yet: a restore brings everything back until the purge.")
        .choices("Delete", path.page())
        .show()
}

pub(super) async fn end_session(
    State(web): State<Web>,
    path: UserPath,
    posted: Posted,
) -> PageResult {
    let Posted { admin, fields } = posted;
    let gone = || PageError::not_found("There is no such session.");
    let id: SessionId = fields.get("session").parse().map_err(|_| gone())?;
    let sessions = web.sessions(admin.actor());
    let session = sessions.find_by_id(id).await?.filter(|session| session.user_id == path.0);
    session.ok_or_else(gone)?;
    let done = match sessions.end(id, EndReason::Revoked).await? {
        true => "The session was ended.",
        false => "The session was over already.",
    };
    Ok(Flash::done(done).redirect(&path.page(), &admin, &web))
}

pub(super) async fn end_all_sessions(
    State(web): State<Web>,
    path: UserPath,
    posted: Posted,
) -> PageResult {
    let admin = posted.admin;
    // The session that asks goes on: signing out is another button.
    let mine = (path.0 == admin.id()).then_some(admin.session.session.id);
    let ended = web.sessions(admin.actor()).end_all_except(path.0, mine, EndReason::Revoked).await;
    let count = ended.as_ref().map_or(0, |ended| size(ended.len()));
    let done = format!("{} ended.", counted(count, "session"));
    answer(ended.map(drop), &done, path, &admin, &web)
}

/// Back to the user's page, with what was done or why not.
pub(super) fn answer(
    result: Result<()>,
    done: &str,
    path: UserPath,
    admin: &Admin,
    web: &Web,
) -> Result<Response, PageError> {
    let flash = match result {
        Ok(()) => Flash::done(done),
        Err(error @ UserError::Storage(_)) => return Err(error.into()),
        Err(error) => Flash::failed(sentence(error.to_string())),
    };
    Ok(flash.redirect(&path.page(), admin, web))
}
