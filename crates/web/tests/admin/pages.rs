//! Overview, visitors, jobs, events.

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use chrono::Duration;
use http_body_util::BodyExt;
use systemprompt_users_domain::{Actor, UserStatus};
use systemprompt_users_web::admin;
use tower::ServiceExt;

use crate::site::{MY_ADDRESS, Site};

#[tokio::test]
async fn the_overview_tells_figures_charts_and_events() {
    let site = Site::new().await;
    site.user("ada").await;
    let page = site.get("/admin").await.expect(
        200,
        &[
            "<strong>2</strong>",
            "2 sign-ups in the last 30 days",
            "1 Mar: 2",
            "Sign-ups per day</title>",
            "Open sessions</title>",
            "As a table",
            "User created",
            "reach this host within",
        ],
    );
    page.lacks("Jobs that failed");
}

#[tokio::test]
async fn visitors_are_listed_and_cleaned_up_after_a_preview() {
    let site = Site::new().await;
    let old = site.users().create_anonymous(None).await.unwrap().user;
    site.advance(Duration::days(5));
    site.users().create_anonymous(None).await.unwrap();
    site.get("/admin/anonymous").await.expect(200, &["2 visitors", "value=\"30\""]);
    let path = "/admin/anonymous/cleanup";
    site.done(path, &[("days", "30")]).await.expect(200, &["Nobody has been away for 1 month."]);
    site.post(path, &[("days", "0")])
        .await
        .expect(422, &["Expected 1 to 3650 days", "value=\"0\""]);
    let page = site.post(path, &[("days", "4")]).await;
    page.expect(200, &["Delete 1 visitor?", &old.id.to_string(), "seen 5 days ago"]);
    site.done(path, &[("days", "4"), ("confirmed", "yes")])
        .await
        .expect(200, &["1 visitor deleted."]);
    site.get("/admin/anonymous").await.expect(200, &["1 visitor"]);
    site.get(&format!("/admin/users/{}", old.id)).await.expect(200, &["visitor", "status-deleted"]);
}

#[tokio::test]
async fn a_job_is_run_now_and_found_in_the_history() {
    let site = Site::new().await;
    site.get("/admin/jobs").await.expect(200, &["Run Cleanup sessions now", "No runs.", "never"]);
    let page = site.done("/admin/jobs/run", &[("job", "cleanup_sessions")]).await;
    page.expect(200, &["Cleanup sessions is done.", "manual", "succeeded"]);
    site.get("/admin/jobs?outcome=failed").await.expect(200, &["No runs."]);
    site.get("/admin/jobs?job=cleanup_bans").await.expect(200, &["No runs."]);
    site.done("/admin/jobs/run", &[("job", "no_such_job")]).await.expect(200, &["was not found"]);
}

#[tokio::test]
async fn events_are_filtered_by_user_and_target() {
    let site = Site::new().await;
    let ada = site.user("ada").await;
    site.done("/admin/bans", &[("target", "10.0.0.1"), ("duration", "1h")]).await.expect(200, &[]);
    site.get("/admin/events").await.expect(200, &["IP banned", "User created", "data-stream"]);
    let page = site.get("/admin/events?user=ada@example.com").await;
    page.expect(200, &["User created", &ada.id.to_string()]).lacks("IP banned");
    site.get("/admin/events?target=10.0.0.1")
        .await
        .expect(200, &["IP banned"])
        .lacks("User created");
    site.get("/admin/events?user=nobody").await.expect(422, &["no such user", "value=\"nobody\""]);
    site.get("/admin/events?target=x").await.expect(422, &["neither an IP", "value=\"x\""]);
    site.get("/admin/events?before=2").await.expect(200, &["User created"]).lacks("IP banned");
}

#[tokio::test(start_paused = true)]
async fn new_events_come_by_the_stream_until_the_session_ends() {
    let site = Site::new().await;
    let peer = std::net::SocketAddr::from((MY_ADDRESS, 4711));
    let request = Request::get("/admin/events/stream?after=0").header("cookie", site.cookie());
    let request = request.extension(ConnectInfo(peer)).body(Body::empty()).unwrap();
    let response = admin::router(&site.web).oneshot(request).await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut stream = response.into_body();
    let frame = stream.frame().await.unwrap().unwrap().into_data().unwrap();
    let text = String::from_utf8(frame.to_vec()).unwrap();
    assert!(text.contains("event: row\nid: 1\n") && text.contains("User created"), "{text}");
    site.user("ada").await;
    let mut seen = String::new();
    while !seen.contains("ada</a>") {
        let frame = stream.frame().await.unwrap().unwrap().into_data().unwrap();
        seen.push_str(std::str::from_utf8(&frame).unwrap());
    }
    let heir = site.user("heir").await;
    let role = systemprompt_users_domain::UserRole::Admin;
    site.users().assign_role(heir.id, role).await.unwrap();
    site.users().update_status(site.me.id, UserStatus::Suspended).await.unwrap();
    while let Some(frame) = stream.frame().await {
        frame.unwrap();
    }
}

#[tokio::test]
async fn a_page_works_for_a_purged_actor_and_a_long_log() {
    let mut site = Site::new().await;
    let other = site.user("gone").await;
    site.users().assign_role(other.id, systemprompt_users_domain::UserRole::Admin).await.unwrap();
    let mine = std::mem::take(&mut site.token);
    site.token = site.session_of(other.id).await;
    for number in 0..60 {
        let target = format!("10.0.0.{number}");
        site.done("/admin/bans", &[("target", &target), ("duration", "1h")]).await.expect(200, &[]);
    }
    site.token = mine;
    site.users().delete(other.id).await.unwrap();
    site.web.users(Actor::System).purge(other.id).await.unwrap();
    let page = site
        .get("/admin/events")
        .await
        .expect(200, &["User purged", &other.id.to_string(), "Older"]);
    let (_, rest) = page.text.split_once("rel=\"next\" href=\"").unwrap();
    let next = rest.split('"').next().unwrap().replace("&#38;", "&");
    site.get(&next).await.expect(200, &["10.0.0.0", "Newest"]);
}
