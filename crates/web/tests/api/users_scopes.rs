//! Who may do what to users: above all, nobody becomes an admin by a key that may only write.

use axum::body::Body;
use axum::http::header;
use serde_json::{Value, json};
use systemprompt_users_domain::{Actor, ApiScope};

use crate::harness::{Api, request};
use crate::users::change;

#[tokio::test]
async fn to_read_is_not_to_write_and_to_write_is_not_to_administer() {
    let api = Api::new().await;
    let path = format!("/users/{}", api.user("ada").await.id);
    let new = json!({"name": "x", "email": "x@example.com"});
    let reader = api.with_scope(ApiScope::Read).await;
    reader.get(&path).await.expect(200);
    reader.post("/users", new.clone()).await.refused(403, "forbidden", "-");
    reader.delete(&path).await.refused(403, "forbidden", "-");
    let writer = api.with_scope(ApiScope::Write).await;
    writer.post("/users", new).await.expect(201);
    for (method, path, body) in [
        ("PUT", format!("{path}/hold"), Value::Null),
        ("DELETE", format!("{path}/hold"), Value::Null),
        ("POST", format!("{path}/purge"), Value::Null),
        ("POST", format!("{path}/promote"), Value::Null),
        ("POST", format!("{path}/demote"), Value::Null),
        ("POST", format!("{path}/merge"), json!({"into": uuid::Uuid::nil()})),
        ("POST", "/users/anonymous/cleanup".into(), json!({"days": 1})),
        ("POST", "/users/purgeable/purge".into(), json!({"days": 1})),
    ] {
        change(&writer, method, &path, "", &body).await.refused(403, "forbidden", "-");
    }
    let bans = api.with_scope(ApiScope::Bans).await;
    bans.post("/users", json!({"name": "y", "email": "y@example.com"})).await.refused(
        403,
        "forbidden",
        "-",
    );
}

#[tokio::test]
async fn a_key_that_may_write_makes_no_admin() {
    let api = Api::new().await;
    let user = api.user("ada").await;
    let deleted = api.admin("old").await;
    api.admin("root").await;
    api.web.users(Actor::System).delete(deleted.id).await.unwrap();
    let writer = api.with_scope(ApiScope::Write).await;
    let admin = json!({"name": "x", "email": "x@example.com", "roles": ["admin"]});
    let path = format!("/users/{}", user.id);
    for (method, path, body) in [
        ("POST", "/users".into(), admin.clone()),
        ("PUT", "/users/ensure".into(), admin),
        ("PUT", format!("{path}/roles"), json!({"roles": ["user", "admin"]})),
        ("PUT", format!("{path}/roles/admin"), Value::Null),
        ("POST", format!("/users/{}/restore", deleted.id), Value::Null),
    ] {
        change(&writer, method, &path, "", &body).await.refused(403, "admins_only", "-");
    }
    let bulk = writer
        .post("/users/bulk/role", json!({"ids": [user.id.to_string()], "role": "admin"}))
        .await;
    assert_eq!(bulk.expect(200)["items"][0]["code"], "admins_only");
    let rows = "name,email,roles,legal_hold\nx,x@example.com,admin,\ny,y@example.com,,true\nz,z@example.com,user,\n";
    let import = request("POST", "/users/import").header(header::CONTENT_TYPE, "text/csv");
    let report = writer.send(import.body(Body::from(rows)).unwrap()).await;
    let outcomes: Vec<Value> = report
        .text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["outcome"].clone())
        .collect();
    assert_eq!(outcomes, [json!("refused"), json!("refused"), json!("created"), Value::Null]);
    assert_eq!(api.get("/users/count?role=admin").await.expect(200)["count"], 1, "root alone");
}

#[tokio::test]
async fn a_key_that_may_write_touches_no_admin() {
    let api = Api::new().await;
    let (root, user) = (api.admin("root").await, api.user("ada").await);
    api.admin("second").await;
    let writer = api.with_scope(ApiScope::Write).await;
    let path = format!("/users/{}", root.id);
    for (method, path, body) in [
        ("PATCH", path.clone(), json!({"email": "mine@example.com"})),
        ("DELETE", path.clone(), Value::Null),
        ("PUT", format!("{path}/status"), json!({"status": "suspended"})),
        ("PUT", format!("{path}/roles"), json!({"roles": ["user"]})),
        ("DELETE", format!("{path}/roles/admin"), Value::Null),
    ] {
        change(&writer, method, &path, "", &body).await.refused(403, "admins_only", "-");
    }
    let both = json!({"ids": [root.id.to_string(), user.id.to_string()]});
    let bulk = writer.post("/users/bulk/delete", both).await.expect(200);
    assert_eq!((&bulk["done"], &bulk["refused"]), (&json!(1), &json!(1)));
    assert_eq!(bulk["items"][0]["code"], "admins_only");
    let ensure = json!({"name": "root", "email": "root@example.com", "full_name": "Mallory"});
    // What is withheld is told, and nothing is changed.
    change(&writer, "PUT", "/users/ensure", "", &ensure).await.refused(403, "admins_only", "-");
    assert_eq!(api.get(&path).await.expect(200)["full_name"], Value::Null);
    change(&api, "DELETE", &format!("{path}/roles/admin"), "", &Value::Null).await.expect(200);
}

#[tokio::test]
async fn roles_change_and_the_last_admin_stays() {
    let api = Api::new().await;
    let (root, user) = (api.admin("root").await, api.user("ada").await);
    let path = format!("/users/{}", root.id);
    let none = Value::Null;
    assert_eq!(
        api.get(&format!("{path}/roles")).await.expect(200),
        json!({"roles": ["admin", "user"]})
    );
    change(&api, "POST", &format!("{path}/demote"), "", &none).await.refused(
        409,
        "last_admin",
        "-",
    );
    api.delete(&path).await.refused(409, "last_admin", "-");
    let promote = format!("/users/{}/promote", user.id);
    assert_eq!(change(&api, "POST", &promote, "", &none).await.expect(200)["changed"], true);
    assert_eq!(change(&api, "POST", &promote, "", &none).await.expect(200)["changed"], false);
    let demoted = change(&api, "POST", &format!("{path}/demote"), "", &none).await.expect(200);
    assert_eq!((&demoted["changed"], &demoted["user"]["roles"]), (&json!(true), &json!(["user"])));
    let roles = |roles: Value| json!({"roles": roles});
    let put = format!("{path}/roles");
    change(&api, "PUT", &put, "", &roles(json!([]))).await.refused(422, "invalid_roles", "roles");
    change(&api, "PUT", &put, "", &roles(json!(["anonymous"]))).await.refused(
        422,
        "validation",
        "roles[0]",
    );
    change(&api, "DELETE", &format!("{put}/user"), "", &none).await.refused(
        409,
        "invalid_roles",
        "roles",
    );
    change(&api, "PUT", &format!("{put}/root"), "", &none).await.refused(404, "not_found", "-");
    let visitor = api.post("/users/anonymous", json!({})).await.expect(201);
    let visitor = format!("/users/{}/roles/admin", visitor["user"]["id"].as_str().unwrap());
    change(&api, "PUT", &visitor, "", &none).await.refused(409, "invalid_roles", "roles");
}
