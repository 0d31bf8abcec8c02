//! Every change of one user can be bound to the version that was read.

use serde_json::{Value, json};
use systemprompt_users_domain::{Actor, ApiScope, User};
use systemprompt_users_web::{OnOutage, WebOptions, api};

use crate::harness::Api;
use crate::users::change;

/// Who is changed.
#[derive(Clone, Copy)]
enum Whom {
    Live,
    Deleted,
    Anonymous,
}

/// Every change of one user: its method, its path behind `/users/{id}`, its body, whom it can be done to.
fn changes(other: &User) -> Vec<(&'static str, &'static str, Value, Whom)> {
    use Whom::{Anonymous, Deleted, Live};
    let registration = json!({"name": "new", "email": "new@example.com"});
    vec![
        ("PATCH", "", json!({"full_name": "x"}), Live),
        ("DELETE", "", Value::Null, Live),
        ("PUT", "/status", json!({"status": "suspended"}), Live),
        ("POST", "/restore", Value::Null, Deleted),
        ("PUT", "/hold", Value::Null, Live),
        ("DELETE", "/hold", Value::Null, Deleted),
        ("POST", "/purge", Value::Null, Deleted),
        ("PUT", "/roles", json!({"roles": ["admin"]}), Live),
        ("PUT", "/roles/admin", Value::Null, Live),
        ("DELETE", "/roles/admin", Value::Null, Live),
        ("POST", "/promote", Value::Null, Live),
        ("POST", "/demote", Value::Null, Live),
        ("POST", "/register", registration, Anonymous),
        ("POST", "/merge", json!({"into": other.id.to_string()}), Live),
    ]
}

/// A user to be changed, and the tag of its version.
async fn somebody(api: &Api, whom: Whom) -> (User, String) {
    let users = api.web.users(Actor::System);
    let user = match whom {
        Whom::Live => api.user("ada").await,
        Whom::Deleted => users.delete(api.user("ada").await.id).await.unwrap(),
        Whom::Anonymous => users.create_anonymous(None).await.unwrap().user,
    };
    let tag = format!("\"{}\"", user.version);
    (user, tag)
}

async fn api_that_demands(demands: bool) -> Api {
    let options = WebOptions::new(OnOutage::Refuse);
    Api::with_options(WebOptions { require_if_match: demands, ..options }).await
}

#[tokio::test]
async fn every_change_is_made_only_from_a_version_that_is_named() {
    let count = changes(&api_that_demands(false).await.user("other").await).len();
    for at in 0..count {
        // Each has a storage of its own, so that none meets what another one left.
        let api = api_that_demands(false).await;
        api.admin("root").await;
        let (method, path, body, whom) = changes(&api.user("other").await).swap_remove(at);
        let (user, tag) = somebody(&api, whom).await;
        let path = format!("/users/{}{path}", user.id);
        for stale in ["\"99\"", "\"98\", \"99\"", &format!("W/{tag}")] {
            let answer = change(&api, method, &path, stale, &body).await;
            assert_eq!(answer.status.as_u16(), 412, "{method} {path} {stale}: {}", answer.text);
            answer.refused(412, "stale", "-");
        }
        change(&api, method, &path, "99", &body).await.refused(400, "bad_request", "If-Match");
        let now = api.web.users(Actor::System).find_by_reference(&user.id.into()).await.unwrap();
        assert_eq!(now.as_ref(), Some(&user), "{method} {path}: it was left as it was");
        let done = change(&api, method, &path, &tag, &body).await;
        assert_eq!(done.status.as_u16(), 200, "{method} {path}: {}", done.text);
    }
}

#[tokio::test]
async fn a_host_may_demand_that_a_version_is_named() {
    let count = changes(&api_that_demands(true).await.user("other").await).len();
    for at in 0..count {
        let api = api_that_demands(true).await;
        api.admin("root").await;
        let (method, path, body, whom) = changes(&api.user("other").await).swap_remove(at);
        let (user, _) = somebody(&api, whom).await;
        let path = format!("/users/{}{path}", user.id);
        let refused = change(&api, method, &path, "", &body).await;
        assert_eq!(refused.status.as_u16(), 428, "{method} {path}: {}", refused.text);
        refused.refused(428, "precondition_required", "If-Match");
        change(&api, method, &path, "*", &body).await.expect(200);
        api.with_scope(ApiScope::Read).await.get("/users").await.expect(200);
    }
}

/// What changes one user is in the table above, and nothing answers with a version that can't be named.
#[tokio::test]
async fn the_table_holds_every_operation_that_takes_a_version() {
    let api = Api::new().await;
    let mut tested: Vec<String> = changes(&api.user("other").await)
        .into_iter()
        .map(|(method, path, ..)| format!("{method} {}", path.replace("/admin", "/{role}")))
        .collect();
    let document: Value = serde_json::from_str(&api::openapi()).unwrap();
    let mut described = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let mut parameters = operation["parameters"].as_array().into_iter().flatten();
            let takes_version = parameters.any(|parameter| parameter["name"] == "If-Match");
            let name = format!("{} {path}", method.to_uppercase());
            let tells_version = !operation["responses"]["200"]["headers"]["ETag"].is_null();
            let changes_one = method != "get" && path.starts_with("/users/{id}");
            assert!(!(tells_version && changes_one) || takes_version, "{name}: no If-Match");
            if takes_version {
                described.push(name.replace("/users/{id}", ""));
            }
        }
    }
    tested.sort();
    described.sort();
    assert_eq!(tested, described);
}
