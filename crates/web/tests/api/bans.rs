//! Bans and the allow-list: spellings, ledgers, checks.

use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::ConnectInfo;
use serde_json::{Value, json};
use systemprompt_users_domain::{Actor, ApiScope, NewSession};
use uuid::Uuid;

use crate::harness::{Answer, Api, request};

async fn ban(api: &Api, target: &str, duration: Value) -> Value {
    api.post("/bans", json!({"target": target, "duration": duration})).await.expect(201)
}

#[tokio::test]
async fn a_ban_is_found_by_any_spelling() {
    let api = Api::new().await;
    let made = api
        .post(
            "/bans",
            json!({"target": "2001:DB8:0::1/32", "duration": {"days": 7}, "reason": "scraping"}),
        )
        .await;
    assert_eq!(made.header("location"), "/api/v1/bans/2001:db8::%2F32");
    let mut made = made.expect(201);
    assert_eq!(made["target"], "2001:db8::/32");
    let note = made.as_object_mut().unwrap().remove("note").unwrap();
    assert!(note.as_str().unwrap().contains("taken as the network 2001:db8::/32"), "{note}");
    assert_eq!(made["in_force"], true);
    for spelling in
        ["2001:db8::%2F32", "2001%3ADB8%3A%3A%2f32", "2001:0db8:0:0::5%2F32", "%202001:db8::/32"]
    {
        let path = format!("/bans/{spelling}");
        if spelling.contains('/') {
            // A bare slash begins another segment.
            api.get(&path).await.refused(404, "not_found", "-");
        } else {
            assert_eq!(api.get(&path).await.expect(200), made, "{spelling}");
        }
    }
    ban(&api, "::ffff:192.0.2.1", json!("permanent")).await;
    for spelling in ["192.0.2.1", "192.0.2.1%2F32", "::ffff:192.0.2.1", "::ffff:c000:201%2F128"] {
        let found = api.get(&format!("/bans/{spelling}")).await.expect(200);
        assert_eq!(found["target"], "192.0.2.1", "{spelling}");
        assert!(found["until"].is_null());
    }
}

#[tokio::test]
async fn a_network_keeps_its_addresses_out_until_it_is_lifted() {
    let api = Api::new().await;
    ban(&api, "203.0.113.0/24", json!({"hours": 1})).await;
    ban(&api, "203.0.113.7", json!({"seconds": 90})).await;
    let check =
        async |target: &str| api.get(&format!("/bans/check?target={target}")).await.expect(200);
    let answer = check("203.0.113.9").await;
    assert_eq!(answer["banned"], true);
    assert_eq!(answer["ban"]["target"], "203.0.113.0/24");
    assert_eq!(check("::ffff:203.0.113.9").await["target"], "203.0.113.9");
    assert_eq!(check("203.0.113.128%2F25").await["banned"], true);
    let free = json!({"target": "203.0.114.1", "banned": false, "ban": null});
    assert_eq!(check("203.0.114.1").await, free);

    let lifted = api.delete("/bans/203.0.113.7?reason=sorry").await.expect(200);
    assert_eq!(lifted["still_covered_by"], json!(["203.0.113.0/24"]));
    assert_eq!(lifted["ban"]["in_force"], false);
    api.delete("/bans/203.0.113.7").await.refused(404, "not_found", "-");
    api.delete("/bans/203.0.113.99%2F24").await.expect(200);
    assert_eq!(check("203.0.113.9").await["banned"], false);

    let history = api.get("/bans/203.0.113.7/history").await.expect(200);
    let kinds: Vec<&Value> =
        history["items"].as_array().unwrap().iter().map(|fact| &fact["kind"]).collect();
    assert_eq!(kinds, ["lifted", "banned"]);
    assert_eq!(history["items"][0]["reason"], "sorry");
    assert_eq!(history["items"][0]["actor"]["type"], "api_key");
    let nothing = api.get("/bans/192.0.2.9/history").await.expect(200);
    assert_eq!(nothing, json!({"items": [], "next": null}));
}

#[tokio::test]
async fn lists_and_counts_are_of_bans_in_force() {
    let api = Api::new().await;
    let user = api.user("eve").await;
    for (target, source, fingerprint) in
        [("192.0.2.1", "waf", "f1"), ("192.0.2.2", "waf", "f2"), ("192.0.2.3", "list", "f1")]
    {
        let body = json!({
            "target": target, "duration": {"days": 1}, "source": source, "fingerprint": fingerprint,
            "offence_path": "/wp-login.php", "user_agent": "curl", "session_ids": [Uuid::nil()],
            "user_id": user.id,
        });
        let made = api.post("/bans", body).await.expect(201);
        assert_eq!(made["offence_path"], "/wp-login.php");
        assert_eq!(made["user_id"], json!(user.id));
        assert_eq!(made["session_ids"], json!([Uuid::nil()]));
    }
    assert_eq!(api.get("/bans/count").await.expect(200), json!({"active": 3}));
    let targets = async |query: &str| {
        let page = api.get(&format!("/bans{query}")).await.expect(200);
        let targets = page["items"].as_array().unwrap().iter();
        targets.map(|ban| ban["target"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(targets("").await, ["192.0.2.3", "192.0.2.2", "192.0.2.1"]);
    assert_eq!(targets("?source=waf").await, ["192.0.2.1", "192.0.2.2"]);
    assert_eq!(targets("?fingerprint=f1").await, ["192.0.2.1", "192.0.2.3"]);
    let page = api.get("/bans?limit=2").await.expect(200);
    let after = page["next"].as_str().unwrap();
    assert_eq!(targets(&format!("?after={after}")).await, ["192.0.2.1"]);
    assert_eq!(api.post("/bans/cleanup", Value::Null).await.expect(200), json!({"deleted": 0}));
}

#[tokio::test]
async fn refusals_name_the_field() {
    let api = Api::new().await;
    let day = json!({"days": 1});
    let nowhere = json!({"target": "nowhere", "duration": day});
    api.post("/bans", nowhere).await.refused(422, "invalid_ip", "target");
    for duration in [json!({"days": 0}), json!({"hours": -1}), json!({"days": 365_001})] {
        let body = json!({"target": "192.0.2.1", "duration": duration});
        api.post("/bans", body).await.refused(422, "validation", "duration");
    }
    let long = json!({"target": "192.0.2.1", "duration": day, "reason": "x".repeat(256)});
    api.post("/bans", long).await.refused(422, "validation", "reason");
    let many =
        json!({"target": "192.0.2.1", "duration": day, "session_ids": vec![Uuid::nil(); 101]});
    api.post("/bans", many).await.refused(422, "validation", "session_ids");
    for (body, field) in [
        (json!({"target": "192.0.2.1"}), "duration"),
        (json!({"target": "192.0.2.1", "duration": "a while"}), "duration"),
        (json!({"target": "192.0.2.1", "duration": {"days": "7"}}), "duration.days"),
        (json!({"target": 7, "duration": day}), "target"),
        (json!({"target": "192.0.2.1", "duration": day, "until": null}), "until"),
    ] {
        api.post("/bans", body).await.refused(422, "validation", field);
    }
    api.get("/bans/nowhere").await.refused(422, "invalid_ip", "target");
    api.get("/bans/192.0.2.1").await.refused(404, "not_found", "-");
    api.get("/bans/check?target=1.2.3").await.refused(422, "invalid_ip", "target");
    let slash = api.get("/bans/10.0.0.0/8").await;
    assert!(slash.text.contains("%2F"), "{}", slash.text);
    slash.refused(404, "not_found", "-");
    api.get("/bans/check").await.refused(400, "bad_request", "target");
    api.get("/bans?source=a&fingerprint=b").await.refused(422, "validation", "fingerprint");
    api.get("/bans?source=%20").await.refused(422, "validation", "source");
    api.get("/bans?after=AAAA").await.refused(422, "validation", "after");
    let bans = api.web.bans(Actor::System);
    assert_eq!(bans.count_active_bans().await.unwrap(), 0, "a refused ban leaves nothing");
}

#[tokio::test]
async fn the_allow_list_wins() {
    let api = Api::new().await;
    let all = json!({"target": "0.0.0.0/0", "duration": "permanent", "confirm": true});
    api.post("/bans", all).await.expect(201);
    let allow = json!({"target": "198.51.100.77/24", "note": "office"});
    let added = api.post("/allow-list", allow.clone()).await;
    assert_eq!(added.header("location"), "/api/v1/allow-list/198.51.100.0%2F24");
    let added = added.expect(201);
    assert_eq!((&added["target"], &added["added"]), (&json!("198.51.100.0/24"), &json!(true)));
    assert!(added["note"].as_str().unwrap().contains("198.51.100.77/24"), "{added}");
    assert_eq!(api.post("/allow-list", allow).await.expect(200)["added"], false);
    let list = api.get("/allow-list").await.expect(200);
    assert_eq!(list["items"][0]["note"], "office");
    let check = async || api.get("/bans/check?target=198.51.100.1").await.expect(200);
    assert_eq!(check().await["banned"], false);

    api.delete("/allow-list/198.51.100.0%2F24").await.expect(204);
    api.delete("/allow-list/198.51.100.0%2F24").await.refused(404, "not_found", "-");
    assert_eq!(check().await["banned"], true);
    api.post("/allow-list", json!({"target": "x"})).await.refused(422, "invalid_ip", "target");
    let long = json!({"target": "192.0.2.1", "note": "x".repeat(256)});
    api.post("/allow-list", long).await.refused(422, "validation", "note");
    api.delete("/allow-list/x").await.refused(422, "invalid_ip", "target");
}

#[tokio::test]
async fn bans_have_a_scope_of_their_own() {
    let api = Api::new().await;
    let guard = api.with_scope(ApiScope::Bans).await;
    ban(&guard, "192.0.2.1", json!({"days": 1})).await;
    guard.get("/sessions").await.refused(403, "forbidden", "-");
    for scope in [ApiScope::Read, ApiScope::Write] {
        let other = api.with_scope(scope).await;
        other.get("/bans").await.refused(403, "forbidden", "-");
        other.delete("/bans/192.0.2.1").await.refused(403, "forbidden", "-");
    }
}

/// Asks from that address.
async fn post_from(api: &Api, peer: &str, path: &str, media_type: &str, body: &str) -> Answer {
    let request = request("POST", path).header("content-type", media_type);
    let mut request = request.body(Body::from(body.to_owned())).unwrap();
    request.extensions_mut().insert(ConnectInfo(SocketAddr::new(peer.parse().unwrap(), 7)));
    api.send(request).await
}

#[tokio::test]
async fn what_hits_the_caller_admins_or_very_many_has_to_be_confirmed() {
    let api = Api::new().await;
    let root = api.admin("root").await;
    let client = NewSession { ip: "203.0.113.9".parse().ok(), ..NewSession::default() };
    api.web.sessions(Actor::System).create(root.id, &client).await.unwrap();
    let post = async |target: &str, confirm: Option<bool>| {
        let mut body = json!({"target": target, "duration": {"days": 1}});
        if let Some(confirm) = confirm {
            body["confirm"] = confirm.into();
        }
        post_from(&api, "198.51.100.7", "/bans", "application/json", &body.to_string()).await
    };
    let impact = |own: Value, sessions: u32, wide: bool| json!({"own_address": own, "admin_sessions": sessions, "wide_network": wide});
    let own = || json!("198.51.100.7");
    for (target, expected) in [
        ("198.51.100.7", impact(own(), 0, false)),
        ("::ffff:198.51.100.7", impact(own(), 0, false)),
        ("198.51.100.0/24", impact(own(), 0, false)),
        ("203.0.113.9/32", impact(Value::Null, 1, false)),
        ("203.0.113.0/28", impact(Value::Null, 1, false)),
        ("0.0.0.0/0", impact(own(), 1, true)),
        ("::ffff:0:0/96", impact(own(), 1, true)),
        ("::/0", impact(Value::Null, 0, true)),
        ("2000::/15", impact(Value::Null, 0, true)),
        ("8.0.0.0/7", impact(Value::Null, 0, true)),
    ] {
        for confirm in [None, Some(false)] {
            let answer = post(target, confirm).await;
            assert_eq!(answer.json()["impact"], expected, "{target}");
            answer.refused(409, "unconfirmed", "confirm");
        }
    }
    assert_eq!(api.get("/bans/count").await.expect(200), json!({"active": 0}));
    // What is wrong is said before that.
    let body = json!({"target": "::/0", "duration": "permanent", "reason": "x".repeat(256)});
    api.post("/bans", body).await.refused(422, "validation", "reason");
    for harmless in ["198.51.100.8", "203.0.113.10", "10.0.0.0/8", "2001::/16", "127.0.0.1"] {
        post(harmless, None).await.expect(201);
    }
    post("203.0.113.0/28", Some(true)).await.expect(201);
}

#[tokio::test]
async fn rows_of_a_list_that_were_not_confirmed_are_refused() {
    let api = Api::new().await;
    let list = "192.0.2.1\n198.51.100.0/24\n0.0.0.0/0\n";
    let import = async |query: &str| {
        let path = format!("/bans/import{query}");
        let answer = post_from(&api, "198.51.100.7", &path, "text/plain", list).await;
        let lines = answer.text.lines().map(|line| serde_json::from_str(line).unwrap());
        lines.collect::<Vec<Value>>()
    };
    let lines = import("").await;
    let outcomes: Vec<&Value> = lines.iter().map(|line| &line["outcome"]).collect();
    assert_eq!(outcomes[..3], ["banned", "refused", "refused"]);
    assert_eq!(lines[1]["field"], "confirm");
    let reason = lines[1]["reason"].as_str().unwrap();
    assert!(reason.contains("hits your own address 198.51.100.7"), "{reason}");
    assert_eq!(lines[3]["refused"], 2);
    assert_eq!(import("?confirm=true").await[3]["banned"], 2);
}
