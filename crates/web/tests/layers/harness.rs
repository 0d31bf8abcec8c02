//! A host in memory, asked without a socket.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Request, StatusCode};
use serde_json::Value;
use systemprompt_users_domain::{
    Actor, BanDuration, BanIpParams, ChangeSignal, CreateUserParams, NewSession, Storage,
    StorageError, StorageResult, UnitOfWork, User, UserRole,
};
use systemprompt_users_memory::MemoryStorage;
use systemprompt_users_web::{OnOutage, Web, WebOptions};
use tower::ServiceExt;

/// A storage that can be made to not answer.
#[derive(Clone)]
pub(crate) struct Unsteady {
    storage: MemoryStorage,
    pub(crate) is_gone: Arc<AtomicBool>,
}

impl Unsteady {
    fn check(&self) -> StorageResult<()> {
        if self.is_gone.load(Ordering::Relaxed) {
            return Err(StorageError::Unavailable("it is gone".into()));
        }
        Ok(())
    }
}

#[async_trait]
impl Storage for Unsteady {
    async fn read(&self) -> StorageResult<Box<dyn UnitOfWork>> {
        self.check()?;
        self.storage.read().await
    }

    async fn write(&self) -> StorageResult<Box<dyn UnitOfWork>> {
        self.check()?;
        self.storage.write().await
    }

    async fn signal(&self) -> StorageResult<Box<dyn ChangeSignal>> {
        self.check()?;
        self.storage.signal().await
    }
}

pub(crate) struct Host {
    pub(crate) web: Web,
    pub(crate) storage: Unsteady,
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }

    /// A header as text; empty where there is none.
    pub(crate) fn header(&self, name: &str) -> String {
        let values = self.headers.get_all(name).into_iter();
        let values: Vec<_> =
            values.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect();
        values.join(", ")
    }
}

impl Host {
    pub(crate) async fn new() -> Self {
        Self::with(WebOptions::new(OnOutage::Refuse)).await
    }

    pub(crate) async fn with(options: WebOptions) -> Self {
        let storage = Unsteady { storage: MemoryStorage::new(), is_gone: Arc::default() };
        let web = Web::new(&storage, options).await.unwrap();
        Self { web, storage }
    }

    pub(crate) async fn user(&self, name: &str, roles: &[UserRole]) -> User {
        let params = CreateUserParams {
            roles: roles.to_vec(),
            ..CreateUserParams::new(name, format!("{name}@example.com"))
        };
        self.web.users(Actor::System).create(&params).await.unwrap()
    }

    /// A new user of these roles who is signed in: the user and the token.
    pub(crate) async fn signed_in(&self, name: &str, roles: &[UserRole]) -> (User, String) {
        let user = self.user(name, roles).await;
        let sessions = self.web.sessions(Actor::System);
        let started = sessions.create(user.id, &NewSession::default()).await.unwrap();
        (user, started.token.reveal())
    }

    pub(crate) async fn ban(&self, target: &str, duration: BanDuration) {
        let params = BanIpParams::new(target, duration);
        self.web.bans(Actor::System).ban_ip(&params).await.unwrap();
        self.web.settle().await;
    }

    /// Waits for what comes by itself; a minute is never.
    pub(crate) async fn until(&self, mut done: impl AsyncFnMut() -> bool) {
        let waiting = async {
            while !done().await {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), waiting).await.unwrap();
    }
}

/// Asks `GET path` from `peer` with these headers.
pub(crate) async fn get(app: &Router, peer: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    let request = headers
        .iter()
        .fold(Request::get(path), |request, (name, value)| request.header(*name, *value));
    send(app, peer, request.body(Body::empty()).unwrap()).await
}

pub(crate) async fn send(app: &Router, peer: &str, mut request: Request<Body>) -> Answer {
    let peer = SocketAddr::new(peer.parse().unwrap(), 4711);
    request.extensions_mut().insert(ConnectInfo(peer));
    let response = app.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, 10_000_000).await.unwrap();
    let text = String::from_utf8(body.to_vec()).unwrap();
    Answer { status: parts.status, headers: parts.headers, text }
}
