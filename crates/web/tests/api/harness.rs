//! The API in memory, asked without a socket.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use axum::Router;
use axum::body::{Body, BodyDataStream, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode, header};
use chrono::{DateTime, Utc};
use futures_util::StreamExt;
use serde_json::Value;
use systemprompt_users_application::Context;
use systemprompt_users_domain::{
    Actor, ApiScope, ApiScopes, Clock, CreateUserParams, NewApiKey, NewSession, StartedSession,
    User, UserRole,
};
use systemprompt_users_memory::MemoryStorage;
use systemprompt_users_web::{OnOutage, Web, WebOptions, api};
use tower::ServiceExt;

/// A clock that goes on by a millisecond whenever it is asked, so that no two things are of one time.
struct Ticking(AtomicI64);

impl Clock for Ticking {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.0.fetch_add(1, Ordering::SeqCst)).unwrap()
    }
}

/// The API over an empty storage, and an API key for everything.
pub(crate) struct Api {
    pub(crate) web: Web,
    router: Router,
    secret: String,
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Api {
    pub(crate) async fn new() -> Self {
        Self::with_options(WebOptions::new(OnOutage::Refuse)).await
    }

    pub(crate) async fn with_options(options: WebOptions) -> Self {
        let storage = MemoryStorage::new();
        let clock = Arc::new(Ticking(AtomicI64::new(1_772_359_200_000)));
        let context = Context::new(&storage).with_clock(clock);
        let web = Web::with_context(context, options).await.unwrap();
        let router = api::router(&web);
        let mut api = Self { web, router, secret: String::new() };
        api.secret = api.key([ApiScope::Admin]).await;
        api
    }

    /// The secret of a new API key.
    pub(crate) async fn key(&self, scopes: impl IntoIterator<Item = ApiScope>) -> String {
        let scopes = ApiScopes::new(scopes).unwrap();
        let params = NewApiKey { name: "test".into(), scopes, expires_in: None };
        let issued = self.web.api_keys(Actor::System).create(&params).await.unwrap();
        issued.secret.reveal()
    }

    /// The same API asked with another key.
    pub(crate) async fn with_scope(&self, scope: ApiScope) -> Self {
        let secret = self.key([scope]).await;
        Self { web: self.web.clone(), router: self.router.clone(), secret }
    }

    pub(crate) async fn user(&self, name: &str) -> User {
        let params = CreateUserParams::new(name, format!("{name}@example.com"));
        self.web.users(Actor::System).create(&params).await.unwrap()
    }

    pub(crate) async fn admin(&self, name: &str) -> User {
        let user = self.user(name).await;
        self.web.users(Actor::System).assign_role(user.id, UserRole::Admin).await.unwrap()
    }

    pub(crate) async fn session(&self, user: &User) -> StartedSession {
        let sessions = self.web.sessions(Actor::System);
        sessions.create(user.id, &NewSession::default()).await.unwrap()
    }

    /// Asks whatever it is, with the key unless there is an `Authorization`.
    pub(crate) async fn ask(&self, mut request: Request<Body>) -> axum::response::Response {
        let bearer = format!("Bearer {}", self.secret).parse().unwrap();
        request.headers_mut().entry(header::AUTHORIZATION).or_insert(bearer);
        self.router.clone().oneshot(request).await.unwrap()
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.ask(request).await;
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = to_bytes(response.into_body(), 64 * 1024 * 1024).await.unwrap();
        Answer { status, headers, text: String::from_utf8(bytes.to_vec()).unwrap() }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(request("GET", path).body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(request("DELETE", path).body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        let request = request("POST", path).header(header::CONTENT_TYPE, "application/json");
        self.send(request.body(Body::from(body.to_string())).unwrap()).await
    }

    /// The lines of a stream, as they come.
    pub(crate) async fn lines(&self, request: Request<Body>) -> StreamLines {
        let response = self.ask(request).await;
        assert_eq!(response.status(), StatusCode::OK);
        let body = response.into_body().into_data_stream();
        StreamLines { body, text: String::new() }
    }
}

/// A request to a path behind the prefix of the API.
pub(crate) fn request(method: &str, path: &str) -> axum::http::request::Builder {
    Request::builder().method(method).uri(format!("{}{path}", api::PREFIX))
}

impl Answer {
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }

    /// The body of an answer that must have this status.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        if self.text.is_empty() { Value::Null } else { self.json() }
    }

    /// Checks that it is a problem of that status, code and field (`-` is none).
    #[track_caller]
    pub(crate) fn refused(self, status: u16, code: &str, field: &str) {
        let media_type = self.header("content-type");
        let problem = self.expect(status);
        assert_eq!(media_type, "application/problem+json", "{problem}");
        assert_eq!(problem["code"], code, "{problem}");
        assert_eq!(problem["field"].as_str().unwrap_or("-"), field, "{problem}");
    }

    /// A header as text; empty where there is none.
    pub(crate) fn header(&self, name: &str) -> String {
        let value = self.headers.get(name);
        value.and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
    }
}

/// A body that is read line by line.
pub(crate) struct StreamLines {
    body: BodyDataStream,
    text: String,
}

impl StreamLines {
    /// The next line; `None` at the end of the body.
    pub(crate) async fn next(&mut self) -> Option<String> {
        loop {
            if let Some((line, rest)) = self.text.split_once('\n') {
                let line = line.to_owned();
                self.text = rest.to_owned();
                return Some(line);
            }
            let piece = self.body.next().await?.unwrap();
            self.text.push_str(std::str::from_utf8(&piece).unwrap());
        }
    }
}
