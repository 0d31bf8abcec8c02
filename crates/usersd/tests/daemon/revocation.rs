//! What is taken away is gone at the next request, on every host.

use systemprompt_test_postgres::TestCluster;
use systemprompt_users::{
    ApiKeyService, ApiScope, ApiScopes, BanDuration, BanIpParams, BanService, CreateUserParams,
    EndReason, NewApiKey, NewSession, SessionId, SessionService, UserId, UserRole, UserService,
};

use crate::harness::Place;

const VERIFY: &str = "/auth/verify";

/// An admin beside the first one: the user's id, the session's id and its token.
pub(crate) fn signed_in(place: &Place, name: &str) -> (UserId, SessionId, String) {
    place.with_library(async |pool| {
        let params = CreateUserParams {
            roles: vec![UserRole::Admin, UserRole::User],
            ..CreateUserParams::new(name, format!("{name}@example.com"))
        };
        let ada = UserService::new(pool)?.create(&params).await?;
        let session = SessionService::new(pool)?.create(ada.id, &NewSession::default()).await?;
        Ok((ada.id, session.session.id, session.token.reveal()))
    })
}

pub(crate) fn key(place: &Place, scope: ApiScope) -> String {
    place.with_library(async |pool| {
        let scopes = ApiScopes::new([scope])?;
        let params = NewApiKey { name: "test".into(), scopes, expires_in: None };
        Ok(ApiKeyService::new(pool)?.create(&params).await?.secret.reveal())
    })
}

#[test]
fn what_is_ended_through_this_host_is_refused_at_the_next_request() {
    let place = Place::new();
    let daemon = place.start(&["--forward-auth-key=false"]);
    let root = key(&place, ApiScope::Admin);
    let root = [("x-api-key", &*root)];
    for (method, path, body) in [
        ("DELETE", "/api/v1/sessions/SESSION", ""),
        ("PUT", "/api/v1/users/USER/status", r#"{"status":"suspended"}"#),
        ("DELETE", "/api/v1/users/USER", ""),
    ] {
        let name = method.to_lowercase() + &body.len().to_string() + &path.len().to_string();
        let (user, session, token) = signed_in(&place, &name);
        let bearer = [("authorization", &*format!("Bearer {token}"))];
        assert_eq!(daemon.get(VERIFY, &bearer).status, 200, "{path}");
        let path = path.replace("SESSION", &session.to_string()).replace("USER", &user.to_string());
        let json = [&root[..], &[("content-type", "application/json")]].concat();
        let done = crate::http::send(&daemon.address, method, &path, &json, body);
        assert!((200..300).contains(&done.status), "{path}: {done:?}");
        let refused = daemon.get(VERIFY, &bearer);
        assert_eq!((refused.status, refused.header("x-auth-reason")), (401, "invalid_session"));
    }
}

#[test]
fn a_lost_role_closes_the_admin_pages() {
    let place = Place::new();
    let daemon = place.start(&["--forward-auth-key=false"]);
    let (user, _, token) = signed_in(&place, "ada");
    let bearer = [("authorization", &*format!("Bearer {token}"))];
    let verify = "/auth/verify?role=admin";
    assert_eq!(daemon.get(verify, &bearer).status, 200);
    place.with_library(async |pool| {
        UserService::new(pool)?.revoke_role(user, UserRole::Admin).await.map(drop)
    });
    daemon.until(verify, &bearer, 403);
    assert_eq!(daemon.get(verify, &bearer).header("x-auth-reason"), "missing_role");
    assert_eq!(daemon.get(VERIFY, &bearer).header("x-auth-roles"), "user");
    assert_eq!(daemon.get("/api/v1/users", &bearer).status, 403);
}

#[test]
fn a_second_host_hears_of_it() {
    let database = TestCluster::shared().create_database();
    let place = Place::on(database.url());
    let one = place.start(&["--forward-auth-key=false", "--trusted-proxies", "127.0.0.1/32"]);
    let two = place.start(&["--forward-auth-key=false", "--trusted-proxies", "127.0.0.1/32"]);
    let made =
        [&one, &two].map(|host| host.said.iter().any(|line| line.contains("made the admin")));
    assert_eq!(made, [true, false]);
    let (_, session, token) = signed_in(&place, "ada");
    let bearer = [("authorization", &*format!("Bearer {token}")), ("x-forwarded-for", "192.0.2.7")];
    for host in [&one, &two] {
        assert_eq!(host.get(VERIFY, &bearer).status, 200);
    }
    let root = key(&place, ApiScope::Admin);
    let ended = crate::http::send(
        &one.address,
        "DELETE",
        &format!("/api/v1/sessions/{session}"),
        &[("x-api-key", &root)],
        "",
    );
    assert!((200..300).contains(&ended.status), "{ended:?}");
    two.until(VERIFY, &bearer, 401);
    place.with_library(async |pool| {
        let ban = BanIpParams::new("192.0.2.0/24", BanDuration::Days(1));
        BanService::new(pool)?.ban_ip(&ban).await.map(drop)
    });
    for host in [&one, &two] {
        host.until(VERIFY, &bearer, 403);
        let elsewhere = [bearer[0], ("x-forwarded-for", "192.0.2.7, 198.51.100.1")];
        assert_eq!(host.get(VERIFY, &elsewhere).status, 401, "a forged entry changes nothing");
    }
}

#[test]
fn a_stranger_s_header_changes_nothing() {
    let place = Place::new();
    let daemon = place.start(&["--forward-auth-key=false"]);
    let (_, session, token) = signed_in(&place, "ada");
    let bearer = ("authorization", &*format!("Bearer {token}"));
    place.with_library(async |pool| {
        let ban = BanIpParams::new("192.0.2.7", BanDuration::Permanent);
        BanService::new(pool)?.ban_ip(&ban).await.map(drop)
    });
    assert_eq!(daemon.get(VERIFY, &[bearer, ("x-forwarded-for", "192.0.2.7")]).status, 200);
    // A cookie that was copied is worth nothing after the logout either.
    let cookie = [("cookie", &*format!("users_session={token}"))];
    assert_eq!(daemon.get(VERIFY, &cookie).status, 200);
    place.with_library(async |pool| {
        SessionService::new(pool)?.end(session, EndReason::Logout).await.map(drop)
    });
    daemon.until(VERIFY, &cookie, 401);
}

#[test]
fn a_revoked_key_is_refused_at_once() {
    let place = Place::new();
    let daemon = place.start(&[]);
    let (root, proxy) = (key(&place, ApiScope::Admin), key(&place, ApiScope::ForwardAuth));
    let proxy = [("x-api-key", &*proxy)];
    assert_eq!(daemon.get(VERIFY, &[]).header("x-auth-reason"), "no_proxy_key");
    assert_eq!(daemon.get(VERIFY, &proxy).header("x-auth-reason"), "no_token");
    assert_eq!(daemon.get("/api/v1/users", &proxy).status, 403, "it has no other scope");
    let keys = place.with_library(async |pool| {
        let page = systemprompt_users::PageRequest::new(10)?;
        Ok(ApiKeyService::new(pool)?.list(&page).await?.items)
    });
    let id = keys.iter().find(|key| key.scopes.to_string() == "forward-auth").unwrap().id;
    let root = [("x-api-key", &*root)];
    let path = format!("/api/v1/api-keys/{id}");
    let revoked = crate::http::send(&daemon.address, "DELETE", &path, &root, "");
    assert!((200..300).contains(&revoked.status), "{revoked:?}");
    assert_eq!(daemon.get(VERIFY, &proxy).header("x-auth-reason"), "invalid_proxy_key");
}
