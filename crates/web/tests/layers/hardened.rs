//! What every host wants around its routes.

use std::future::pending;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::Request;
use axum::routing::{get as route, post};
use systemprompt_users_web::layers::{LongRunning, hardened};
use systemprompt_users_web::{OnOutage, WebOptions};

use crate::harness::{Host, get, send};

const PEER: &str = "198.51.100.7";

async fn app() -> Router {
    let options = WebOptions {
        max_body: 1024,
        request_timeout: Duration::from_millis(100),
        ..WebOptions::new(OnOutage::Refuse)
    };
    let host = Host::with(options).await;
    let long = async |_: LongRunning| tokio::time::sleep(Duration::from_millis(300)).await;
    let routes = Router::new()
        .route("/fine", route(async || "fine"))
        .route("/own", route(async || ([("x-frame-options", "SAMEORIGIN")], "own")))
        .route("/panic", route(async || -> &'static str { panic!("hunter2") }))
        .route("/stuck", route(async || pending::<()>().await))
        .route("/long", route(long))
        .route("/body", post(async |body: Bytes| body.len().to_string()));
    hardened(routes, &host.web)
}

#[tokio::test]
async fn every_answer_has_an_id_and_the_headers() {
    let app = app().await;
    for (path, status) in [("/fine", 200), ("/panic", 500), ("/stuck", 503), ("/nothing", 404)] {
        let answer = get(&app, PEER, path, &[("x-request-id", "abc-1")]).await;
        assert_eq!(answer.status, status, "{path}");
        assert_eq!(answer.header("x-request-id"), "abc-1", "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
    }
    let request = Request::delete("/fine").body(Body::empty()).unwrap();
    let answer = send(&app, PEER, request).await;
    assert_eq!((answer.status.as_u16(), answer.header("allow").as_str()), (405, "GET,HEAD"));
    assert_eq!(answer.header("x-request-id").len(), 36);
    assert_eq!(answer.header("x-frame-options"), "DENY");
    assert_eq!(get(&app, PEER, "/own", &[]).await.header("x-frame-options"), "SAMEORIGIN");
}

#[tokio::test]
async fn a_panic_and_a_timeout_are_problems_that_tell_nothing() {
    let app = app().await;
    let panicked = get(&app, PEER, "/panic", &[]).await;
    assert_eq!(panicked.json()["code"], "internal");
    assert!(!panicked.text.contains("hunter2"));
    let stuck = get(&app, PEER, "/stuck", &[]).await;
    assert_eq!((&stuck.json()["code"], &*stuck.header("retry-after")), (&"timeout".into(), "1"));
    assert_eq!(get(&app, PEER, "/long", &[]).await.status, 200);
}

#[tokio::test]
async fn bodies_are_bounded() {
    let app = app().await;
    let post = |bytes: usize| Request::post("/body").body(Body::from(vec![b'x'; bytes])).unwrap();
    assert_eq!(send(&app, PEER, post(1024)).await.text, "1024");
    assert_eq!(send(&app, PEER, post(1025)).await.status, 413);
}
