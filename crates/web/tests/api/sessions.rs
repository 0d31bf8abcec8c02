//! Sessions: start, validate, read, end.

use std::time::Duration;

use serde_json::{Value, json};
use systemprompt_users_domain::{Actor, ApiScope, UserId, UserStatus};
use systemprompt_users_web::{OnOutage, WebOptions};
use uuid::Uuid;

use crate::harness::Api;

#[tokio::test]
async fn a_session_lives_from_start_to_end() {
    let api = Api::new().await;
    let user = api.user("ada").await;
    let body = json!({"ip": "::ffff:203.0.113.7", "os": "Plan 9", "fingerprint": "f1"});
    let started = api.post(&format!("/users/{}/sessions", user.id), body).await;
    assert_eq!(started.header("cache-control"), "no-store");
    let place = started.header("location");
    let started = started.expect(201);
    assert_eq!(started["session"]["ip"], "203.0.113.7");
    assert_eq!(started["session"]["os"], "Plan 9");
    assert_eq!(started["ended"], json!([]));
    assert!(!started["session"].to_string().contains("token"), "{started}");

    let path = place.strip_prefix("/api/v1").unwrap();
    assert_eq!(api.get(path).await.expect(200), started["session"]);

    let token = json!({"token": started["token"]});
    let valid = api.post("/sessions/validate", token.clone()).await.expect(200);
    assert_eq!(valid["valid"], true);
    assert_eq!(valid["user"]["name"], "ada");
    assert_eq!(valid["session"]["id"], started["session"]["id"]);

    api.delete(&format!("{path}?reason=logout")).await.expect(204);
    api.delete(path).await.expect(204);
    assert_eq!(api.get(path).await.expect(200)["end_reason"], "logout");
    let over = api.post("/sessions/validate", token).await.expect(200);
    assert_eq!(over, json!({"valid": false, "session": null, "user": null}));
}

#[tokio::test]
async fn what_is_no_token_is_not_valid_and_no_error() {
    let api = Api::new().await;
    for token in ["", "x", "ü", &"A".repeat(43), &"A".repeat(10_000)] {
        let answer = api.post("/sessions/validate", json!({"token": token})).await;
        assert_eq!(answer.expect(200)["valid"], false, "{token}");
    }
    api.post("/sessions/validate", json!({})).await.refused(422, "validation", "token");
    api.post("/sessions/validate", json!({"token": 1})).await.refused(422, "validation", "token");
    let unknown = json!({"token": "x", "user": 1});
    api.post("/sessions/validate", unknown).await.refused(422, "validation", "user");
}

#[tokio::test]
async fn looking_at_a_token_counts_as_a_use_unless_told_otherwise() {
    let mut options = WebOptions::new(OnOutage::Refuse);
    options.enforcer.touch_interval = Duration::from_nanos(1);
    let api = Api::with_options(options).await;
    let user = api.user("ada").await;
    let started = api.session(&user).await;
    let token = started.token.reveal();
    let seen = async || {
        let found = api.web.sessions(Actor::System).find_by_id(started.session.id).await;
        found.unwrap().unwrap().last_activity_at
    };
    let before = seen().await;
    api.post("/sessions/validate", json!({"token": token, "touch": false})).await.expect(200);
    assert_eq!(seen().await, before);
    api.post("/sessions/validate", json!({"token": token})).await.expect(200);
    // Uses are written in batches, and the last of them before the host ends.
    api.web.shutdown().await;
    assert!(seen().await > before);
}

#[tokio::test]
async fn lists_tell_live_from_over() {
    let api = Api::new().await;
    let (ada, bob) = (api.user("ada").await, api.user("bob").await);
    let sessions = [api.session(&ada).await, api.session(&ada).await, api.session(&bob).await];
    api.delete(&format!("/sessions/{}", sessions[0].session.id)).await.expect(204);
    for (path, count) in [
        ("/sessions".to_owned(), 3),
        ("/sessions?state=live".to_owned(), 2),
        (format!("/users/{}/sessions", ada.id), 2),
        (format!("/users/{}/sessions?state=live", ada.id), 1),
    ] {
        let page = api.get(&path).await.expect(200);
        assert_eq!(page["items"].as_array().unwrap().len(), count, "{path}");
        assert!(page["next"].is_null());
    }
    let first = api.get("/sessions?limit=2").await;
    let link = first.header("link");
    let next = link.strip_prefix("</api/v1").unwrap().split('>').next().unwrap();
    let second = api.get(next).await.expect(200);
    assert_eq!(second["items"].as_array().unwrap().len(), 1);
    assert_ne!(second["items"][0], first.expect(200)["items"][0]);
}

#[tokio::test]
async fn many_all_and_all_but_one_are_ended() {
    let api = Api::new().await;
    let ada = api.user("ada").await;
    let mut ids = Vec::new();
    for _ in 0..4 {
        ids.push(api.session(&ada).await.session.id.to_string());
    }
    let ended = api.post("/sessions/end", json!({"ids": [ids[0], ids[0], Uuid::nil()]})).await;
    assert_eq!(ended.expect(200), json!({"ended": [{"id": ids[0], "user_id": ada.id}]}));

    let all = format!("/users/{}/sessions", ada.id);
    let ended = api.delete(&format!("{all}?except={}", ids[3])).await.expect(200);
    assert_eq!(ended["ended"].as_array().unwrap().len(), 2);
    let stranger = api.session(&api.user("bob").await).await.session.id;
    api.delete(&format!("{all}?except={stranger}")).await.refused(404, "not_found", "-");
    let ended = api.delete(&format!("{all}?reason=logout")).await.expect(200);
    assert_eq!(ended["ended"][0]["id"], ids[3]);
    assert_eq!(api.delete(&all).await.expect(200), json!({"ended": []}));
}

#[tokio::test]
async fn refusals_say_what_is_wrong() {
    let api = Api::new().await;
    let nobody = Uuid::nil();
    api.get(&format!("/sessions/{nobody}")).await.refused(404, "not_found", "-");
    api.get("/sessions/x").await.refused(404, "not_found", "-");
    api.delete(&format!("/sessions/{nobody}")).await.refused(404, "not_found", "-");
    api.get(&format!("/users/{nobody}/sessions")).await.refused(404, "not_found", "-");
    api.delete(&format!("/users/{nobody}/sessions")).await.refused(404, "not_found", "-");
    let start = format!("/users/{nobody}/sessions");
    api.post(&start, json!({})).await.refused(404, "not_found", "-");
    api.get("/sessions?limit=0").await.refused(422, "validation", "limit");
    api.get("/sessions?limit=1001").await.refused(422, "validation", "limit");
    api.get("/sessions?after=x").await.refused(422, "validation", "after");
    api.get("/sessions?state=dead").await.refused(400, "bad_request", "state");
    api.get("/sessions?limt=1").await.refused(400, "bad_request", "limt");

    let ada = api.user("ada").await;
    let start = format!("/users/{}/sessions", ada.id);
    api.post(&start, json!({"os": "a\u{0}b"})).await.refused(422, "validation", "os");
    api.post(&start, json!({"ip": "nowhere"})).await.refused(422, "validation", "ip");
    api.post(&start, json!({"token": "mine"})).await.refused(422, "validation", "token");
    let many = vec![Uuid::nil(); 10_001];
    api.post("/sessions/end", json!({"ids": many})).await.refused(422, "validation", "ids");
    let users = api.web.users(Actor::System);
    users.update_status(ada.id, UserStatus::Suspended).await.unwrap();
    api.post(&start, json!({})).await.refused(409, "not_allowed", "-");
    assert_eq!(api.get(&start).await.expect(200)["items"], json!([]));
}

#[tokio::test]
async fn scopes_are_kept() {
    let api = Api::new().await;
    let (ada, root) = (api.user("ada").await, api.admin("root").await);
    let session = api.session(&ada).await.session.id;
    let reader = api.with_scope(ApiScope::Read).await;
    reader.get("/sessions").await.expect(200);
    reader.delete(&format!("/sessions/{session}")).await.refused(403, "forbidden", "-");
    let start = |id: UserId| format!("/users/{id}/sessions");
    reader.post(&start(ada.id), json!({})).await.refused(403, "forbidden", "-");

    let writer = api.with_scope(ApiScope::Write).await;
    writer.post(&start(ada.id), json!({})).await.expect(201);
    let as_admin = writer.post(&start(root.id), json!({})).await;
    assert_eq!(as_admin.status.as_u16(), 403, "a writer must not sign in as an admin");
    api.post(&start(root.id), json!({})).await.expect(201);
}

#[tokio::test]
async fn a_user_keeps_no_more_sessions_than_said() {
    let api = Api::new().await;
    let ada = api.user("ada").await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(api.session(&ada).await.session.id.to_string());
    }
    let limit = format!("/users/{}/sessions/limit", ada.id);
    for keep in [json!(0), json!(1001), json!(-1), json!("1"), Value::Null, json!(65_536)] {
        api.post(&limit, json!({"keep": keep})).await.refused(422, "validation", "keep");
    }
    let ended = api.post(&limit, json!({"keep": 1})).await.expect(200);
    let ended: Vec<_> = ended["ended"].as_array().unwrap().iter().map(|one| &one["id"]).collect();
    assert_eq!(ended, [&json!(ids[0]), &json!(ids[1])], "idle longest first");
    let over = api.get(&format!("/sessions/{}", ids[0])).await.expect(200);
    assert_eq!(over["end_reason"], "limit");
    assert_eq!(api.post(&limit, json!({"keep": 1})).await.expect(200), json!({"ended": []}));
    let nobody = format!("/users/{}/sessions/limit", Uuid::nil());
    api.post(&nobody, json!({"keep": 1})).await.refused(404, "not_found", "-");
    let reader = api.with_scope(ApiScope::Read).await;
    reader.post(&limit, json!({"keep": 1})).await.refused(403, "forbidden", "-");
}

#[tokio::test]
async fn sessions_that_are_over_are_cleaned_up_by_an_admin() {
    let api = Api::new().await;
    api.session(&api.user("ada").await).await;
    let cleaned = api.post("/sessions/cleanup", Value::Null).await.expect(200);
    assert_eq!(cleaned, json!({"expired": 0, "deleted": 0}), "the live one stays");
    let writer = api.with_scope(ApiScope::Write).await;
    writer.post("/sessions/cleanup", Value::Null).await.refused(403, "forbidden", "-");
}

#[tokio::test]
async fn a_link_signs_somebody_in_once() {
    let api = Api::new().await;
    let root = api.admin("root").await;
    let links = format!("/users/{}/sign-in-links", root.id);
    for lifetime in [json!(0), json!(-5), json!(86_401), json!(i64::MAX), json!("1h")] {
        let refused = api.post(&links, json!({"lifetime": lifetime})).await;
        refused.refused(422, "validation", "lifetime");
    }
    let made = api.post(&links, json!({"lifetime": 600})).await;
    assert_eq!(made.header("cache-control"), "no-store");
    let link = made.expect(201);
    assert_eq!(link["user_id"], json!(root.id));

    let redeem = json!({"token": link["token"], "client": {"ip": "192.0.2.9"}});
    let writer = api.with_scope(ApiScope::Write).await;
    let odd = json!({"token": link["token"], "client": {"os": "a\u{0}b"}});
    writer.post("/sign-in-links/redeem", odd).await.refused(422, "validation", "os");
    let signed_in = writer.post("/sign-in-links/redeem", redeem.clone()).await;
    assert!(signed_in.header("location").starts_with("/api/v1/sessions/"));
    let started = signed_in.expect(201);
    assert_eq!(started["session"]["user_id"], json!(root.id));
    assert_eq!(started["session"]["ip"], "192.0.2.9");
    let token = json!({"token": started["token"]});
    assert_eq!(api.post("/sessions/validate", token).await.expect(200)["valid"], true);
    writer.post("/sign-in-links/redeem", redeem).await.refused(404, "not_found", "-");
    let nonsense = json!({"token": "<script>"});
    writer.post("/sign-in-links/redeem", nonsense).await.refused(404, "not_found", "-");

    writer.post(&links, json!({"lifetime": 600})).await.refused(403, "forbidden", "-");
    let nobody = format!("/users/{}/sign-in-links", Uuid::nil());
    api.post(&nobody, json!({"lifetime": 600})).await.refused(404, "not_found", "-");
    let users = api.web.users(Actor::System);
    let ada = api.user("ada").await;
    users.update_status(ada.id, UserStatus::Suspended).await.unwrap();
    let links = format!("/users/{}/sign-in-links", ada.id);
    api.post(&links, json!({"lifetime": 600})).await.refused(409, "not_allowed", "-");
}
