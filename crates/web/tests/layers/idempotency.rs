//! A POST with an `Idempotency-Key` is done once.

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use systemprompt_users_domain::{Actor, ApiScope, ApiScopes, NewApiKey, UserRole};
use systemprompt_users_web::api;

use crate::harness::{Answer, Host, send};

struct Client {
    host: Host,
    app: Router,
    key: String,
}

impl Client {
    async fn new() -> Self {
        let host = Host::new().await;
        let key = key(&host).await;
        Self { app: api::router(&host.web), host, key }
    }

    async fn post(&self, path: &str, key: &str, body: &str) -> Answer {
        self.post_as(&self.key, path, key, "application/json", body).await
    }

    async fn post_as(
        &self,
        secret: &str,
        path: &str,
        key: &str,
        content_type: &str,
        body: &str,
    ) -> Answer {
        let request = Request::post(path)
            .header("x-api-key", secret)
            .header("idempotency-key", key)
            .header("content-type", content_type)
            .body(Body::from(body.to_owned()))
            .unwrap();
        send(&self.app, "198.51.100.7", request).await
    }

    async fn count(&self) -> u64 {
        self.host.web.users(Actor::System).get_stats().await.unwrap().total
    }
}

async fn key(host: &Host) -> String {
    let scopes = ApiScopes::new([ApiScope::Admin]).unwrap();
    let params = NewApiKey { name: "test".into(), scopes, expires_in: None };
    let issued = host.web.api_keys(Actor::System).create(&params).await.unwrap();
    issued.secret.reveal()
}

fn user(name: &str) -> String {
    format!(r#"{{"name":"{name}","email":"{name}@example.com"}}"#)
}

#[tokio::test]
async fn the_same_request_gets_the_same_answer_again() {
    let client = Client::new().await;
    let first = client.post("/api/v1/users", "k1", &user("ada")).await;
    assert_eq!((first.status.as_u16(), &*first.header("idempotency-replayed")), (201, ""));
    let again = client.post("/api/v1/users", "k1", &user("ada")).await;
    assert_eq!((again.status, &again.text), (first.status, &first.text));
    assert_eq!(again.header("idempotency-replayed"), "true");
    for header in ["content-type", "etag", "location"] {
        assert_eq!(again.header(header), first.header(header), "{header}");
        assert!(!first.header(header).is_empty(), "{header}");
    }
    assert_eq!(client.count().await, 1);
    // A refusal is an answer, too.
    for _ in 0..2 {
        let refused = client.post("/api/v1/users", "k2", &user("ada")).await;
        assert_eq!(refused.status, 409, "{}", refused.text);
    }
}

#[tokio::test]
async fn a_key_is_for_one_request_of_one_caller() {
    let client = Client::new().await;
    client.post("/api/v1/users", "k", &user("ada")).await;
    for (path, body) in [("/api/v1/users", user("bob")), ("/api/v1/users/ensure", user("ada"))] {
        let other = client.post(path, "k", &body).await;
        assert_eq!(other.status, 422, "{}", other.text);
        assert_eq!(other.json()["code"], "idempotency_key_reused");
    }
    let another = key(&client.host).await;
    let json = "application/json";
    let theirs = client.post_as(&another, "/api/v1/users", "k", json, &user("bob")).await;
    assert_eq!((theirs.status.as_u16(), client.count().await), (201, 2));
}

#[tokio::test]
async fn of_many_at_once_one_is_done() {
    let client = Client::new().await;
    let body = user("ada");
    let all =
        futures_util::future::join_all((0..8).map(|_| client.post("/api/v1/users", "k", &body)));
    let answers = all.await;
    let first = answers.iter().find(|answer| answer.status == 201).unwrap();
    for answer in &answers {
        match answer.status.as_u16() {
            201 => assert_eq!(answer.text, first.text),
            409 => {
                assert_eq!(answer.json()["code"], "idempotency_in_progress");
                assert!(!answer.header("retry-after").is_empty());
            }
            other => panic!("{other}: {}", answer.text),
        }
    }
    assert_eq!(client.count().await, 1);
}

#[tokio::test]
async fn secrets_come_again_to_their_owner_and_lie_nowhere() {
    let client = Client::new().await;
    let body = r#"{"name":"new","scopes":["read"]}"#;
    let first = client.post("/api/v1/api-keys", "k", body).await;
    assert!(first.text.contains("spu_"), "{}", first.text);
    assert_eq!(client.post("/api/v1/api-keys", "k", body).await.text, first.text);
    let admin = client.host.signed_in("root", &[UserRole::Admin]).await.1;
    let request = Request::post("/api/v1/api-keys")
        .header("authorization", format!("Bearer {admin}"))
        .header("idempotency-key", "k")
        .header("content-type", "application/json")
        .body(Body::from(body))
        .unwrap();
    let others = send(&client.app, "198.51.100.7", request).await;
    assert_eq!(others.status, 201, "another caller's key is another key");
    assert_ne!(others.text, first.text);
}

#[tokio::test]
async fn what_can_t_be_remembered_is_refused_with_the_key() {
    let client = Client::new().await;
    let csv = "name,email\nada,ada@example.com\n";
    for (path, key, content_type, body, status) in [
        ("/api/v1/users/import", "k", "text/csv", csv, 422),
        ("/api/v1/users", "k", "application/json", &*"x".repeat(1024 * 1024 + 1), 422),
        ("/api/v1/users", "two words", "application/json", "{}", 422),
        ("/api/v1/users", "", "application/json", "{}", 422),
    ] {
        let answer = client.post_as(&client.key, path, key, content_type, body).await;
        assert_eq!(answer.status, status, "{path} {key}: {}", answer.text);
        assert_eq!(answer.json()["field"], "idempotency-key", "{}", answer.text);
    }
    assert_eq!(client.count().await, 0);
}
