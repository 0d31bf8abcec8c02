//! The log of events: pages, and the stream.

use std::time::Duration;

use axum::body::Body;
use serde_json::{Value, json};
use systemprompt_users_domain::{Actor, ApiScope, UserStatus};
use systemprompt_users_web::{OnOutage, WebOptions};
use tokio::time::Instant;
use uuid::Uuid;

use crate::harness::{Api, StreamLines, request};

#[tokio::test]
async fn the_log_is_read_in_order_without_a_gap() {
    let api = Api::new().await;
    let ada = api.user("ada").await;
    api.web.users(Actor::System).update_status(ada.id, UserStatus::Suspended).await.unwrap();
    let first = api.get("/events?limit=2").await.expect(200);
    let kinds = |page: &Value| {
        let items = page["items"].as_array().unwrap().iter();
        items.map(|event| event["kind"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(kinds(&first), ["api_key_created", "user_created"]);
    assert_eq!(first["items"][1]["user_id"], json!(ada.id));
    assert_eq!(first["items"][1]["actor"], json!({"type": "system", "id": null}));
    assert_eq!(first["next"], first["items"][1]["position"]);
    let second = api.get(&format!("/events?after={}", first["next"])).await.expect(200);
    assert_eq!(kinds(&second), ["status_changed"]);
    assert_eq!(second["items"][0]["details"], json!({"from": "active", "to": "suspended"}));
    let end = api.get(&format!("/events?after={}", second["next"])).await.expect(200);
    assert_eq!(end, json!({"items": [], "next": second["next"]}));
}

#[tokio::test]
async fn the_newest_are_read_by_user_and_by_target() {
    let api = Api::new().await;
    let (ada, bob) = (api.user("ada").await, api.user("bob").await);
    let ban = json!({"target": "10.0.0.0/8", "duration": "permanent"});
    api.post("/bans", ban).await.expect(201);
    let latest = api.get("/events/latest").await.expect(200);
    assert_eq!(latest["items"][0]["kind"], "ip_banned");
    assert_eq!(latest["items"][0]["target"], "10.0.0.0/8");
    assert_eq!(latest["items"][0]["actor"]["type"], "api_key");
    let of_ada = api.get(&format!("/events/latest?user_id={}", ada.id)).await.expect(200);
    assert_eq!(of_ada["items"].as_array().unwrap().len(), 1);
    assert!(of_ada["next"].is_null());
    let of_net = api.get("/events/latest?target=::ffff:10.9.9.9%2F104").await.expect(200);
    assert_eq!(of_net["items"].as_array().unwrap().len(), 1);
    let page = api.get("/events/latest?limit=1").await.expect(200);
    let next = api.get(&format!("/events/latest?limit=1&before={}", page["next"])).await;
    assert_eq!(next.expect(200)["items"][0]["user_id"], json!(bob.id));
    let nobody = api.get(&format!("/events/latest?user_id={}", Uuid::nil())).await.expect(200);
    assert_eq!(nobody["items"], json!([]));
}

#[tokio::test]
async fn refusals_name_the_field() {
    let api = Api::new().await;
    api.get("/events?limit=0").await.refused(422, "validation", "limit");
    api.get("/events?after=-1").await.refused(400, "bad_request", "after");
    api.get("/events?after=18446744073709551615").await.refused(422, "validation", "after");
    api.get("/events/latest?before=18446744073709551615").await.refused(
        422,
        "validation",
        "before",
    );
    api.get("/events/latest?target=x").await.refused(422, "invalid_ip", "target");
    api.get("/events/latest?user_id=x").await.refused(400, "bad_request", "user_id");
    api.get("/events/stream?after=x").await.refused(400, "bad_request", "after");
    let odd = request("GET", "/events/stream").header("last-event-id", "x");
    let odd = api.send(odd.body(Body::empty()).unwrap()).await;
    odd.refused(422, "validation", "Last-Event-ID");
    let guard = api.with_scope(ApiScope::Bans).await;
    guard.get("/events").await.refused(403, "forbidden", "-");
    guard.get("/events/stream").await.refused(403, "forbidden", "-");
}

/// The next event of a stream: its id, its kind, its data.
async fn next(stream: &mut StreamLines) -> Option<(String, String, Value)> {
    let (mut id, mut kind, mut data) = (String::new(), String::new(), Value::Null);
    while let Some(line) = stream.next().await {
        match line.split_once(": ") {
            Some(("id", text)) => id = text.into(),
            Some(("event", text)) => kind = text.into(),
            Some(("data", text)) => data = serde_json::from_str(text).unwrap(),
            _ if line.is_empty() && !data.is_null() => return Some((id, kind, data)),
            _ => {}
        }
    }
    None
}

async fn stream(api: &Api, query: &str, last: Option<&str>) -> StreamLines {
    let mut request = request("GET", &format!("/events/stream{query}"));
    if let Some(last) = last {
        request = request.header("last-event-id", last);
    }
    api.lines(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn a_stream_goes_on_where_the_client_lost_it() {
    let api = Api::new().await;
    for name in ["ada", "bob", "eve"] {
        api.user(name).await;
    }
    let mut from_start = stream(&api, "?after=0", None).await;
    let first = next(&mut from_start).await.unwrap();
    assert_eq!(first.1, "api_key_created");
    let second = next(&mut from_start).await.unwrap();
    assert_eq!(second.2["position"].to_string(), second.0);
    drop(from_start);

    // The header goes before the parameter, since a browser repeats the address as it was.
    let mut again = stream(&api, "?after=0", Some(&second.0)).await;
    let third = next(&mut again).await.unwrap();
    let fourth = next(&mut again).await.unwrap();
    assert_eq!((third.1.as_str(), fourth.1.as_str()), ("user_created", "user_created"));
    assert!(second.0.parse::<i64>().unwrap() < third.0.parse().unwrap());
    // What happens while the stream is open comes too.
    let mallory = api.user("mallory").await;
    assert_eq!(next(&mut again).await.unwrap().2["user_id"], json!(mallory.id));
}

#[tokio::test]
async fn a_new_stream_begins_with_now_and_says_where_that_is() {
    let api = Api::new().await;
    api.user("ada").await;
    let mut live = stream(&api, "", None).await;
    let position = api.web.events().last_position().await.unwrap().to_string();
    let mut hello = Vec::new();
    while let Some(line) = live.next().await.filter(|line| !line.is_empty()) {
        hello.push(line);
    }
    hello.sort();
    assert_eq!(hello, [": open".to_owned(), format!("id: {position}"), "retry: 2000".into()]);
    let bob = api.user("bob").await;
    assert_eq!(next(&mut live).await.unwrap().2["user_id"], json!(bob.id));
}

/// The clock stands still while anything is done, and jumps when all sleep: so it tells who was waited for.
#[tokio::test(start_paused = true)]
async fn an_event_wakes_the_streams_that_sleep() {
    let never = Duration::from_secs(80_000);
    let mut options = WebOptions::new(OnOutage::Refuse);
    options.enforcer.poll = never;
    options.enforcer.lag_bound = never + Duration::from_secs(1);
    let api = Api::with_options(options).await;
    let mut open = Vec::new();
    for _ in 0..3 {
        open.push(stream(&api, "", None).await);
    }
    for stream in &mut open {
        // They have said where they begin, and sleep.
        while stream.next().await.is_some_and(|line| !line.is_empty()) {}
        let silence = tokio::time::timeout(Duration::from_secs(1), stream.next()).await;
        assert!(silence.is_err(), "{silence:?}");
    }
    for name in ["ada", "bob", "eve"] {
        let began = Instant::now();
        let user = api.user(name).await;
        for stream in &mut open {
            assert_eq!(next(stream).await.unwrap().2["user_id"], json!(user.id));
        }
        assert!(began.elapsed() < Duration::from_millis(500), "{:?}", began.elapsed());
    }
}

/// Checks that a stream ends within a minute of a clock that stands still while anything is done.
async fn ends(stream: &mut StreamLines) {
    let end = async { while stream.next().await.is_some() {} };
    tokio::time::timeout(Duration::from_secs(60), end).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn streams_end_when_the_host_does() {
    let api = Api::new().await;
    let mut live = stream(&api, "", None).await;
    api.web.begin_shutdown();
    ends(&mut live).await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_with_the_key_that_opened_it() {
    let api = Api::new().await;
    let reader = api.with_scope(ApiScope::Read).await;
    let mut live = stream(&reader, "", None).await;
    let keys = api.get("/api-keys").await.expect(200);
    let keys = keys["items"].as_array().unwrap().iter();
    for key in keys.filter(|key| key["scopes"] == json!(["read"])) {
        let path = format!("/api-keys/{}", key["id"].as_str().unwrap());
        api.delete(&path).await.expect(200);
    }
    ends(&mut live).await;
}

#[tokio::test]
async fn the_number_of_streams_is_bounded() {
    let api = Api::new().await;
    let mut open = Vec::new();
    for _ in 0..256 {
        open.push(stream(&api, "", None).await);
    }
    let refused = api.get("/events/stream").await;
    assert_eq!(refused.header("retry-after"), "5");
    refused.refused(503, "too_many_streams", "-");
    open.pop();
    stream(&api, "", None).await;
}

/// Makes one event of each kind that not everybody may see, and one that all may.
async fn make_events(api: &Api) {
    let ada = api.user("ada").await;
    api.post("/bans", json!({"target": "192.0.2.9", "duration": "permanent"})).await.expect(201);
    api.post("/allow-list", json!({"target": "192.0.2.8"})).await.expect(201);
    api.post(&format!("/users/{}/sign-in-links", ada.id), json!({"lifetime": 60}))
        .await
        .expect(201);
    api.delete("/bans/192.0.2.9").await.expect(200);
    api.user("bob").await;
}

#[tokio::test]
async fn an_event_is_left_out_for_who_may_not_look_at_what_it_is_about() {
    let api = Api::new().await;
    let reader = api.with_scope(ApiScope::Read).await;
    let bans = api.key([ApiScope::Read, ApiScope::Bans]).await;
    make_events(&api).await;
    let kinds = |page: &Value| {
        let items = page["items"].as_array().unwrap().iter();
        items.map(|event| event["kind"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let whole = api.get("/events").await.expect(200);
    let seen = reader.get("/events").await.expect(200);
    assert_eq!(kinds(&seen), ["user_created", "user_created"]);
    assert_eq!(seen["next"], whole["next"], "positions go on past what is left out");
    // A page is filled with what may be seen.
    let one = reader.get("/events?limit=1").await.expect(200);
    assert_eq!(kinds(&one), ["user_created"]);
    let two = reader.get(&format!("/events?limit=1&after={}", one["next"])).await.expect(200);
    assert_eq!(kinds(&two), ["user_created"]);
    assert_ne!(one["items"], two["items"]);
    let latest = reader.get("/events/latest").await.expect(200);
    assert_eq!((kinds(&latest).len(), &latest["next"]), (2, &Value::Null));
    let one = reader.get("/events/latest?limit=1").await.expect(200);
    let two = reader.get(&format!("/events/latest?limit=1&before={}", one["next"])).await;
    let two = two.expect(200);
    assert_eq!((kinds(&one).len(), kinds(&two).len()), (1, 1));
    assert_ne!(one["items"], two["items"]);
    reader.get("/events/latest?target=192.0.2.9").await.refused(403, "forbidden", "target");
    let request = request("GET", "/events").header("x-api-key", &bans);
    let with_bans = api.send(request.body(Body::empty()).unwrap()).await.expect(200);
    let with_bans = kinds(&with_bans);
    for (kind, is_seen) in [
        ("ip_banned", true),
        ("ip_unbanned", true),
        ("network_allowed", true),
        ("api_key_created", false),
        ("sign_in_link_created", false),
    ] {
        assert_eq!(with_bans.contains(&kind.to_owned()), is_seen, "{kind}: {with_bans:?}");
    }
}

#[tokio::test]
async fn a_stream_leaves_the_same_events_out() {
    let api = Api::new().await;
    let reader = api.with_scope(ApiScope::Read).await;
    let mut live = stream(&reader, "?after=0", None).await;
    make_events(&api).await;
    for _ in 0..2 {
        assert_eq!(next(&mut live).await.unwrap().1, "user_created");
    }
}

/// Everything that a stream tells until its end.
async fn rest(stream: &mut StreamLines) -> String {
    let mut text = String::new();
    let end = async {
        while let Some(line) = stream.next().await {
            text.push_str(&line);
            text.push('\n');
        }
    };
    tokio::time::timeout(Duration::from_secs(60), end).await.unwrap();
    text
}

#[tokio::test]
async fn a_stream_tells_nothing_that_came_after_the_end_of_its_credentials() {
    let api = Api::new().await;
    let root = api.admin("root").await;
    api.admin("other").await;
    let users = api.web.users(Actor::System);
    for end in ["revoked", "ended", "demoted", "suspended"] {
        let key = api.web.api_keys(Actor::System);
        let params = systemprompt_users_domain::NewApiKey {
            name: "reader".into(),
            scopes: systemprompt_users_domain::ApiScopes::new([ApiScope::Read]).unwrap(),
            expires_in: None,
        };
        let issued = key.create(&params).await.unwrap();
        let session = api.session(&root).await;
        let secret = if end == "revoked" { issued.secret.reveal() } else { session.token.reveal() };
        let open = request("GET", "/events/stream");
        let open = open.header("authorization", format!("Bearer {secret}"));
        let mut live = api.lines(open.body(Body::empty()).unwrap()).await;
        while live.next().await.is_some_and(|line| !line.is_empty()) {}
        match end {
            "revoked" => drop(key.revoke(issued.key.id).await.unwrap()),
            "ended" => {
                let sessions = api.web.sessions(Actor::System);
                let reason = systemprompt_users_domain::EndReason::Revoked;
                sessions.end(session.session.id, reason).await.unwrap();
            }
            "demoted" => {
                users.revoke_role(root.id, systemprompt_users_domain::UserRole::Admin).await.ok();
                let user = [systemprompt_users_domain::UserRole::User];
                users.assign_roles(root.id, &user).await.unwrap();
            }
            _ => drop(users.update_status(root.id, UserStatus::Suspended).await.unwrap()),
        }
        // This comes after the end, at once.
        let later = api.user(&format!("later-{end}")).await;
        let told = rest(&mut live).await;
        assert!(!told.contains(&later.id.to_string()), "{end}: {told}");
        if end == "demoted" {
            let role = systemprompt_users_domain::UserRole::Admin;
            users.assign_role(root.id, role).await.unwrap();
        }
    }
}
