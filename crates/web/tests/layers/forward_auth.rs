//! What a proxy is told.

use std::sync::atomic::Ordering;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request};
use systemprompt_users_domain::{Actor, ApiScope, ApiScopes, BanDuration, NewApiKey, UserRole};
use systemprompt_users_web::{OnOutage, WebOptions, forward_auth};

use crate::harness::{Answer, Host, get, send};

const PEER: &str = "198.51.100.7";
const VERIFY: &str = "/auth/verify";

async fn without_key() -> (Host, Router) {
    let options = WebOptions { forward_auth_key: false, ..WebOptions::new(OnOutage::Refuse) };
    let host = Host::with(options).await;
    let app = forward_auth::router(&host.web);
    (host, app)
}

fn verdict(answer: &Answer) -> (u16, String) {
    assert_eq!(answer.header("cache-control"), "no-store");
    (answer.status.as_u16(), answer.header("x-auth-reason"))
}

#[tokio::test]
async fn who_is_signed_in_is_told_by_headers() {
    let (host, app) = without_key().await;
    let (user, token) = host.signed_in("zoë", &[UserRole::User, UserRole::Admin]).await;
    for method in [Method::GET, Method::POST, Method::DELETE, Method::OPTIONS] {
        let request = Request::builder().method(&method).uri(VERIFY);
        let request = request.header("cookie", format!("users_session={token}"));
        let answer = send(&app, PEER, request.body(Body::empty()).unwrap()).await;
        assert_eq!(verdict(&answer), (200, String::new()), "{method}");
        assert_eq!(answer.header("x-auth-user-id"), user.id.to_string());
        assert_eq!(answer.header("x-auth-user"), "zo%C3%AB");
        assert_eq!(answer.header("x-auth-roles"), "admin,user");
    }
}

#[tokio::test]
async fn a_refusal_gives_its_reason() {
    let (host, app) = without_key().await;
    let (_, token) = host.signed_in("bob", &[UserRole::User]).await;
    let bearer = format!("Bearer {token}");
    let bob = [("authorization", &*bearer)];
    let unknown = [("authorization", "Bearer AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")];
    let admin = "/auth/verify?role=admin";
    let anybody = "/auth/verify?require=address";
    host.ban("203.0.113.9", BanDuration::Days(1)).await;
    for (peer, path, headers, status, reason) in [
        (PEER, VERIFY, &[][..], 401, "no_token"),
        (PEER, VERIFY, &unknown[..], 401, "invalid_session"),
        (PEER, VERIFY, &bob[..], 200, ""),
        (PEER, admin, &bob[..], 403, "missing_role"),
        (PEER, admin, &[][..], 401, "no_token"),
        (PEER, anybody, &[][..], 200, ""),
        ("203.0.113.9", anybody, &[][..], 403, "banned"),
        ("203.0.113.9", VERIFY, &bob[..], 403, "banned"),
    ] {
        let answer = get(&app, peer, path, headers).await;
        assert_eq!(verdict(&answer), (status, reason.to_owned()), "{peer} {path} {headers:?}");
        let is_known = status == 200 && !headers.is_empty();
        assert_eq!(answer.header("x-auth-user"), if is_known { "bob" } else { "" });
    }
    for path in ["/auth/verify?role=emperor", "/auth/verify?rôle=admin", "/auth/verify?roles=admin"]
    {
        assert_eq!(get(&app, PEER, path, &bob).await.status, 400, "{path}");
    }
}

#[tokio::test]
async fn what_a_client_asks_for_is_no_part_of_the_question() {
    let (host, app) = without_key().await;
    let (_, token) = host.signed_in("bob", &[UserRole::User]).await;
    let bearer = format!("Bearer {token}");
    let bob = [("authorization", &*bearer)];
    for (path, headers, status, reason) in [
        ("/auth/verify/session/", &bob[..], 200, ""),
        ("/auth/verify/session/a/b?c=d", &bob[..], 200, ""),
        ("/auth/verify/session/%ff?%ff", &bob[..], 200, ""),
        ("/auth/verify/session/a?require=address", &[][..], 401, "no_token"),
        ("/auth/verify/session/../address?x", &[][..], 401, "no_token"),
        ("/auth/verify/session//auth/verify/address", &[][..], 401, "no_token"),
        ("/auth/verify/role/admin/a?role=user", &bob[..], 403, "missing_role"),
        ("/auth/verify/role/user/a?role=admin", &bob[..], 200, ""),
        ("/auth/verify/address/a?role=admin", &[][..], 200, ""),
    ] {
        let answer = get(&app, PEER, path, headers).await;
        assert_eq!(verdict(&answer), (status, reason.to_owned()), "{path} {headers:?}");
    }
    for (path, status) in [
        ("/auth/verify/sessions", 404),
        ("/auth/verify/session?", 401),
        ("/auth/verify/role", 404),
        ("/auth/verify/role/emperor/", 404),
        ("/auth/verify/a/session", 404),
        ("/auth/verify?path=/a?b&require=address", 400),
    ] {
        assert_eq!(get(&app, PEER, path, &[]).await.status, status, "{path}");
    }
}

#[tokio::test]
async fn a_stranger_is_told_nothing() {
    let host = Host::new().await;
    let app = forward_auth::router(&host.web);
    let (_, token) = host.signed_in("ada", &[UserRole::Admin]).await;
    let keys = host.web.api_keys(Actor::System);
    let mut made = Vec::new();
    for scope in [ApiScope::ForwardAuth, ApiScope::Write] {
        let scopes = ApiScopes::new([scope]).unwrap();
        let params = NewApiKey { name: "proxy".into(), scopes, expires_in: None };
        made.push(keys.create(&params).await.unwrap());
    }
    let cookie = format!("users_session={token}");
    let ask = async |key: &str| {
        let headers = [("cookie", &*cookie), ("x-api-key", key)];
        verdict(&get(&app, PEER, VERIFY, &headers[..if key.is_empty() { 1 } else { 2 }]).await)
    };
    let refused = |reason: &str| (403, reason.to_owned());
    assert_eq!(ask("").await, refused("no_proxy_key"));
    assert_eq!(ask("spu_nonsense").await, refused("invalid_proxy_key"));
    assert_eq!(ask(&made[1].secret.reveal()).await, refused("invalid_proxy_key"));
    let secret = made[0].secret.reveal();
    assert_eq!(ask(&secret).await, (200, String::new()));
    // It is known without asking, until it is revoked.
    host.storage.is_gone.store(true, Ordering::Relaxed);
    assert_eq!(ask(&secret).await, (200, String::new()));
    host.storage.is_gone.store(false, Ordering::Relaxed);
    keys.revoke(made[0].key.id).await.unwrap();
    host.web.settle().await;
    assert_eq!(ask(&secret).await, refused("invalid_proxy_key"));
}

#[tokio::test]
async fn uses_of_keys_are_written_later_and_at_the_end() {
    let host = Host::new().await;
    let app = forward_auth::router(&host.web);
    let keys = host.web.api_keys(Actor::System);
    let scopes = ApiScopes::new([ApiScope::ForwardAuth]).unwrap();
    let params = NewApiKey { name: "proxy".into(), scopes, expires_in: None };
    let issued = keys.create(&params).await.unwrap();
    let secret = issued.secret.reveal();
    for _ in 0..3 {
        get(&app, PEER, VERIFY, &[("x-api-key", &secret)]).await;
    }
    let last_used = async || keys.find_by_id(issued.key.id).await.unwrap().unwrap().last_used_at;
    assert_eq!(last_used().await, None);
    host.web.shutdown().await;
    assert!(last_used().await.is_some());
}

#[tokio::test]
async fn nobody_is_let_in_in_the_name_of_a_proxy() {
    let options = WebOptions {
        forward_auth_key: false,
        trusted_proxies: vec!["127.0.0.0/8".parse().unwrap()],
        ..WebOptions::new(OnOutage::Refuse)
    };
    let host = Host::with(options).await;
    let app = forward_auth::router(&host.web);
    for path in ["/auth/verify?require=address", "/auth/verify/address"] {
        let headers = [("x-forwarded-for", "unknown")];
        let answer = get(&app, "127.0.0.1", path, &headers).await;
        assert_eq!(verdict(&answer), (403, "unknown_address".to_owned()));
        let known = get(&app, "127.0.0.1", path, &[("x-forwarded-for", "192.0.2.1")]).await;
        assert_eq!(verdict(&known), (200, String::new()));
    }
}

#[tokio::test]
async fn wrong_keys_are_counted_and_right_ones_are_not() {
    let host = Host::new().await;
    let app = forward_auth::router(&host.web);
    let scopes = ApiScopes::new([ApiScope::ForwardAuth]).unwrap();
    let params = NewApiKey { name: "proxy".into(), scopes, expires_in: None };
    let secret = host.web.api_keys(Actor::System).create(&params).await.unwrap().secret.reveal();
    let ask = async |peer: &str, key: &str| {
        let headers = [("x-api-key", key)];
        get(&app, peer, "/auth/verify/address", &headers).await
    };
    let guess = secret.replace(|c: char| c.is_ascii_uppercase(), "A");
    let mut refused = Vec::new();
    for _ in 0..200 {
        refused.push(ask(PEER, &guess).await);
    }
    assert_eq!(refused[0].status, 403);
    let limited = refused.iter().find(|answer| answer.status == 429).unwrap();
    assert_eq!(limited.header("retry-after"), "1");
    assert_eq!(limited.header("cache-control"), "no-store");
    assert_eq!(ask("198.51.100.8", &guess).await.status, 403, "another address is not counted");
    for _ in 0..200 {
        assert_eq!(ask(PEER, &secret).await.status, 200);
    }
}
