//! Script in every text field: shown as text on every page that shows it.

use std::net::IpAddr;

use systemprompt_users_domain::{Actor, NewSession};

use crate::guard::PAGES;
use crate::site::Site;

const SCRIPT: &str = "\"><script>alert(1)</script><img src=x onerror='alert(2)'>";

#[tokio::test]
async fn script_in_every_text_field_stays_text() {
    let site = Site::new().await;
    let form = [
        ("name", "<b>eve</b>"),
        ("email", "eve@example.com"),
        ("full_name", SCRIPT),
        ("display_name", SCRIPT),
        ("avatar_url", "https://evil.example/?<script>alert(1)</script>\"'"),
        ("role", "user"),
    ];
    site.done("/admin/users/new", &form).await.expect(200, &["&#60;script&#62;"]).lacks("<b>eve");
    let mut form = form;
    (form[0].1, form[1].1) = ("eve", "eve2@example.com");
    site.done("/admin/users/new", &form).await.expect(200, &["&#60;script&#62;"]);
    let eve = site.find("eve").await;
    let client = NewSession {
        ip: Some(IpAddr::from([10, 0, 0, 1])),
        user_agent: Some(SCRIPT.into()),
        device_type: Some(SCRIPT.into()),
        os: Some(SCRIPT.into()),
        browser: Some(SCRIPT.into()),
        fingerprint: Some("<script>".into()),
    };
    site.web.sessions(Actor::Service(SCRIPT.into())).create(eve.id, &client).await.unwrap();
    let ban = [("target", "10.0.0.1"), ("duration", "7d"), ("reason", SCRIPT)];
    site.done("/admin/bans", &ban).await.expect(200, &["&#60;script&#62;"]);
    site.done("/admin/bans/allow", &[("target", "10.9.0.0/16"), ("note", SCRIPT)])
        .await
        .expect(200, &[]);
    site.post("/admin/keys", &[("name", SCRIPT), ("scope", "read"), ("lifetime", "30")])
        .await
        .expect(200, &[]);
    let id = eve.id.to_string();
    let mut pages: Vec<String> = PAGES.iter().map(|page| page.replace("{id}", &id)).collect();
    let query: String = url::form_urlencoded::byte_serialize(SCRIPT.as_bytes()).collect();
    for name in [
        "users?q",
        "users?status",
        "bans?address",
        "bans/history?target",
        "events?user",
        "events?target",
        "jobs?job",
        "sign-in?token",
        "nowhere",
    ] {
        pages.push(format!("/admin/{name}={query}"));
    }
    pages.push(format!("/admin/nowhere/{query}"));
    pages.push("/admin/events/stream?user=nobody".into());
    for path in pages {
        let page = site.get(&path).await;
        assert!(!page.status.is_server_error(), "{path}: {}", page.status);
        let page = page.lacks("<script>").lacks("<img").lacks("onerror='").lacks("<b>eve");
        assert!(!page.text.contains("src=\"https://evil"), "{path}");
    }
    let bulk = [("action", "delete"), ("id", id.as_str()), ("reason", SCRIPT)];
    site.post("/admin/users/bulk", &bulk).await.expect(200, &[]).lacks("<script>");
}
