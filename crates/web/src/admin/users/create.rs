//! The form that creates a user.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use systemprompt_users_domain::{CreateUserParams, UserRole};

use super::super::error::PageResult;
use super::super::flash::Flash;
use super::super::form::{Fields, FormView, Posted};
use super::super::layout::{Layout, Section, page_of};
use super::super::session::Admin;
use crate::Web;

/// The fields of the form, and which of the service's they are.
const FIELDS: [(&str, &str); 6] = [
    ("name", "name"),
    ("email", "email"),
    ("full_name", "full_name"),
    ("display_name", "display_name"),
    ("avatar_url", "avatar_url"),
    ("roles", "role"),
];

#[derive(Template)]
#[template(path = "admin/user_new.html")]
struct NewUserPage {
    layout: Layout,
    form: FormView,
}

pub(super) async fn show(admin: Admin) -> PageResult {
    let mut fields = Fields::default();
    fields.push("role", "user");
    render(StatusCode::OK, FormView::new(fields), &admin)
}

pub(super) async fn create(State(web): State<Web>, posted: Posted) -> PageResult {
    let Posted { admin, fields } = posted;
    let roles: Result<Vec<UserRole>, _> = fields.all("role").map(str::parse).collect();
    let created = match roles {
        Ok(roles) => web.users(admin.actor()).create(&params(&fields, roles)).await,
        Err(error) => Err(error),
    };
    match created {
        Ok(user) => {
            let flash = Flash::done(format!("{} was created.", user.name));
            Ok(flash.redirect(&format!("/admin/users/{}", user.id), &admin, &web))
        }
        Err(error) => {
            let (status, form) = FormView::refused(fields, error, &FIELDS)?;
            render(status, form, &admin)
        }
    }
}

fn params(fields: &Fields, roles: Vec<UserRole>) -> CreateUserParams {
    let optional = |name: &str| fields.filled(name).map(str::to_owned);
    CreateUserParams {
        name: fields.get("name").to_owned(),
        email: fields.get("email").to_owned(),
        full_name: optional("full_name"),
        display_name: optional("display_name"),
        avatar_url: optional("avatar_url"),
        roles,
        email_verified: fields.is_ticked("email_verified"),
        is_bot: fields.is_ticked("is_bot"),
    }
}

fn render(status: StatusCode, form: FormView, admin: &Admin) -> PageResult {
    let layout = Layout::new("Create a user", Section::Users, admin);
    page_of(status, &NewUserPage { layout, form })
}
