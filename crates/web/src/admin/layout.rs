//! What is around every page.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};

use super::assets::{AssetPaths, PATHS};
use super::error::{PageError, PageResult};
use super::flash::Flash;
use super::session::Admin;

/// The parts of the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    Overview,
    Users,
    Bans,
    Anonymous,
    Jobs,
    Events,
    Keys,
    /// A page outside of them.
    None,
}

/// One link of the navigation.
pub(super) struct NavLink {
    pub(super) section: Section,
    pub(super) path: &'static str,
    pub(super) label: &'static str,
}

const NAVIGATION: [NavLink; 7] = [
    NavLink { section: Section::Overview, path: "/admin", label: "Overview" },
    NavLink { section: Section::Users, path: "/admin/users", label: "Users" },
    NavLink { section: Section::Bans, path: "/admin/bans", label: "Bans" },
    NavLink { section: Section::Anonymous, path: "/admin/anonymous", label: "Visitors" },
    NavLink { section: Section::Jobs, path: "/admin/jobs", label: "Jobs" },
    NavLink { section: Section::Events, path: "/admin/events", label: "Events" },
    NavLink { section: Section::Keys, path: "/admin/keys", label: "API keys" },
];

/// What the layout asks for.
pub(super) struct Layout {
    pub(super) title: String,
    pub(super) section: Section,
    /// The name, the id and the CSRF token of who is signed in.
    pub(super) me: Option<Me>,
    pub(super) flash: Option<Flash>,
    pub(super) assets: &'static AssetPaths,
    pub(super) navigation: &'static [NavLink],
}

pub(super) struct Me {
    pub(super) name: String,
    pub(super) id: String,
    pub(super) csrf: String,
}

impl Layout {
    pub(super) fn new(title: impl Into<String>, section: Section, admin: &Admin) -> Self {
        let user = &admin.session.user;
        let me = Me {
            name: user.name.to_string(),
            id: user.id.to_string(),
            csrf: admin.csrf.to_string(),
        };
        Self { me: Some(me), flash: admin.flash.clone(), ..Self::bare(title, section) }
    }

    /// Around a page for somebody who is not signed in.
    pub(super) fn bare(title: impl Into<String>, section: Section) -> Self {
        Self {
            title: title.into(),
            section,
            me: None,
            flash: None,
            assets: &PATHS,
            navigation: &NAVIGATION,
        }
    }

    /// For the forms of a page.
    pub(super) fn csrf(&self) -> &str {
        self.me.as_ref().map_or("", |me| me.csrf.as_str())
    }
}

/// A page.
pub(super) fn page(template: &impl Template) -> PageResult {
    page_of(StatusCode::OK, template)
}

/// A page of that status.
pub(super) fn page_of(status: StatusCode, template: &impl Template) -> PageResult {
    Ok((status, Html(template.render()?)).into_response())
}

#[derive(Template)]
#[template(path = "admin/problem.html")]
struct ProblemPage {
    layout: Layout,
    detail: String,
}

/// The page of an error, with the navigation of `admin`.
pub(super) fn problem_page(error: PageError, admin: Option<&Admin>) -> Response {
    let PageError { status, title, detail } = error;
    let layout = match admin {
        Some(admin) => Layout::new(title, Section::None, admin),
        None => Layout::bare(title, Section::None),
    };
    let page = ProblemPage { layout, detail }.render();
    (status, Html(page.unwrap_or_default())).into_response()
}
