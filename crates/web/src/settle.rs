//! Who changes something through this host finds it changed when the answer is there.

use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;

use crate::Web;

/// How often is looked whether a change has arrived.
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// The last parts of paths to which a POST closes no door.
const OPENING: [&str; 14] = [
    "users",
    "anonymous",
    "sessions",
    "api-keys",
    "keys",
    "import",
    "check",
    "validate",
    "lookup",
    "run",
    "find",
    "missing",
    "sign-in-links",
    "redeem",
];

/// A middleware: after a request that may have closed a door, the answer waits until this host decides by it.
pub async fn settle_changes(State(web): State<Web>, request: Request, next: Next) -> Response {
    let closes = may_close(request.method(), request.uri().path());
    let response = next.run(request).await;
    if closes && !response.status().is_server_error() {
        web.settle().await;
    }
    response
}

impl Web {
    /// Waits until every change that was committed before now counts in this host's decisions: some milliseconds,
    /// and at the most as long as a host may decide from memory without having heard of changes.
    pub async fn settle(&self) {
        let asked = Instant::now();
        while self.enforcer().revocation_lag() > asked.elapsed()
            && asked.elapsed() < self.options().enforcer.lag_bound
        {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

fn may_close(method: &Method, path: &str) -> bool {
    let last = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let only_opens = method == Method::POST && OPENING.contains(&last);
    !method.is_safe() && !only_opens
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_looks_or_opens_does_not_wait() {
        for (method, path, closes) in [
            (Method::GET, "/api/v1/bans", false),
            (Method::POST, "/api/v1/users", false),
            (Method::POST, "/api/v1/users/1/sessions/", false),
            (Method::POST, "/api/v1/users/missing", false),
            (Method::POST, "/api/v1/users/1/sign-in-links", false),
            (Method::POST, "/api/v1/users/1/sessions/limit", true),
            (Method::POST, "/api/v1/bans", true),
            (Method::DELETE, "/api/v1/users/1/sessions", true),
            (Method::PUT, "/api/v1/users/1/roles", true),
            (Method::POST, "/admin/users/1/suspend", true),
        ] {
            assert_eq!(may_close(&method, path), closes, "{method} {path}");
        }
    }
}
