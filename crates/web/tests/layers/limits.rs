//! How often an address may ask.

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::get as route;
use systemprompt_users_web::layers::limit_addresses;
use systemprompt_users_web::{OnOutage, RateLimit, WebOptions};

use crate::harness::{Host, get};

#[tokio::test]
async fn who_asks_too_often_is_told_when_to_come_back() {
    let options =
        WebOptions { rate_per_address: RateLimit::new(1, 4), ..WebOptions::new(OnOutage::Refuse) };
    let host = Host::with(options).await;
    let app = Router::new()
        .route("/", route(async || "in"))
        .layer(from_fn_with_state(host.web.clone(), limit_addresses));
    let first = get(&app, "198.51.100.7", "/", &[]).await;
    assert_eq!(first.header("ratelimit-policy"), r#""address";q=4;w=4"#);
    assert_eq!(first.header("ratelimit"), r#""address";r=3;t=1"#);
    let mut refused = None;
    for path in ["/", "/nothing"].repeat(20) {
        let answer = get(&app, "198.51.100.7", path, &[]).await;
        if answer.status == 429 {
            refused = Some(answer);
        }
    }
    let refused = refused.unwrap();
    assert_eq!(refused.json()["code"], "too_many_requests");
    assert!(["1", "2"].contains(&&*refused.header("retry-after")));
    assert_eq!(refused.header("ratelimit"), r#""address";r=0;t=4"#);
    assert_eq!(get(&app, "198.51.100.8", "/", &[]).await.status, 200);
}
