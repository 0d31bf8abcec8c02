//! Who is signed in, and who is no longer.

use std::sync::atomic::Ordering;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderValue, Request};
use axum::routing::get as route;
use systemprompt_users_domain::{Actor, EndReason, MergeOptions, UserRole, UserStatus};
use systemprompt_users_web::layers::{CurrentUser, OptionalUser, RequireRole, SessionLayer};

use crate::harness::{Answer, Host, get, send};

const PEER: &str = "198.51.100.7";

fn app(host: &Host) -> Router {
    let admins =
        Router::new().route("/admin", route(async || "admin")).layer(RequireRole(UserRole::Admin));
    let optional = async |OptionalUser(session): OptionalUser| {
        session.map_or_else(|| "nobody".to_owned(), |session| session.user.name.to_string())
    };
    Router::new()
        .route("/me", route(async |user: CurrentUser| user.user().name.to_string()))
        .route("/maybe", route(optional))
        .merge(admins)
        .layer(SessionLayer::new(host.web.clone()))
}

async fn with_bearer(app: &Router, path: &str, token: &str) -> Answer {
    get(app, PEER, path, &[("authorization", &format!("Bearer {token}"))]).await
}

#[tokio::test]
async fn a_token_comes_as_bearer_or_cookie() {
    let host = Host::new().await;
    let app = app(&host);
    let (_, token) = host.signed_in("ada", &[UserRole::User]).await;
    assert_eq!(with_bearer(&app, "/me", &token).await.text, "ada");
    let cookie = format!("theme=dark; users_session={token}; session2=x");
    assert_eq!(get(&app, PEER, "/me", &[("cookie", &cookie)]).await.text, "ada");
    let both = [("authorization", "Bearer of-another-kind"), ("cookie", &*cookie)];
    assert_eq!(get(&app, PEER, "/me", &both).await.text, "ada");
    assert_eq!(get(&app, PEER, "/maybe", &[]).await.text, "nobody");
    for headers in [&[][..], &[("cookie", "users_session=")], &[("authorization", "Basic eDp5")]] {
        let answer = get(&app, PEER, "/me", headers).await;
        assert_eq!((answer.status.as_u16(), &*answer.header("www-authenticate")), (401, "Bearer"));
    }
}

#[tokio::test]
async fn a_role_is_asked_for() {
    let host = Host::new().await;
    let app = app(&host);
    let (_, admin) = host.signed_in("ada", &[UserRole::Admin]).await;
    let (_, user) = host.signed_in("bob", &[UserRole::User]).await;
    assert_eq!(with_bearer(&app, "/admin", &admin).await.text, "admin");
    assert_eq!(with_bearer(&app, "/admin", &user).await.status, 403);
    assert_eq!(get(&app, PEER, "/admin", &[]).await.status, 401);
}

/// Signs somebody in, lets `change` happen, and asks the same again.
async fn refused_after(path: &str, status: u16, change: impl AsyncFnOnce(&Host, &str)) {
    let host = Host::new().await;
    let app = app(&host);
    host.user("root", &[UserRole::Admin]).await;
    let (_, token) = host.signed_in("ada", &[UserRole::Admin, UserRole::User]).await;
    assert_eq!(with_bearer(&app, path, &token).await.status, 200);
    change(&host, &token).await;
    host.web.settle().await;
    assert_eq!(with_bearer(&app, path, &token).await.status, status);
}

async fn id(host: &Host, name: &str) -> systemprompt_users_domain::UserId {
    host.web.users(Actor::System).find_by_name(name).await.unwrap().unwrap().id
}

#[tokio::test]
async fn a_token_is_worth_nothing_after_the_logout() {
    refused_after("/me", 401, async |host, token| {
        let sessions = host.web.sessions(Actor::System);
        let session = sessions.validate(token).await.unwrap().unwrap().session;
        sessions.end(session.id, EndReason::Logout).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_suspended_user_is_out_at_once() {
    refused_after("/me", 401, async |host, _| {
        let id = id(host, "ada").await;
        host.web.users(Actor::System).update_status(id, UserStatus::Suspended).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_deleted_user_is_out_at_once() {
    refused_after("/me", 401, async |host, _| {
        let id = id(host, "ada").await;
        host.web.users(Actor::System).delete(id).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_lost_role_is_lost_at_once() {
    refused_after("/admin", 403, async |host, _| {
        host.web.admin(Actor::System).demote("ada").await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_merged_user_is_out_at_once() {
    refused_after("/me", 401, async |host, _| {
        let (source, target) = (id(host, "ada").await, id(host, "root").await);
        let users = host.web.users(Actor::System);
        users.merge_users(source, target, MergeOptions::default()).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn nobody_is_let_in_while_nobody_can_tell() {
    let host = Host::new().await;
    let app = app(&host);
    let (_, token) = host.signed_in("ada", &[UserRole::User]).await;
    host.storage.is_gone.store(true, Ordering::Relaxed);
    // A token that was never seen, so that it is not in memory.
    let answer = with_bearer(&app, "/maybe", &token).await;
    assert_eq!((answer.status.as_u16(), &*answer.header("retry-after")), (503, "1"));
    assert_eq!(get(&app, PEER, "/maybe", &[]).await.text, "nobody");
    host.storage.is_gone.store(false, Ordering::Relaxed);
    assert_eq!(with_bearer(&app, "/maybe", &token).await.text, "ada");
    host.storage.is_gone.store(true, Ordering::Relaxed);
    host.until(async || with_bearer(&app, "/maybe", &token).await.status == 503).await;
}

#[tokio::test]
async fn a_forgotten_layer_is_no_open_door() {
    let app = Router::new().route("/me", route(async |_: CurrentUser| "in"));
    assert_eq!(get(&app, PEER, "/me", &[]).await.status, 500);
}

/// Browsers send what other hosts of the domain have set, too, and h2 splits the header.
#[tokio::test]
async fn no_cookie_hides_the_one_that_is_valid() {
    let host = Host::new().await;
    let app = app(&host);
    let (_, token) = host.signed_in("ada", &[UserRole::User]).await;
    let other = "A".repeat(43);
    for cookie in [
        format!("users_session=garbage; users_session={token}"),
        format!("users_session={other}; users_session={token}"),
        format!("users_session={token}; users_session={other}"),
        format!("name=J\u{f6}rg; users_session={token}"),
        format!("users_session = \"{token}\" ; x=\u{f6}"),
        format!("{}users_session={token}", format!("users_session={other}; ").repeat(7)),
    ] {
        let utf8 = cookie.as_bytes().to_vec();
        let latin1: Vec<u8> = cookie.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
        for bytes in [utf8, latin1] {
            let value = HeaderValue::from_bytes(&bytes).unwrap();
            let request = Request::get("/me").header("cookie", value).body(Body::empty()).unwrap();
            let answer = send(&app, PEER, request).await;
            assert_eq!((answer.status.as_u16(), &*answer.text), (200, "ada"), "{cookie}");
        }
    }
    let first = format!("users_session={other}");
    let second = format!("theme=dark; users_session={token}");
    let lines = [("cookie", &*first), ("cookie", &*second)];
    assert_eq!(get(&app, PEER, "/me", &lines).await.text, "ada");
    // A request does not make the storage look for any number of sessions.
    let many = format!("{}users_session={token}", format!("users_session={other}; ").repeat(8));
    assert_eq!(get(&app, PEER, "/me", &[("cookie", &many)]).await.status, 401);
}
