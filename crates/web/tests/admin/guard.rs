//! What holds for every page: headers, CSRF, limits, errors as pages.

use axum::body::Body;
use axum::http::Method;

use crate::site::Site;

/// Every form there is; `{id}` is a user.
pub(crate) const FORMS: [&str; 27] = [
    "/admin/sign-out",
    "/admin/users/bulk",
    "/admin/users/new",
    "/admin/users/{id}/profile",
    "/admin/users/{id}/roles",
    "/admin/users/{id}/suspend",
    "/admin/users/{id}/activate",
    "/admin/users/{id}/delete",
    "/admin/users/{id}/restore",
    "/admin/users/{id}/hold",
    "/admin/users/{id}/purge",
    "/admin/users/{id}/merge",
    "/admin/users/{id}/sessions/end",
    "/admin/users/{id}/sessions/end-all",
    "/admin/bans",
    "/admin/bans/lift",
    "/admin/bans/import",
    "/admin/bans/allow",
    "/admin/bans/disallow",
    "/admin/anonymous/cleanup",
    "/admin/jobs/run",
    "/admin/keys",
    "/admin/keys/rotate",
    "/admin/keys/revoke",
    "/admin/users/not-an-id/delete",
    "/admin/users/01a205cc-678b-7787-95e4-776b8f124f1d/delete",
    "/admin/users/01a205cc-678b-7787-95e4-776b8f124f1d/purge",
];

/// Every page there is.
pub(crate) const PAGES: [&str; 11] = [
    "/admin",
    "/admin/users",
    "/admin/users/new",
    "/admin/users/{id}",
    "/admin/users/{id}/merge?into=grace",
    "/admin/bans",
    "/admin/bans/history?target=10.0.0.1",
    "/admin/anonymous",
    "/admin/jobs",
    "/admin/events",
    "/admin/keys",
];

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

#[tokio::test]
async fn a_form_without_the_token_of_the_session_is_refused() {
    let site = Site::new().await;
    let ada = site.user("ada").await;
    let other = site.session_of(site.me.id).await;
    let cookie = site.cookie();
    for path in FORMS {
        let path = path.replace("{id}", &ada.id.to_string());
        for body in ["", "csrf=", "csrf=made-up", &format!("csrf={other}")] {
            let body = format!("{body}&confirmed=yes&id={}&action=delete", ada.id);
            let headers = [("cookie", cookie.as_str()), FORM];
            let answer = site.send(Method::POST, &path, &headers, body).await;
            let status = answer.status.as_u16();
            assert!([403, 404, 415].contains(&status), "{path} answers {status}");
        }
    }
    assert_eq!(site.find("ada").await, ada);
    site.get("/admin").await.expect(200, &[]);
}

#[tokio::test]
async fn a_form_of_another_site_is_refused_also_with_the_token() {
    let site = Site::new().await;
    let ada = site.user("ada").await;
    let (cookie, body) = (site.cookie(), format!("csrf={}&confirmed=yes", site.csrf().await));
    for path in FORMS {
        let path = path.replace("{id}", &ada.id.to_string());
        for origin in [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")] {
            let headers = [("cookie", cookie.as_str()), FORM, origin];
            let answer = site.send(Method::POST, &path, &headers, body.clone()).await;
            answer.expect(403, &["Another site sent this form"]);
        }
    }
    let headers = [FORM, ("sec-fetch-site", "cross-site")];
    site.send(Method::POST, "/admin/sign-in", &headers, "token=x").await.expect(403, &[]);
    assert_eq!(site.find("ada").await, ada);
}

#[tokio::test]
async fn nobody_but_an_admin_sends_a_form() {
    let mut site = Site::new().await;
    let (ada, csrf) = (site.user("ada").await, site.csrf().await);
    for (token, status) in [(String::new(), 401), (site.session_of(ada.id).await, 403)] {
        site.token = token;
        for path in FORMS {
            let path = path.replace("{id}", &ada.id.to_string());
            let headers = [("cookie", site.cookie()), (FORM.0, FORM.1.to_owned())];
            let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
            let body = format!("csrf={csrf}&confirmed=yes");
            let answer = site.send(Method::POST, &path, &headers, body).await;
            assert_eq!(answer.status.as_u16(), status, "{path}");
        }
    }
    assert_eq!(site.find("ada").await, ada);
}

#[tokio::test]
async fn every_page_has_the_headers_that_protect_it() {
    let site = Site::new().await;
    let ada = site.user("ada").await;
    let mut answers = Vec::new();
    for path in PAGES {
        let page = site.get(&path.replace("{id}", &ada.id.to_string())).await;
        answers.push(page.expect(200, &["<html lang=\"en\">", "</html>", "<h1"]));
    }
    answers.push(
        site.get("/admin/nowhere").await.expect(404, &["no page at /admin/nowhere", "Sign out"]),
    );
    answers.push(site.get("/admin/users/not-an-id").await.expect(404, &["no such user"]));
    answers.push(site.get("/admin/keys/revoke").await.expect(405, &["be done that way"]));
    answers.push(site.send(Method::GET, "/admin", &[], Body::empty()).await.expect(401, &[]));
    answers
        .push(site.send(Method::GET, "/admin/sign-in", &[], Body::empty()).await.expect(200, &[]));
    for answer in answers {
        let policy = answer.header("content-security-policy");
        assert!(
            policy.starts_with("default-src 'none';") && !policy.contains("unsafe"),
            "{policy}"
        );
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
        assert_eq!(answer.header("cache-control"), "no-store");
        // What the policy forbids is not even there.
        for inline in ["<style", "style=\"", "onclick=", "<script>", "http://", "https://"] {
            assert!(!answer.text.contains(inline), "{inline} in {}", answer.text);
        }
    }
}

#[tokio::test]
async fn assets_are_kept_for_ever_under_the_name_of_their_content() {
    let site = Site::new().await;
    let page = site.get("/admin").await.text;
    for kind in ["admin.css", "admin.js", "icon.svg"] {
        let end = page.find(kind).unwrap() + kind.len();
        let start = page.get(..end).unwrap().rfind('"').unwrap() + 1;
        let path = page.get(start..end).unwrap();
        let asset = site.send(Method::GET, path, &[], Body::empty()).await.expect(200, &[]);
        assert!(asset.header("cache-control").contains("immutable"));
        let other = path.replacen("assets/", "assets/0", 1);
        site.send(Method::GET, &other, &[], Body::empty()).await.expect(404, &[]);
    }
    let outside = "/admin/assets/0/..%2f..%2fCargo.toml";
    site.send(Method::GET, outside, &[], Body::empty()).await.expect(404, &[]);
}

#[tokio::test]
async fn a_message_is_shown_once_and_only_by_the_session_that_wrote_it() {
    let site = Site::new().await;
    let answer = site.post("/admin/users/bulk", &[("action", "delete")]).await.expect(303, &[]);
    let flash = answer.header("set-cookie").split(';').next().unwrap().to_owned();
    let cookie = format!("{}; {flash}", site.cookie());
    let headers = [("cookie", cookie.as_str())];
    let page = site.send(Method::GET, "/admin/users", &headers, Body::empty()).await;
    let page = page.expect(200, &["Nobody was selected."]);
    assert!(page.header("set-cookie").starts_with("users_admin_flash=; "));
    let other = format!("users_admin={}; {flash}", site.session_of(site.me.id).await);
    let page = site.send(Method::GET, "/admin/users", &[("cookie", &other)], Body::empty()).await;
    page.expect(200, &[]).lacks("Nobody was selected.");
}

#[tokio::test]
async fn bodies_are_bounded() {
    let site = Site::new().await;
    let huge = "x".repeat(10 * 1024 * 1024);
    site.post("/admin/users/new", &[("name", &huge)]).await.expect(413, &["too much"]);
    let headers =
        [("cookie", site.cookie()), ("content-type", "multipart/form-data; boundary=b".into())];
    let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
    let body =
        format!("--b\r\ncontent-disposition: form-data; name=\"file\"\r\n\r\n{huge}\r\n--b--\r\n");
    site.send(Method::POST, "/admin/bans/import", &headers, body).await.expect(413, &["too much"]);
}

#[tokio::test]
async fn while_the_storage_is_gone_pages_say_so_and_nobody_is_signed_out() {
    let site = Site::new().await;
    let csrf = site.csrf().await;
    site.storage.set_gone(true);
    for path in PAGES {
        let page = site.get(&path.replace("{id}", &site.me.id.to_string())).await;
        let page = page.expect(503, &["Nothing was changed. Try again in a moment."]);
        assert_eq!(page.header("set-cookie"), "");
    }
    let cookie = site.cookie();
    let headers = [("cookie", cookie.as_str()), FORM];
    let body = format!("csrf={csrf}&name=ada&email=ada@example.com");
    site.send(Method::POST, "/admin/users/new", &headers, body).await.expect(503, &[]);
    site.storage.set_gone(false);
    site.get("/admin").await.expect(200, &["Overview"]);
}

#[tokio::test]
async fn a_browser_that_speaks_http_2_may_send_its_own_forms() {
    let site = Site::new().await;
    let (cookie, body) = (site.cookie(), format!("csrf={}", site.csrf().await));
    for (origin, status) in [
        ("https://users.example", 303),
        ("https://users.example:443", 303),
        ("https://USERS.example", 303),
        ("https://evil.example", 403),
        ("https://users.example:8443", 403),
    ] {
        let headers = [("cookie", cookie.as_str()), FORM, ("origin", origin)];
        let path = "https://users.example/admin/anonymous/cleanup";
        let answer = site.send(Method::POST, path, &headers, body.clone()).await;
        let refused = answer.status == 403;
        assert_eq!(refused, status == 403, "{origin}: {}", answer.text);
    }
}

#[tokio::test]
async fn no_cookie_hides_the_admins() {
    let site = Site::new().await;
    let other = "A".repeat(43);
    for cookie in [
        format!("users_admin=garbage; {}", site.cookie()),
        format!("users_admin={other}; {}", site.cookie()),
        format!("{}; users_admin={other}", site.cookie()),
        format!("name=J\u{f6}rg; {}", site.cookie()),
        format!("users_admin=\"{}\"", site.token),
    ] {
        site.send(Method::GET, "/admin", &[("cookie", &cookie)], Body::empty())
            .await
            .expect(200, &[]);
    }
    let cookie = format!("users_admin={other}");
    site.send(Method::GET, "/admin", &[("cookie", &cookie)], Body::empty()).await.expect(401, &[]);
    let headers = [("cookie", &*site.cookie()), FORM, ("content-encoding", "gzip")];
    site.send(Method::POST, "/admin/jobs/run", &headers, "x").await.expect(415, &[]);
}
