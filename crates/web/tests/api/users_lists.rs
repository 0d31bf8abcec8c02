//! Many users over HTTP: pages, filters, search, bulk, figures, export.

use std::collections::HashSet;

use axum::body::Body;
use axum::http::header;
use serde_json::{Value, json};
use systemprompt_users_domain::Actor;

use crate::harness::{Api, request};

/// Follows `Link` from page to page, and answers the names.
async fn names_of_all(api: &Api, path: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut next = path.to_owned();
    loop {
        let page = api.get(&next).await;
        let link = page.header("link");
        let page = page.expect(200);
        let items = page["items"].as_array().unwrap();
        names.extend(items.iter().map(|user| user["name"].as_str().unwrap().to_owned()));
        let Some(after) = page["next"].as_str() else {
            assert_eq!(link, "");
            return names;
        };
        let target =
            link.strip_prefix("</api/v1").and_then(|link| link.strip_suffix(">; rel=\"next\""));
        next = target.unwrap().to_owned();
        assert!(next.contains(&format!("after={after}")));
        assert!(names.len() < 1000, "the pages have no end");
    }
}

#[tokio::test]
async fn pages_hold_everybody_once_in_every_order() {
    let api = Api::new().await;
    for number in 0..23 {
        api.user(&format!("user{number:02}")).await;
    }
    for order in ["newest", "oldest", "recently_active", "name"] {
        let names = names_of_all(&api, &format!("/users?order={order}&limit=5")).await;
        let different: HashSet<&String> = names.iter().collect();
        assert_eq!((names.len(), different.len()), (23, 23), "{order}");
    }
    let by_name = names_of_all(&api, "/users?limit=7&order=name").await;
    assert!(by_name.is_sorted());
    assert_eq!(names_of_all(&api, "/users/search?q=USER1&limit=3").await.len(), 10);
}

#[tokio::test]
async fn filters_combine_and_wrong_ones_are_refused() {
    let api = Api::new().await;
    let (ada, _) = (api.user("ada").await, api.admin("root").await);
    let old = api.user("old").await;
    let users = api.web.users(Actor::System);
    users.update_email_verified(ada.id, "ada@example.com", true).await.unwrap();
    users.delete(old.id).await.unwrap();
    users.create_anonymous(None).await.unwrap();
    let count = async |query: &str| {
        let counted = api.get(&format!("/users/count?{query}")).await.expect(200);
        let listed = api.get(&format!("/users?{query}")).await.expect(200);
        let listed = listed["items"].as_array().unwrap().len();
        assert_eq!(counted["count"], json!(listed), "{query}");
        listed
    };
    assert_eq!(count("").await, 2);
    assert_eq!(count("role=admin").await, 1);
    assert_eq!(count("role=admin,user&email_verified=true").await, 1);
    assert_eq!(count("deleted=include").await, 3);
    assert_eq!(count("deleted=only").await, 1);
    assert_eq!(count("status=deleted").await, 1);
    assert_eq!(count("anonymous=include").await, 3);
    assert_eq!(count("role=anonymous").await, 1);
    assert_eq!(count("created_from=2100-01-01T00:00:00Z").await, 0);
    assert_eq!(count("is_bot=true").await, 0);

    for (query, status, field) in
        [("limit=0", 422, "limit"), ("limit=1001", 422, "limit"), ("after=nonsense", 422, "after")]
    {
        api.get(&format!("/users?{query}")).await.refused(status, "validation", field);
    }
    for query in ["limit=x", "status=gone", "colour=red", "created_from=yesterday", "is_bot=2"] {
        let name = query.split('=').next().unwrap();
        api.get(&format!("/users?{query}")).await.refused(400, "bad_request", name);
    }
    let after = api.get("/users?limit=1").await.expect(200)["next"].as_str().unwrap().to_owned();
    api.get(&format!("/users?order=name&after={after}")).await.refused(422, "validation", "after");
    api.get("/users?limit=1&limit=2").await.refused(400, "bad_request", "limit");
    api.get("/users/search?q=%20").await.refused(422, "validation", "q");
    api.get("/users/search").await.refused(400, "bad_request", "q");
}

#[tokio::test]
async fn bulk_says_of_each_what_happened() {
    let api = Api::new().await;
    let (root, ada) = (api.admin("root").await, api.user("ada").await);
    let nobody = uuid::Uuid::from_u128(7);
    let ids = json!([root.id.to_string(), ada.id.to_string(), nobody]);
    let body = json!({"ids": ids, "status": "suspended"});
    let report = api.post("/users/bulk/status", body).await.expect(200);
    let codes: Vec<&Value> =
        report["items"].as_array().unwrap().iter().map(|item| &item["code"]).collect();
    assert_eq!(codes, [&json!("last_admin"), &Value::Null, &json!("not_found")]);
    assert_eq!((&report["done"], &report["refused"]), (&json!(1), &json!(2)));
    let again = json!({"ids": [ada.id.to_string()], "status": "suspended"});
    assert_eq!(
        api.post("/users/bulk/status", again).await.expect(200)["items"][0]["outcome"],
        "unchanged"
    );
    let role = json!({"ids": [ada.id.to_string()], "role": "admin"});
    assert_eq!(api.post("/users/bulk/role", role).await.expect(200)["done"], 1);
    let delete = json!({"ids": [ada.id.to_string()]});
    assert_eq!(api.post("/users/bulk/delete", delete).await.expect(200)["done"], 1);
    let many: Vec<String> = (0..10_001).map(|id| uuid::Uuid::from_u128(id).to_string()).collect();
    api.post("/users/bulk/delete", json!({"ids": many})).await.refused(422, "validation", "ids");
}

#[tokio::test]
async fn figures_are_those_of_the_users() {
    let api = Api::new().await;
    api.admin("root").await;
    api.user("ada").await;
    let figures = api.get("/statistics").await.expect(200);
    assert_eq!((&figures["total"], &figures["admins"]), (&json!(2), &json!(1)));
    let counts = api.get("/statistics/breakdown").await.expect(200);
    assert_eq!(counts["by_status"], json!({"active": 2, "deleted": 0, "suspended": 0}));
    assert_eq!(counts["by_role"], json!({"admin": 1, "anonymous": 0, "user": 2}));
    let days = api.get("/statistics/signups?first=2026-01-01&last=2026-01-03").await.expect(200);
    assert_eq!(days["days"].as_array().unwrap().len(), 3);
    let backwards = "/statistics/signups?first=2026-01-03&last=2026-01-01";
    api.get(backwards).await.refused(422, "validation", "last");
}

#[tokio::test]
async fn an_export_is_a_stream_in_the_format_that_is_asked_for() {
    let api = Api::new().await;
    for number in 0..1203 {
        api.user(&format!("user{number}")).await;
    }
    let export = async |query: &str, accept: &str| {
        let request = request("GET", &format!("/users/export{query}"));
        api.send(request.header(header::ACCEPT, accept).body(Body::empty()).unwrap()).await
    };
    let lines = export("", "*/*").await;
    assert_eq!(lines.header("content-type"), "application/x-ndjson");
    let names: HashSet<String> = lines
        .text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["name"].to_string())
        .collect();
    assert_eq!(names.len(), 1203);
    let csv = export("?order=name", "text/csv").await;
    assert!(csv.header("content-type").starts_with("text/csv"));
    assert!(csv.text.starts_with("id,name,email,"));
    assert_eq!(csv.text.lines().count(), 1204);
    assert_eq!(export("?format=csv&role=admin", "*/*").await.text.lines().count(), 1);
    export("", "image/png").await.refused(406, "not_acceptable", "Accept");
    export("?format=xml", "*/*").await.refused(400, "bad_request", "format");
}
