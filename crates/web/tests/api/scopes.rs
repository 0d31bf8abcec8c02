//! Who may do what: what each operation declares is what is enforced, and admins are spared by every route.

use axum::body::Body;
use axum::http::{StatusCode, header};
use serde_json::{Value, json};
use systemprompt_users_domain::{
    Actor, ApiScope, ApiScopes, PageRequest, SessionId, StartedSession, User, UserRole,
};
use systemprompt_users_web::api;

use crate::harness::{Answer, Api, request};

/// An operation of the document: the method, the path, what it says.
fn operations() -> Vec<(String, String, Value)> {
    let document: Value = serde_json::from_str(&api::openapi()).unwrap();
    let paths = document["paths"].as_object().unwrap().clone().into_iter();
    let all = paths.flat_map(|(path, item)| {
        let methods = item.as_object().unwrap().clone().into_iter();
        methods.map(move |(method, operation)| (method.to_uppercase(), path.clone(), operation))
    });
    all.collect()
}

fn fill(path: &str, id: &str) -> String {
    path.replace("{id}", id)
        .replace("{target}", "192.0.2.77")
        .replace("{name}", "nothing")
        .replace("{role}", "user")
}

async fn ask(api: &Api, method: &str, path: &str, body: &str) -> StatusCode {
    let media_type = if path.ends_with("/import") { "text/csv" } else { "application/json" };
    let request = request(method, path).header(header::CONTENT_TYPE, media_type);
    // The bodies of streams never end, so only the status is read.
    api.ask(request.body(Body::from(body.to_owned())).unwrap()).await.status()
}

#[tokio::test]
async fn each_operation_takes_the_scope_that_it_declares() {
    let api = Api::new().await;
    let nobody = uuid::Uuid::nil().to_string();
    for (method, path, operation) in operations() {
        let name = format!("{method} {path}");
        let word = operation["x-required-scope"].as_str().unwrap_or_default();
        let scope: ApiScope = word.parse().unwrap_or_else(|_| panic!("{name} declares no scope"));
        let description = operation["description"].as_str().unwrap();
        assert!(description.contains(&format!("`{scope}`")), "{name}: {description}");
        for held in ApiScope::ALL {
            let caller = api.with_scope(held).await;
            let status = ask(&caller, &method, &fill(&path, &nobody), "{}").await;
            let may = ApiScopes::new([held]).unwrap().allows(scope);
            assert_eq!(status != StatusCode::FORBIDDEN, may, "{name} with {held}: {status}");
            assert_ne!(status, StatusCode::UNAUTHORIZED, "{name} with {held}");
        }
    }
}

#[tokio::test]
async fn a_lack_of_scope_is_said_before_anything_about_the_request() {
    let api = Api::new().await;
    let reader = api.with_scope(ApiScope::Read).await;
    let ada = api.user("ada").await.id.to_string();
    for (method, path, operation) in operations() {
        if operation["x-required-scope"] == "read" {
            continue;
        }
        for id in [&*ada, "00000000-0000-0000-0000-000000000000", "x"] {
            for body in ["{}", "{"] {
                let path = fill(&path, id) + "?nonsense=1";
                let status = ask(&reader, &method, &path, body).await;
                assert_eq!(status, StatusCode::FORBIDDEN, "{method} {path}");
            }
        }
    }
}

#[test]
fn the_scopes_are_described_where_a_key_is_made() {
    let document: Value = serde_json::from_str(&api::openapi()).unwrap();
    let description = document["components"]["schemas"]["ApiScope"]["description"].as_str();
    for scope in ApiScope::ALL {
        let line = format!("- `{scope}`: {}", scope.meaning());
        assert!(description.unwrap().contains(&line), "{description:?}");
    }
}

/// What an operation that changes something is asked with, about an admin; `None` where it needs no body.
fn body(id: &str, root: &User, session: SessionId) -> Option<Value> {
    let (name, email) = (root.name.to_string(), root.email.as_ref().unwrap().to_string());
    let one = |more: Value| {
        let mut body = json!({"ids": [root.id]});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        Some(body)
    };
    match id {
        "end_sessions" => Some(json!({"ids": [session]})),
        "limit_user_sessions" => Some(json!({"keep": 1})),
        "bulk_delete" => one(json!({})),
        "bulk_assign_role" => one(json!({"role": "user"})),
        "bulk_set_status" => one(json!({"status": "suspended"})),
        "update_user" => Some(json!({"name": "other"})),
        "set_user_roles" => Some(json!({"roles": ["user"]})),
        "set_user_status" => Some(json!({"status": "suspended"})),
        "register_user" => Some(json!({"name": "other", "email": "other@example.com"})),
        "start_session" => Some(json!({})),
        "create_user" => {
            Some(json!({"name": "other", "email": "other@example.com", "roles": ["admin"]}))
        }
        "ensure_user" => Some(json!({"name": name, "email": email, "full_name": "Other"})),
        "create_anonymous" => Some(json!({})),
        "find_or_create_anonymous" => Some(json!({"fingerprint": "f"})),
        "merge_user" => Some(json!({"into": root.id})),
        "create_sign_in_link" => Some(json!({"lifetime": 60})),
        // Whoever holds a link may use it.
        "redeem_sign_in_link" => Some(json!({"token": "x"})),
        "create_api_key" => Some(json!({"name": "k", "scopes": ["admin"]})),
        "rotate_api_key" => Some(json!({"grace": 0})),
        "allow" => Some(json!({"target": "192.0.2.1"})),
        "ban" => Some(json!({"target": "192.0.2.1", "duration": "permanent"})),
        "cleanup_anonymous" | "purge_deleted" => Some(json!({"days": 1})),
        "validate_session" | "find_anonymous" => Some(json!({"token": "x"})),
        "missing_users" => one(json!({})),
        "import_users" | "import_bans" => None,
        "revoke_api_key" | "disallow" | "clean_up_bans" | "unban" | "run_job"
        | "clean_up_sessions" | "end_session" | "delete_user" | "demote_user" | "hold_user"
        | "unhold_user" | "promote_user" | "purge_user" | "restore_user" | "assign_user_role"
        | "revoke_user_role" | "end_user_sessions" => None,
        other => {
            assert_eq!(
                other, "",
                "say here what it is asked with, so that it is tried on an admin"
            );
            None
        }
    }
}

/// The admin and its sessions, as they are stored.
async fn state(api: &Api, root: &User) -> (User, Vec<(SessionId, bool)>) {
    let user = api.web.users(Actor::System).find_by_reference(&root.id.into()).await;
    let page = PageRequest::new(100).unwrap();
    let sessions = api.web.sessions(Actor::System).list(root.id, &page).await.unwrap().items;
    let sessions = sessions.iter().map(|session| (session.id, session.ended_at.is_some()));
    (user.unwrap().unwrap(), sessions.collect())
}

#[tokio::test]
async fn no_route_lets_a_key_without_the_scope_admin_touch_an_admin() {
    let api = Api::new().await;
    let root = api.admin("root").await;
    let sessions: [StartedSession; 2] = [api.session(&root).await, api.session(&root).await];
    let session = sessions[0].session.id;
    let before = state(&api, &root).await;
    for (method, path, operation) in operations() {
        if method == "GET" {
            continue;
        }
        let id = operation["operationId"].as_str().unwrap();
        let body = match id {
            "import_users" => {
                "name,email,full_name,status\nroot,root@example.com,Other,suspended\n".to_owned()
            }
            _ => body(id, &root, session).map_or_else(String::new, |body| body.to_string()),
        };
        let about =
            if path.starts_with("/sessions/") { session.as_uuid() } else { root.id.as_uuid() };
        let query = if id == "import_users" { "?on_existing=update" } else { "" };
        for scope in [ApiScope::Read, ApiScope::Write, ApiScope::Bans, ApiScope::ForwardAuth] {
            let caller = api.with_scope(scope).await;
            let path = fill(&path, &about.to_string());
            ask(&caller, &method, &(path.clone() + query), &body).await;
            // An import goes on after its first answer.
            api.web.settle().await;
            assert_eq!(state(&api, &root).await, before, "{method} {path} with {scope}");
        }
    }
}

#[tokio::test]
async fn ending_an_admins_sessions_takes_the_scope_admin() {
    let api = Api::new().await;
    let (root, ada) = (api.admin("root").await, api.user("ada").await);
    let admins = [api.session(&root).await.session.id, api.session(&root).await.session.id];
    let hers = api.session(&ada).await.session.id;
    let writer = api.with_scope(ApiScope::Write).await;
    let refused = |answer: Answer| answer.refused(403, "admins_only", "-");
    refused(writer.delete(&format!("/sessions/{}", admins[0])).await);
    let both = json!({"ids": [hers, admins[0]]});
    refused(writer.post("/sessions/end", both.clone()).await);
    refused(writer.delete(&format!("/users/{}/sessions", root.id)).await);
    refused(writer.delete(&format!("/users/{}/sessions?except={}", root.id, admins[0])).await);
    let limit = format!("/users/{}/sessions/limit", root.id);
    refused(writer.post(&limit, json!({"keep": 1})).await);
    // Nothing was ended, also not what could have been.
    let live = api.get("/sessions?state=live").await.expect(200);
    assert_eq!(live["items"].as_array().unwrap().len(), 3);
    writer.delete(&format!("/sessions/{hers}")).await.expect(204);
    // With the scope it works.
    let ended = api.post("/sessions/end", json!({"ids": [admins[0]]})).await.expect(200);
    assert!(ended.to_string().contains(&admins[0].to_string()), "{ended}");
    api.delete(&format!("/users/{}/sessions", root.id)).await.expect(200);
}

#[tokio::test]
async fn an_answer_is_given_again_only_to_who_may_still_ask() {
    let api = Api::new().await;
    let (root, other) = (api.admin("root").await, api.admin("other").await);
    let token = api.session(&root).await.token.reveal();
    let ask = || {
        request("POST", "/api-keys")
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .header(header::CONTENT_TYPE, "application/json")
            .header("idempotency-key", "k")
            .body(Body::from(r#"{"name":"mine","scopes":["admin"]}"#))
            .unwrap()
    };
    let first = api.send(ask()).await;
    assert_eq!(first.status, StatusCode::CREATED, "{}", first.text);
    let again = api.send(ask()).await;
    assert_eq!((again.status, &again.text), (first.status, &first.text));
    api.post(&format!("/users/{}/demote", root.id), json!({})).await.expect(200);
    api.send(ask()).await.refused(403, "forbidden", "-");
    // The refusal was not remembered in its place.
    api.post(&format!("/users/{}/promote", root.id), json!({})).await.expect(200);
    assert_eq!(api.send(ask()).await.text, first.text);
    let users = api.web.users(Actor::System);
    users.update_status(root.id, systemprompt_users_domain::UserStatus::Suspended).await.unwrap();
    api.web.settle().await;
    api.send(ask()).await.refused(401, "unauthorized", "-");
    assert!(other.roles.contains(UserRole::Admin), "somebody has to stay an admin");
}

#[tokio::test]
async fn the_token_of_a_session_is_not_given_again_once_its_user_is_an_admin() {
    let api = Api::new().await;
    let root = api.admin("root").await;
    let writer = api.with_scope(ApiScope::Write).await;
    let ask = async |id: String| {
        let request = request("POST", &format!("/users/{id}/sessions"))
            .header(header::CONTENT_TYPE, "application/json")
            .header("idempotency-key", format!("k-{id}"));
        writer.send(request.body(Body::from("{}")).unwrap()).await
    };
    let (ada, bob) = (api.user("ada").await, api.user("bob").await);
    for user in [&ada, &bob] {
        let first = ask(user.id.to_string()).await;
        assert_eq!(first.status, StatusCode::CREATED, "{}", first.text);
        assert_eq!(ask(user.id.to_string()).await.text, first.text);
    }
    api.post(&format!("/users/{}/promote", ada.id), json!({})).await.expect(200);
    ask(ada.id.to_string()).await.refused(403, "admins_only", "-");
    // A merge gives the sessions to the target.
    api.post(&format!("/users/{}/merge", bob.id), json!({"into": root.id})).await.expect(200);
    ask(bob.id.to_string()).await.refused(403, "admins_only", "-");
}
