//! Banned addresses, forged headers, and a storage that does not answer.

use std::sync::atomic::Ordering;

use axum::Router;
use axum::routing::get as route;
use systemprompt_users_domain::{Actor, BanDuration};
use systemprompt_users_web::layers::BanLayer;
use systemprompt_users_web::{OnOutage, WebOptions};

use crate::harness::{Host, get};

const VILLAIN: &str = "203.0.113.9";

fn app(host: &Host) -> Router {
    Router::new().route("/", route(async || "in")).layer(BanLayer::new(host.web.clone()))
}

#[tokio::test]
async fn a_banned_address_is_told_until_when() {
    let host = Host::new().await;
    let app = app(&host);
    assert_eq!(get(&app, VILLAIN, "/", &[]).await.text, "in");
    host.ban("203.0.113.0/24", BanDuration::Days(1)).await;
    for path in ["/", "/nothing"] {
        let answer = get(&app, VILLAIN, path, &[]).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["code"]), (403, &"banned".into()));
        assert!(answer.json()["until"].is_string());
        assert_eq!(answer.header("content-type"), "application/problem+json");
    }
    host.web.bans(Actor::System).unban_ip("203.0.113.0/24", None).await.unwrap();
    host.web.settle().await;
    host.ban(VILLAIN, BanDuration::Permanent).await;
    assert!(get(&app, VILLAIN, "/", &[]).await.json().get("until").is_none());
    assert_eq!(get(&app, "203.0.113.10", "/", &[]).await.text, "in");
}

#[tokio::test]
async fn only_a_trusted_proxy_may_name_another_address() {
    let proxies = vec!["10.0.0.0/8".parse().unwrap()];
    let host =
        Host::with(WebOptions { trusted_proxies: proxies, ..WebOptions::new(OnOutage::Refuse) });
    let host = host.await;
    let app = app(&host);
    host.ban(VILLAIN, BanDuration::Days(1)).await;
    for (peer, claim, status) in [
        (VILLAIN, "198.51.100.1", 403),
        ("198.51.100.1", VILLAIN, 200),
        ("10.0.0.1", VILLAIN, 403),
        ("10.0.0.1", "203.0.113.9, 198.51.100.1", 200),
        ("10.0.0.1", "198.51.100.1, 203.0.113.9", 403),
    ] {
        let answer = get(&app, peer, "/", &[("x-forwarded-for", claim)]).await;
        assert_eq!(answer.status, status, "{peer}, {claim}");
    }
}

#[tokio::test]
async fn the_host_says_what_an_outage_means() {
    for (on_ban_outage, status) in [(OnOutage::Allow, 200), (OnOutage::Refuse, 503)] {
        let host = Host::with(WebOptions::new(on_ban_outage)).await;
        let app = app(&host);
        host.storage.is_gone.store(true, Ordering::Relaxed);
        // For a moment it decides from memory.
        host.until(async || host.web.enforcer().stats().behind).await;
        assert_eq!(get(&app, "198.51.100.7", "/", &[]).await.status, status);
        host.storage.is_gone.store(false, Ordering::Relaxed);
        assert_eq!(get(&app, "198.51.100.7", "/", &[]).await.status, 200);
    }
}
