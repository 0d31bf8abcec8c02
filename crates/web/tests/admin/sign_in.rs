//! Signing in, and what ends it.

use axum::body::Body;
use axum::http::Method;
use chrono::Duration;
use systemprompt_users_domain::{Actor, MergeOptions, UserRole, UserStatus};
use systemprompt_users_web::{OnOutage, WebOptions};

use crate::site::{Answer, Site};

async fn link(site: &Site) -> String {
    let links = site.web.sign_in_links(Actor::System);
    let (token, _) = links.create(site.me.id, Duration::minutes(10)).await.unwrap();
    token.reveal()
}

async fn redeem(site: &Site, token: &str) -> Answer {
    let headers =
        [("content-type", "application/x-www-form-urlencoded"), ("sec-fetch-site", "same-origin")];
    site.send(Method::POST, "/admin/sign-in", &headers, format!("token={token}")).await
}

#[tokio::test]
async fn a_link_signs_in_once_and_looking_at_it_does_not_use_it_up() {
    let site = Site::new().await;
    let token = link(&site).await;
    for _ in 0..2 {
        let path = format!("/admin/sign-in?token={token}");
        site.send(Method::GET, &path, &[], Body::empty())
            .await
            .expect(200, &["method=\"post\"", &token]);
    }
    let answer = redeem(&site, &token).await.expect(303, &[]);
    assert_eq!(answer.header("location"), "/admin");
    let cookie = answer.header("set-cookie");
    let (pair, attributes) = cookie.split_once("; ").unwrap();
    assert_eq!(attributes, "Path=/admin; HttpOnly; SameSite=Strict");
    site.send(Method::GET, "/admin", &[("cookie", pair)], Body::empty())
        .await
        .expect(200, &["Overview"]);
    let again = redeem(&site, &token).await.expect(401, &["used already"]);
    assert_eq!(again.header("set-cookie"), "");
}

#[tokio::test]
async fn a_link_that_is_too_old_or_made_up_signs_nobody_in() {
    let site = Site::new().await;
    let token = link(&site).await;
    site.advance(Duration::minutes(11));
    redeem(&site, &token).await.expect(401, &["too old"]);
    for token in ["", "x", "%00", "%F0%9F%98%80"] {
        redeem(&site, token).await.expect(401, &[]);
    }
}

#[tokio::test]
async fn behind_tls_the_cookie_is_secure() {
    let site = Site::with(WebOptions::new(OnOutage::Refuse)).await;
    let answer = redeem(&site, &link(&site).await).await.expect(303, &[]);
    let cookie = answer.header("set-cookie");
    assert!(cookie.starts_with("__Secure-users_admin="), "{cookie}");
    assert!(cookie.ends_with("; Path=/admin; HttpOnly; SameSite=Strict; Secure"), "{cookie}");
}

#[tokio::test]
async fn nobody_sees_a_page_without_a_session() {
    let site = Site::new().await;
    for cookie in ["", "users_admin=", "users_admin=made-up", "other=1"] {
        let answer =
            site.send(Method::GET, "/admin/users", &[("cookie", cookie)], Body::empty()).await;
        answer.expect(401, &["usersctl admin-link"]).lacks("grace");
    }
}

#[tokio::test]
async fn after_a_link_on_another_site_the_browser_asks_again_by_itself() {
    let site = Site::new().await;
    let from = |from: &'static str| [("sec-fetch-mode", "navigate"), ("sec-fetch-site", from)];
    let refresh = "http-equiv=\"refresh\"";
    let outside = site.send(Method::GET, "/admin", &from("cross-site"), Body::empty()).await;
    outside.expect(401, &[refresh]);
    let again = site.send(Method::GET, "/admin", &from("same-origin"), Body::empty()).await;
    again.expect(401, &[]).lacks(refresh);
}

#[tokio::test]
async fn a_session_of_somebody_else_opens_nothing() {
    let mut site = Site::new().await;
    let user = site.user("ada").await;
    site.token = site.session_of(user.id).await;
    site.get("/admin").await.expect(403, &["hold no role"]).lacks("Overview</h1>");
}

#[tokio::test]
async fn a_cookie_is_worth_nothing_after_sign_out() {
    let site = Site::new().await;
    let answer = site.post("/admin/sign-out", &[]).await.expect(303, &[]);
    assert!(answer.header("set-cookie").starts_with("users_admin=; "));
    assert!(answer.header("set-cookie").ends_with("Max-Age=0"));
    site.get("/admin").await.expect(401, &[]);
}

#[tokio::test]
async fn suspension_role_loss_deletion_and_merge_are_seen_at_the_next_request() {
    for case in ["suspend", "demote", "delete", "merge", "expire"] {
        let site = Site::new().await;
        let other = site.user("heir").await;
        let users = site.users();
        users.assign_role(other.id, UserRole::Admin).await.unwrap();
        site.get("/admin").await.expect(200, &[]);
        let expected = match case {
            "suspend" => users.update_status(site.me.id, UserStatus::Suspended).await.map(|_| 401),
            "demote" => users.assign_roles(site.me.id, &[UserRole::User]).await.map(|_| 403),
            "delete" => users.delete(site.me.id).await.map(|_| 401),
            "merge" => {
                users.merge_users(site.me.id, other.id, MergeOptions::default()).await.map(|_| 401)
            }
            _ => {
                site.advance(Duration::days(8));
                Ok(401)
            }
        };
        let answer = site.get("/admin").await;
        assert_eq!(answer.status.as_u16(), expected.unwrap(), "{case}");
    }
}

#[tokio::test]
async fn a_session_that_is_used_does_not_end_by_idleness() {
    let site = Site::new().await;
    for _ in 0..3 {
        site.advance(Duration::days(6));
        site.get("/admin/keys").await.expect(200, &[]);
    }
}
