//! API keys: make, list, rotate, revoke.

use axum::body::Body;
use axum::http::header;
use serde_json::{Value, json};
use systemprompt_users_domain::ApiScope;
use uuid::Uuid;

use crate::harness::{Api, request};

async fn opens(api: &Api, secret: &Value) -> bool {
    let bearer = format!("Bearer {}", secret.as_str().unwrap());
    let request = request("GET", "/sessions").header(header::AUTHORIZATION, bearer);
    api.send(request.body(Body::empty()).unwrap()).await.status.is_success()
}

#[tokio::test]
async fn a_secret_is_shown_once_and_opens_until_it_is_revoked() {
    let api = Api::new().await;
    let body = json!({"name": "ci", "scopes": ["bans", "read"], "expires_in": 86_400});
    let made = api.post("/api-keys", body).await;
    assert_eq!(made.header("cache-control"), "no-store");
    let path = made.header("location").strip_prefix("/api/v1").unwrap().to_owned();
    let made = made.expect(201);
    let mut scopes: Vec<&Value> = made["key"]["scopes"].as_array().unwrap().iter().collect();
    scopes.sort_by_key(|scope| scope.to_string());
    assert_eq!(scopes, ["bans", "read"]);
    assert!(made["key"]["expires_at"].is_string());
    assert!(opens(&api, &made["secret"]).await);

    let found = api.get(&path).await.expect(200);
    let listed = api.get("/api-keys?limit=1").await.expect(200);
    assert_eq!(found["id"], listed["items"][0]["id"]);
    let secret = made["secret"].as_str().unwrap().rsplit('_').next().unwrap().to_owned();
    assert!(!format!("{found}{listed}").contains(&secret));

    assert_eq!(api.delete(&path).await.expect(200)["usable"], false);
    let revoked = api.delete(&path).await.expect(200);
    assert!(revoked["revoked_at"].is_string(), "revoking again changes nothing: {revoked}");
    assert!(!opens(&api, &made["secret"]).await);
}

#[tokio::test]
async fn a_rotation_leaves_the_old_key_its_grace() {
    let api = Api::new().await;
    let make = json!({"name": "ci", "scopes": ["read"]});
    let old = api.post("/api-keys", make).await.expect(201);
    let path = format!("/api-keys/{}", old["key"]["id"].as_str().unwrap());
    let rotate = format!("{path}/rotate");
    let new = api.post(&rotate, json!({"grace": 3600})).await.expect(201);
    assert_eq!(new["key"]["name"], "ci");
    assert!(opens(&api, &old["secret"]).await && opens(&api, &new["secret"]).await);
    assert_eq!(api.get(&path).await.expect(200)["replaced_by"], new["key"]["id"]);
    api.post(&rotate, json!({"grace": 0})).await.refused(409, "not_allowed", "-");

    let path = format!("/api-keys/{}/rotate", new["key"]["id"].as_str().unwrap());
    let newest = api.post(&path, json!({"grace": 0})).await.expect(201);
    assert!(!opens(&api, &new["secret"]).await && opens(&api, &newest["secret"]).await);
}

#[tokio::test]
async fn refusals_name_the_field() {
    let api = Api::new().await;
    let make = |name: &str, scopes: Value, expires_in: Value| json!({"name": name, "scopes": scopes, "expires_in": expires_in});
    for (body, field) in [
        (make("", json!(["read"]), Value::Null), "name"),
        (make("a\u{0}", json!(["read"]), Value::Null), "name"),
        (make(&"x".repeat(101), json!(["read"]), Value::Null), "name"),
        (make("a", json!([]), Value::Null), "scopes"),
        (make("a", json!(["read"]), json!(0)), "expires_in"),
        (make("a", json!(["read"]), json!(i64::MAX)), "expires_in"),
        (make("a", json!(["all"]), Value::Null), "scopes[0]"),
        (json!({"name": "a"}), "scopes"),
        (json!({"name": "a", "scopes": ["read"], "secret": "mine"}), "secret"),
    ] {
        api.post("/api-keys", body).await.refused(422, "validation", field);
    }
    let nobody = Uuid::nil();
    api.get(&format!("/api-keys/{nobody}")).await.refused(404, "not_found", "-");
    api.delete(&format!("/api-keys/{nobody}")).await.refused(404, "not_found", "-");
    let rotate = format!("/api-keys/{nobody}/rotate");
    api.post(&rotate, json!({"grace": 0})).await.refused(404, "not_found", "-");
    api.post(&rotate, json!({"grace": -1})).await.refused(422, "validation", "grace");
    api.get("/api-keys/x").await.refused(404, "not_found", "-");
    for scope in [ApiScope::Read, ApiScope::Write, ApiScope::Bans] {
        api.with_scope(scope).await.get("/api-keys").await.refused(403, "forbidden", "-");
    }
}
