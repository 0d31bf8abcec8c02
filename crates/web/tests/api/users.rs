//! One user over HTTP: read, changed, deleted and brought back, and what is refused.

use axum::body::Body;
use axum::http::header;
use serde_json::{Value, json};
use systemprompt_users_domain::{Actor, UserId};

use crate::harness::{Answer, Api, request};

/// Sends a body with any method, and `If-Match` unless it is empty.
pub(crate) async fn change(
    api: &Api,
    method: &str,
    path: &str,
    if_match: &str,
    body: &Value,
) -> Answer {
    let mut builder = request(method, path).header(header::CONTENT_TYPE, "application/json");
    if !if_match.is_empty() {
        builder = builder.header(header::IF_MATCH, if_match);
    }
    let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
    api.send(builder.body(body).unwrap()).await
}

#[tokio::test]
async fn a_user_is_created_read_and_not_sent_twice() {
    let api = Api::new().await;
    let new = json!({"name": "Ada", "email": "ADA@example.com", "full_name": "Ada Lovelace"});
    let created = api.post("/users", new).await;
    let (tag, place) = (created.header("etag"), created.header("location"));
    let user = created.expect(201);
    assert_eq!(
        (user["name"].as_str(), user["email"].as_str()),
        (Some("Ada"), Some("ada@example.com"))
    );
    assert_eq!((&user["roles"], &user["version"]), (&json!(["user"]), &json!(1)));
    assert_eq!(
        (tag.as_str(), place),
        ("\"1\"", format!("/api/v1/users/{}", user["id"].as_str().unwrap()))
    );

    let path = format!("/users/{}", user["id"].as_str().unwrap());
    let read = api.get(&path).await;
    assert_eq!(read.header("etag"), tag);
    assert_eq!(read.expect(200), user);
    let known = request("GET", &path).header(header::IF_NONE_MATCH, "\"1\"").body(Body::empty());
    let known = api.send(known.unwrap()).await;
    assert_eq!((known.status.as_u16(), known.text.as_str()), (304, ""));
    assert_eq!(known.header("etag"), tag);
    let head = api.send(request("HEAD", &path).body(Body::empty()).unwrap()).await;
    assert_eq!((head.status.as_u16(), head.text.as_str()), (200, ""));
}

#[tokio::test]
async fn what_is_wrong_with_a_new_user_is_named() {
    let api = Api::new().await;
    api.user("ada").await;
    let new = |name: &str, email: &str| json!({"name": name, "email": email});
    for (body, status, code, field) in [
        (new("ada", "other@example.com"), 409, "name_already_exists", "name"),
        (new("other", "ADA@example.com"), 409, "email_already_exists", "email"),
        (new("", "a@example.com"), 422, "validation", "name"),
        (new("a", "nowhere"), 422, "validation", "email"),
        (json!({"name": "a"}), 422, "validation", "email"),
        (json!({"name": "a", "email": "a@b.example", "phone": 1}), 422, "validation", "phone"),
        (
            json!({"name": "a", "email": "a@b.example", "roles": ["root"]}),
            422,
            "validation",
            "roles[0]",
        ),
        (json!(["a", "a@b.example", null, null, null, [], false, false]), 422, "validation", "-"),
    ] {
        api.post("/users", body).await.refused(status, code, field);
    }
    let send = async |media_type: &str, body: Vec<u8>| {
        let request = request("POST", "/users").header(header::CONTENT_TYPE, media_type);
        api.send(request.body(Body::from(body)).unwrap()).await
    };
    send("text/plain", b"{}".to_vec()).await.refused(415, "unsupported_media_type", "-");
    send("application/json", b"{\"name\": ".to_vec()).await.refused(400, "bad_request", "-");
    for no_object in ["null", "3", "\"x\"", "[]", "[[1]]"] {
        let answer = send("application/json", no_object.into()).await;
        assert!(answer.text.contains("the body must be an object"), "{no_object}: {}", answer.text);
        answer.refused(422, "validation", "-");
    }
    let twice = br#"{"name": "x", "name": "y", "email": "x@example.com"}"#;
    send("application/json", twice.to_vec()).await.refused(422, "validation", "name");
    let large = vec![b' '; 10 * 1024 * 1024];
    send("application/json", large).await.refused(413, "body_too_large", "-");
}

#[tokio::test]
async fn a_patch_touches_only_what_it_names() {
    let api = Api::new().await;
    let new = json!({"name": "ada", "email": "ada@example.com", "full_name": "Ada", "email_verified": true});
    let user = api.post("/users", new).await.expect(201);
    let path = format!("/users/{}", user["id"].as_str().unwrap());
    let patch = json!({"full_name": null, "display_name": "The Countess"});
    let changed = change(&api, "PATCH", &path, "", &patch).await;
    assert_eq!(changed.header("etag"), "\"2\"");
    let changed = changed.expect(200);
    assert_eq!(
        (&changed["full_name"], &changed["display_name"]),
        (&Value::Null, &json!("The Countess"))
    );
    assert_eq!(changed["email_verified"], true);
    let changed = change(&api, "PATCH", &path, "", &json!({"email": "x@example.com"})).await;
    assert_eq!(changed.expect(200)["email_verified"], false);
    let old = json!({"email_verified": true, "verified_email": "ada@example.com"});
    change(&api, "PATCH", &path, "", &old).await.refused(409, "stale", "email");
    let new = json!({"email_verified": true, "verified_email": "X@example.com"});
    assert_eq!(change(&api, "PATCH", &path, "", &new).await.expect(200)["email_verified"], true);
    for (patch, field) in [
        (json!({"email_verified": true}), "email_verified"),
        (json!({"verified_email": "x@example.com"}), "verified_email"),
        (json!({"name": null}), "name"),
        (json!({"nmae": "x"}), "nmae"),
        (json!({"expected_version": 1}), "expected_version"),
        (json!({"avatar_url": "javascript:alert(1)"}), "avatar_url"),
    ] {
        change(&api, "PATCH", &path, "", &patch).await.refused(422, "validation", field);
    }
}

#[tokio::test]
async fn of_two_changes_from_one_version_one_wins() {
    let api = Api::new().await;
    let user = api.user("ada").await;
    let path = format!("/users/{}", user.id);
    let (first, second) = (json!({"full_name": "first"}), json!({"full_name": "second"}));
    let (first, second) = tokio::join!(
        change(&api, "PATCH", &path, "\"1\"", &first),
        change(&api, "PATCH", &path, "\"1\"", &second),
    );
    let mut statuses = [first.status.as_u16(), second.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412]);
    change(&api, "PATCH", &path, "\"1\"", &json!({"full_name": "x"}))
        .await
        .refused(412, "stale", "-");
    change(&api, "PATCH", &path, "W/\"2\"", &json!({"full_name": "x"}))
        .await
        .refused(412, "stale", "-");
    change(&api, "PATCH", &path, "2", &json!({"full_name": "x"})).await.refused(
        400,
        "bad_request",
        "If-Match",
    );
    change(&api, "PATCH", &path, "*", &json!({"full_name": "x"})).await.expect(200);
    change(&api, "PATCH", &path, "\"1\", \"3\"", &json!({"full_name": "y"})).await.expect(200);
}

#[tokio::test]
async fn a_user_goes_and_comes_back_and_goes_for_good() {
    let api = Api::new().await;
    let user = api.user("ada").await;
    let session = api.session(&user).await;
    let path = format!("/users/{}", user.id);
    let buried = format!("/users/lookup?reference={}&include_deleted=true", user.id);
    let none = Value::Null;
    change(&api, "PUT", &format!("{path}/status"), "", &json!({"status": "suspended"}))
        .await
        .expect(200);
    let sessions = api.web.sessions(Actor::System);
    assert!(sessions.validate(&session.token.reveal()).await.unwrap().is_none());
    change(&api, "PUT", &format!("{path}/status"), "", &json!({"status": "deleted"}))
        .await
        .refused(422, "validation", "status");
    let gone = api.delete(&path).await.expect(200);
    assert_eq!(gone["status"], "deleted");
    api.get(&path).await.refused(404, "not_found", "-");
    assert_eq!(api.get(&buried).await.expect(200), gone);
    let back = change(&api, "POST", &format!("{path}/restore"), "", &none).await.expect(200);
    assert_eq!(back["status"], "suspended", "as it was before");
    change(&api, "POST", &format!("{path}/restore"), "", &none).await.refused(
        409,
        "not_allowed",
        "-",
    );

    change(&api, "POST", &format!("{path}/purge"), "", &none).await.refused(
        409,
        "not_allowed",
        "-",
    );
    change(&api, "PUT", &format!("{path}/hold"), "", &none).await.expect(200);
    api.delete(&path).await.expect(200);
    change(&api, "POST", &format!("{path}/purge"), "", &none).await.refused(409, "legal_hold", "-");
    change(&api, "DELETE", &format!("{path}/hold"), "", &none).await.expect(200);
    let preview = api.get(&format!("{path}/purge")).await.expect(200);
    assert_eq!((&preview["users"], &preview["sessions"]), (&json!(1), &json!(1)));
    assert_eq!(
        change(&api, "POST", &format!("{path}/purge"), "", &none).await.expect(200),
        preview
    );
    api.get(&buried).await.refused(404, "not_found", "-");
}

#[tokio::test]
async fn two_users_become_one() {
    let api = Api::new().await;
    let (source, target) = (api.user("ada").await, api.user("lovelace").await);
    api.session(&source).await;
    let path = format!("/users/{}/merge", source.id);
    let merge = api.post(&path, json!({"into": target.id.to_string()})).await.expect(200);
    assert_eq!(merge["target"]["id"], target.id.to_string());
    assert_eq!((&merge["sessions_moved"], &merge["sessions_ended"]), (&json!(1), &json!(1)));
    let resolved = api.get(&format!("/users/{}/resolve", source.id)).await.expect(200);
    assert_eq!(resolved["id"], target.id.to_string());
    let itself = format!("/users/{}/merge", target.id);
    api.post(&itself, json!({"into": target.id.to_string()})).await.refused(
        409,
        "not_allowed",
        "-",
    );
}

#[tokio::test]
async fn a_user_is_found_by_what_is_at_hand() {
    let api = Api::new().await;
    let user = api.user("ada").await;
    let by = async |reference: &str| api.get(&format!("/users/lookup?reference={reference}")).await;
    for reference in [user.id.to_string().as_str(), "ADA@example.com", "ada"] {
        assert_eq!(by(reference).await.expect(200)["id"], user.id.to_string());
    }
    for reference in ["nobody", "no%20body", ""] {
        by(reference).await.refused(404, "not_found", "-");
    }
    api.delete(&format!("/users/{}", user.id)).await.expect(200);
    by("ada").await.refused(404, "not_found", "-");
    let found = api.get("/users/lookup?reference=ada&include_deleted=true").await;
    assert_eq!(found.expect(200)["status"], "deleted");
    api.get("/users/not-an-id").await.refused(404, "not_found", "-");
}

#[tokio::test]
async fn missing_ids_first_users_and_activity() {
    let api = Api::new().await;
    api.get("/users/first").await.refused(404, "not_found", "-");
    let user = api.user("ada").await;
    let admin = api.admin("root").await;
    api.session(&user).await;
    assert_eq!(api.get("/users/first").await.expect(200)["name"], "ada");
    assert_eq!(api.get("/users/first-admin").await.expect(200)["name"], "root");
    let nobody = UserId::from_uuid(uuid::Uuid::from_u128(7)).to_string();
    let ids = json!({"ids": [user.id.to_string(), nobody, admin.id.to_string(), nobody]});
    let missing = api.post("/users/missing", ids).await.expect(200);
    assert_eq!(missing, json!({"missing": [nobody]}));
    let activity = api.get(&format!("/users/{}/activity", user.id)).await.expect(200);
    assert_eq!((&activity["sessions"], &activity["live_sessions"]), (&json!(1), &json!(1)));
    api.get(&format!("/users/{nobody}/activity")).await.refused(404, "not_found", "-");
}

#[tokio::test]
async fn ensuring_a_user_can_be_repeated() {
    let api = Api::new().await;
    let body = json!({"name": "ada", "email": "ada@example.com"});
    let ensure = async |body: &Value| change(&api, "PUT", "/users/ensure", "", body).await;
    assert_eq!(ensure(&body).await.expect(201)["outcome"], "created");
    assert_eq!(ensure(&body).await.expect(200)["outcome"], "unchanged");
    let more = json!({"name": "ada", "email": "ada@example.com", "full_name": "Ada"});
    let updated = ensure(&more).await.expect(200);
    assert_eq!(
        (&updated["outcome"], &updated["user"]["full_name"]),
        (&json!("updated"), &json!("Ada"))
    );
    let other = json!({"name": "ada", "email": "other@example.com"});
    ensure(&other).await.refused(409, "name_already_exists", "name");
}

#[tokio::test]
async fn a_visitor_is_found_again_and_registers() {
    let api = Api::new().await;
    let created = api.post("/users/anonymous", json!({})).await.expect(201);
    let token = json!({"token": created["token"]});
    let found = api.post("/users/anonymous/find", token).await.expect(200);
    assert_eq!(found["id"], created["user"]["id"]);
    api.post("/users/anonymous/find", json!({"token": "x"})).await.refused(404, "not_found", "-");
    let print = json!({"fingerprint": "abc"});
    let first = change(&api, "PUT", "/users/anonymous", "", &print).await.expect(201);
    let again = change(&api, "PUT", "/users/anonymous", "", &print).await.expect(200);
    assert_eq!((&again["user"]["id"], &again["token"]), (&first["user"]["id"], &Value::Null));

    let path = format!("/users/{}/register", first["user"]["id"].as_str().unwrap());
    let user =
        api.post(&path, json!({"name": "ada", "email": "ada@example.com"})).await.expect(200);
    assert_eq!((&user["id"], &user["roles"]), (&first["user"]["id"], &json!(["user"])));
    api.post(&path, json!({"name": "b", "email": "b@example.com"})).await.refused(
        409,
        "not_allowed",
        "-",
    );
    let idle = api.get("/users/anonymous/idle?days=1").await.expect(200);
    assert_eq!(idle, json!({"items": [], "next": null}));
    assert_eq!(
        api.post("/users/anonymous/cleanup", json!({"days": 30})).await.expect(200)["count"],
        0
    );
    api.post("/users/anonymous/cleanup", json!({"days": 0})).await.refused(
        422,
        "validation",
        "days",
    );
    assert_eq!(api.get("/users/purgeable?days=1").await.expect(200)["items"], json!([]));
    assert_eq!(
        api.post("/users/purgeable/purge", json!({"days": 1})).await.expect(200)["count"],
        0
    );
}

#[tokio::test]
async fn methods_that_are_not_there_are_told_apart_from_paths() {
    let api = Api::new().await;
    let ask = async |method: &str, path: &str| {
        api.send(request(method, path).body(Body::empty()).unwrap()).await
    };
    let refused = ask("POST", "/users/search").await;
    assert_eq!(refused.header("allow"), "GET, HEAD, OPTIONS");
    refused.refused(405, "method_not_allowed", "-");
    let refused = ask("PUT", &format!("/users/{}", uuid::Uuid::nil())).await;
    assert_eq!(refused.header("allow"), "GET, HEAD, PATCH, DELETE, OPTIONS");
    refused.refused(405, "method_not_allowed", "-");
    let options = ask("OPTIONS", "/users").await;
    assert_eq!(
        (options.status.as_u16(), options.header("allow").as_str()),
        (204, "GET, HEAD, POST, OPTIONS")
    );
    ask("GET", "/nothing").await.refused(404, "not_found", "-");
    ask("GET", "/users/").await.refused(404, "not_found", "-");
    let nobody = request("GET", "/users").header(header::AUTHORIZATION, "Bearer x");
    api.send(nobody.body(Body::empty()).unwrap()).await.refused(401, "unauthorized", "-");
}
