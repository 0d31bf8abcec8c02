//! Tokens that are used again: whatever takes them away through this host, the very next request is refused.

use systemprompt_users::{ApiScope, SessionId, UserId};

use crate::harness::{Daemon, Place};
use crate::http::{self, Answer};
use crate::revocation::{key, signed_in};

/// Somebody who is signed in, and what they hold in their hands.
struct Visitor {
    user: UserId,
    session: SessionId,
    bearer: String,
    /// The token under the names that both the application and the admin pages use.
    cookie: String,
}

impl Visitor {
    fn new(place: &Place, name: &str) -> Self {
        let (user, session, token) = signed_in(place, name);
        let cookie = format!("users_session={token}; users_admin={token}");
        Self { user, session, bearer: format!("Bearer {token}"), cookie }
    }

    /// What every door says to them, at the first knock.
    fn knock(&self, daemon: &Daemon) -> Vec<(&'static str, u16)> {
        let bearer = [("authorization", &*self.bearer)];
        let cookie = [("cookie", &*self.cookie)];
        let doors = [
            ("/auth/verify", &bearer),
            ("/auth/verify/session/some/page?x=y", &cookie),
            ("/auth/verify/role/admin", &cookie),
            ("/api/v1/users", &bearer),
            ("/admin", &cookie),
            ("/admin/users", &cookie),
        ];
        doors.map(|(path, headers)| (path, daemon.get(path, headers).status)).into()
    }

    /// Sends a form of the admin pages, with the token that stands in them.
    fn submit(&self, daemon: &Daemon, path: &str, fields: &str) -> Answer {
        let page = daemon.get("/admin/users/new", &[("cookie", &self.cookie)]).body;
        let (_, rest) = page.split_once("name=\"csrf\" value=\"").unwrap();
        let csrf = rest.split('"').next().unwrap();
        let headers = [
            ("cookie", &*self.cookie),
            ("content-type", "application/x-www-form-urlencoded"),
            ("sec-fetch-site", "same-origin"),
        ];
        let body = format!("csrf={csrf}&confirmed=yes&{fields}");
        http::send(&daemon.address, "POST", path, &headers, &body)
    }
}

const EVERYBODY_IS_OUT: [u16; 6] = [401; 6];

/// Still signed in, but nobody in particular.
const NO_ADMIN: [u16; 6] = [200, 200, 403, 403, 403, 403];

#[track_caller]
fn check(daemon: &Daemon, visitor: &Visitor, expected: [u16; 6], after: &str) {
    let answers = visitor.knock(daemon);
    let statuses: Vec<u16> = answers.iter().map(|(_, status)| *status).collect();
    assert_eq!(statuses, expected, "after {after}: {answers:?}");
}

#[test]
fn after_whatever_the_api_takes_away() {
    let place = Place::new();
    let daemon = place.start(&["--forward-auth-key=false"]);
    let root = key(&place, ApiScope::Admin);
    let heir = Visitor::new(&place, "heir");
    for (number, (method, path, body, expected)) in [
        ("DELETE", "/sessions/SESSION?reason=logout", "", EVERYBODY_IS_OUT),
        ("DELETE", "/users/USER/sessions", "", EVERYBODY_IS_OUT),
        ("POST", "/sessions/end", r#"{"ids":["SESSION"]}"#, EVERYBODY_IS_OUT),
        ("PUT", "/users/USER/status", r#"{"status":"suspended"}"#, EVERYBODY_IS_OUT),
        (
            "POST",
            "/users/bulk/status",
            r#"{"ids":["USER"],"status":"suspended"}"#,
            EVERYBODY_IS_OUT,
        ),
        ("POST", "/users/USER/merge", r#"{"into":"HEIR"}"#, EVERYBODY_IS_OUT),
        ("DELETE", "/users/USER", "", EVERYBODY_IS_OUT),
        ("POST", "/users/bulk/delete", r#"{"ids":["USER"]}"#, EVERYBODY_IS_OUT),
        ("PUT", "/users/USER/roles", r#"{"roles":["user"]}"#, NO_ADMIN),
    ]
    .into_iter()
    .enumerate()
    {
        let visitor = Visitor::new(&place, &format!("visitor{number}"));
        check(&daemon, &visitor, [200; 6], "the sign-in");
        let filled = |text: &str| {
            text.replace("SESSION", &visitor.session.to_string())
                .replace("USER", &visitor.user.to_string())
                .replace("HEIR", &heir.user.to_string())
        };
        let headers = [("x-api-key", &*root), ("content-type", "application/json")];
        let path = filled(&format!("/api/v1{path}"));
        let done = http::send(&daemon.address, method, &path, &headers, &filled(body));
        assert!((200..300).contains(&done.status), "{method} {path}: {done:?}");
        check(&daemon, &visitor, expected, &path);
    }
    check(&daemon, &heir, [200; 6], "all that");
}

#[test]
fn after_whatever_the_admin_pages_take_away() {
    let place = Place::new();
    let daemon = place.start(&["--forward-auth-key=false"]);
    let (admin, heir) = (Visitor::new(&place, "boss"), Visitor::new(&place, "heir"));
    for (number, (path, fields, expected)) in [
        ("/users/USER/suspend", "", EVERYBODY_IS_OUT),
        ("/users/USER/delete", "", EVERYBODY_IS_OUT),
        ("/users/USER/merge", "into=HEIR", EVERYBODY_IS_OUT),
        ("/users/USER/sessions/end", "session=SESSION", EVERYBODY_IS_OUT),
        ("/users/USER/sessions/end-all", "", EVERYBODY_IS_OUT),
        ("/users/bulk", "action=suspend&id=USER", EVERYBODY_IS_OUT),
        ("/users/USER/roles", "role=user", NO_ADMIN),
    ]
    .into_iter()
    .enumerate()
    {
        let visitor = Visitor::new(&place, &format!("visitor{number}"));
        check(&daemon, &visitor, [200; 6], "the sign-in");
        let filled = |text: &str| {
            text.replace("SESSION", &visitor.session.to_string())
                .replace("USER", &visitor.user.to_string())
                .replace("HEIR", &heir.user.to_string())
        };
        let done = admin.submit(&daemon, &filled(&format!("/admin{path}")), &filled(fields));
        assert_eq!(done.status, 303, "{path}: {done:?}");
        check(&daemon, &visitor, expected, path);
    }
    let done = admin.submit(&daemon, "/admin/sign-out", "");
    assert_eq!(done.status, 303, "{done:?}");
    check(&daemon, &admin, EVERYBODY_IS_OUT, "the sign-out");
}
