//! Banned addresses, forged headers, and a storage that does not answer.

use std::sync::atomic::Ordering;

use axum::Router;
use axum::routing::get as route;
use systemprompt_users_domain::{Actor, BanDuration};
use systemprompt_users_web::layers::BanLayer;
use systemprompt_users_web::{OnOutage, ProxyHeader, WebOptions};

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

/// A host that trusts these proxies, and bans one address for a day.
async fn behind(proxy_header: ProxyHeader, proxies: &[&str]) -> (Host, Router) {
    let trusted_proxies = proxies.iter().map(|network| network.parse().unwrap()).collect();
    let options = WebOptions::new(OnOutage::Refuse);
    let host = Host::with(WebOptions { trusted_proxies, proxy_header, ..options }).await;
    let app = app(&host);
    host.ban(VILLAIN, BanDuration::Days(1)).await;
    (host, app)
}

#[tokio::test]
async fn a_client_does_not_choose_its_address_by_what_a_proxy_quotes() {
    let (_host, app) = behind(ProxyHeader::Forwarded, &["10.0.0.0/8"]).await;
    for (line, status) in [
        (r#"for=203.0.113.9;host="a,for=198.51.100.1""#, 403),
        (r#"for=203.0.113.9;host="a\",for=198.51.100.1""#, 403),
        (r#"for="203.0.113.9:4711";host="a;for=198.51.100.1""#, 403),
        (r#"for=198.51.100.1;x="a, for=203.0.113.9";proto=https"#, 200),
        ("for=203.0.113.9, for=198.51.100.1", 200),
        ("for=198.51.100.1, FOR=203.0.113.9;proto=https", 403),
    ] {
        let answer = get(&app, "10.0.0.1", "/", &[("forwarded", line)]).await;
        assert_eq!(answer.status, status, "{line}: {}", answer.text);
    }
    let lines = [("forwarded", "for=198.51.100.1"), ("forwarded", "for=203.0.113.9")];
    assert_eq!(get(&app, "10.0.0.1", "/", &lines).await.status, 403);
}

#[tokio::test]
async fn a_proxy_that_does_not_know_its_client_lets_nobody_in_as_itself() {
    for (header, name) in
        [(ProxyHeader::XForwardedFor, "x-forwarded-for"), (ProxyHeader::Forwarded, "forwarded")]
    {
        let (_host, app) = behind(header, &["127.0.0.1/32"]).await;
        for line in ["unknown", "for=unknown", "for=_hidden", "", "fe80::1%eth0", "198.51.100.1,"] {
            let answer = get(&app, "127.0.0.1", "/", &[(name, line)]).await;
            let problem = answer.json();
            assert_eq!(problem["code"], "unknown_address", "{line}: {problem}");
            assert_eq!(answer.status, 403);
            assert!(problem["field"].as_str().unwrap().eq_ignore_ascii_case(name), "{problem}");
            // From a stranger the header says nothing.
            assert_eq!(get(&app, "198.51.100.1", "/", &[(name, line)]).await.status, 200);
        }
        // Without the header it asks for itself.
        assert_eq!(get(&app, "127.0.0.1", "/", &[]).await.status, 200);
    }
}

#[tokio::test]
async fn a_proxy_is_trusted_however_it_is_written() {
    for (proxy, peer) in [
        ("::ffff:10.0.0.1/128", "10.0.0.1"),
        ("::ffff:10.0.0.0/104", "::ffff:10.0.0.1"),
        ("10.0.0.1/32", "::ffff:10.0.0.1"),
        ("2001:DB8:0::1/128", "2001:db8::1"),
    ] {
        let (_host, app) = behind(ProxyHeader::XForwardedFor, &[proxy]).await;
        for client in [VILLAIN, "::ffff:203.0.113.9", "[::ffff:203.0.113.9]:80"] {
            let answer = get(&app, peer, "/", &[("x-forwarded-for", client)]).await;
            assert_eq!(answer.status, 403, "{proxy} {peer} {client}");
        }
        let answer = get(&app, peer, "/", &[("x-forwarded-for", "198.51.100.1")]).await;
        assert_eq!(answer.status, 200, "{proxy} {peer}");
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
