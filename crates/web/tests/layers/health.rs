//! Whether a host is alive and ready.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use async_trait::async_trait;
use axum::Router;
use systemprompt_users_domain::{BanDuration, Result, UserRole};
use systemprompt_users_web::health::{self, Health, Readiness, SchemaState};
use systemprompt_users_web::layers::hardened;

use crate::harness::{Host, get};

const PEER: &str = "198.51.100.7";

#[derive(Default)]
struct Schema(AtomicI64);

#[async_trait]
impl Readiness for Schema {
    async fn schema(&self) -> Result<SchemaState> {
        Ok(SchemaState { current: self.0.load(Ordering::Relaxed), latest: 7 })
    }

    fn replica_in_use(&self) -> Option<bool> {
        Some(self.0.load(Ordering::Relaxed) == 7)
    }
}

#[tokio::test]
async fn a_host_is_ready_when_storage_and_schema_are() {
    let host = Host::new().await;
    let schema = Arc::new(Schema::default());
    let readiness = Arc::clone(&schema) as Arc<dyn Readiness>;
    let app = health::router(&host.web, Health { readiness, metrics: None });
    let behind = get(&app, PEER, "/readyz", &[]).await;
    assert_eq!((behind.status.as_u16(), &behind.json()["storage"]), (503, &"answers".into()));
    assert_eq!(behind.json()["replica"], "does_not_answer");
    schema.0.store(7, Ordering::Relaxed);
    let ready = get(&app, PEER, "/readyz", &[]).await;
    assert_eq!((ready.status.as_u16(), &ready.json()["decisions"]), (200, &"fresh".into()));
    assert_eq!(ready.json()["replica"], "answers");
    host.storage.is_gone.store(true, Ordering::Relaxed);
    let gone = get(&app, PEER, "/readyz", &[]).await;
    assert_eq!((gone.status.as_u16(), &gone.json()["storage"]), (503, &"does_not_answer".into()));
    assert_eq!(get(&app, PEER, "/healthz", &[]).await.text, "ok\n");
    assert_eq!(get(&app, PEER, "/metrics", &[]).await.status, 404);
}

#[tokio::test]
async fn figures_name_routes_and_not_what_was_asked() {
    let recorder = health::recorder();
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder).unwrap();
    health::describe();
    let host = Host::new().await;
    host.user("ada", &[UserRole::Admin]).await;
    host.ban("203.0.113.9", BanDuration::Permanent).await;
    let readiness = Arc::new(Schema::default());
    let health = health::router(&host.web, Health { readiness, metrics: Some(handle) });
    let app = hardened(
        health.merge(Router::new().route("/u/{id}", axum::routing::get(async || "x"))),
        &host.web,
    );
    for path in ["/u/secret-1?x=hunter2", "/u/secret-2", "/nothing"] {
        get(&app, PEER, path, &[]).await;
    }
    let request = axum::http::Request::builder().method("BREW").uri("/u/3");
    crate::harness::send(&app, PEER, request.body(axum::body::Body::empty()).unwrap()).await;
    let text = get(&app, PEER, "/metrics", &[]).await.text;
    for line in [
        r#"users_http_requests_total{method="GET",route="/u/{id}",status="200"} 2"#,
        r#"users_http_requests_total{method="GET",route="none",status="404"} 1"#,
        r#"users_http_requests_total{method="other",route="/u/{id}",status="405"} 1"#,
        r#"users_http_request_seconds_count{method="GET",route="/u/{id}"} 2"#,
        r#"users_total{status="active"} 1"#,
        "users_bans_active 1",
        "users_decisions_behind 0",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
    for secret in ["secret", "hunter2", "203.0", "BREW"] {
        assert!(!text.contains(secret), "{secret}\n{text}");
    }
}
