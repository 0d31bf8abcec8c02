//! Pictures of every page for people to look at, and the browser's word that it complains about none.

use std::net::IpAddr;

use fantoccini::Locator;
use systemprompt_users::{
    Actor, BanDuration, BanIpParams, CreateUserParams, NewSession, UserStatus,
};

use crate::run::{Stage, run};

const AGENT: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

/// How a page is looked at: by name, with these colours, so wide.
const LOOKS: [(&str, &str, u32); 3] =
    [("light", "light", 1280), ("dark", "dark", 1280), ("phone", "light", 390)];

#[test]
fn every_page_is_shown_without_complaints() {
    run(true, |stage| async move {
        let person = furnish(&stage).await;
        let Stage { server, browser } = &*stage;
        let client = &browser.client;
        client.goto(&server.link().await).await.unwrap();
        browser.picture("sign-in").await;
        browser.click("button.primary").await;
        let user = format!("/admin/users/{person}");
        let pages = [
            ("overview", "/admin"),
            ("users", "/admin/users"),
            ("user", &user),
            ("user-new", "/admin/users/new"),
            ("bans", "/admin/bans?address=203.0.113.9"),
            ("ban", "/admin/bans/history?target=203.0.113.0/24"),
            ("visitors", "/admin/anonymous"),
            ("jobs", "/admin/jobs"),
            ("events", "/admin/events"),
            ("keys", "/admin/keys"),
            ("merge", &format!("{user}/merge?into=grace")),
        ];
        for (name, path) in pages {
            for (look, scheme, width) in LOOKS {
                browser.resize(width, 900).await;
                browser.prefer(scheme).await;
                client.goto(&format!("{}{path}", server.base)).await.unwrap();
                browser.picture(&format!("{name}-{look}")).await;
                assert_fits(&stage, width, path).await;
            }
            assert_eq!(browser.complaints().await, Vec::<String>::new(), "{path}");
        }
    });
}

/// No page is wider than the window: what is wide scrolls in a box of its own.
async fn assert_fits(stage: &Stage, width: u32, path: &str) {
    let script = "return document.documentElement.scrollWidth";
    let wide = stage.browser.client.execute(script, Vec::new()).await.unwrap();
    assert!(wide.as_u64().unwrap() <= u64::from(width), "{path} is {wide} wide at {width}");
    stage.browser.client.find(Locator::Css("main h1")).await.unwrap();
}

/// Fills the pages with something to see; answers with the id of a user.
async fn furnish(stage: &Stage) -> String {
    let server = &stage.server;
    let people = [
        ("ada", "Ada Lovelace"),
        ("alan", "Alan Turing"),
        ("katherine", "Katherine Johnson"),
        ("edsger", "Edsger W. Dijkstra"),
        ("barbara", "Barbara Liskov"),
    ];
    let mut last = String::new();
    for (name, full_name) in people {
        let params = CreateUserParams {
            full_name: Some(full_name.into()),
            email_verified: name.len() > 4,
            ..CreateUserParams::new(name, format!("{name}@example.com"))
        };
        let user = server.users.create(&params).await.unwrap();
        let client = NewSession {
            ip: Some(IpAddr::from([198, 51, 100, 7])),
            user_agent: Some(AGENT.into()),
            ..NewSession::default()
        };
        server.web.sessions(Actor::System).create(user.id, &client).await.unwrap();
        if name == "edsger" {
            server.users.update_status(user.id, UserStatus::Suspended).await.unwrap();
        }
        last = user.id.to_string();
    }
    for visitor in ["a", "b"] {
        server.users.create_anonymous(Some(visitor)).await.unwrap();
    }
    let bans = server.web.bans(Actor::User(server.admin));
    let network = BanIpParams::new("203.0.113.0/24", BanDuration::Days(7)).reason("scraping");
    bans.ban_ip(&network).await.unwrap();
    bans.ban_ip(&BanIpParams::new("2001:db8::1", BanDuration::Permanent)).await.unwrap();
    let key = systemprompt_users::NewApiKey {
        name: "the shop".into(),
        scopes: "read,bans".parse().unwrap(),
        expires_in: Some(chrono::Duration::days(90)),
    };
    server.web.api_keys(Actor::User(server.admin)).create(&key).await.unwrap();
    bans.allow("198.51.100.0/24", Some("the office")).await.unwrap();
    last
}
