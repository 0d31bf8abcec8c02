//! The pages over a storage in memory, with an admin who is signed in.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use chrono::{DateTime, Duration, Utc};
use systemprompt_users_application::{Context, UserService};
use systemprompt_users_domain::{
    Actor, ChangeSignal, Clock, CreateUserParams, NewSession, Storage, StorageError, StorageResult,
    UnitOfWork, User, UserId, UserRole,
};
use systemprompt_users_memory::MemoryStorage;
use systemprompt_users_web::{OnOutage, Web, WebOptions, admin};
use tower::ServiceExt;

/// The address that the admin comes from.
pub(crate) const MY_ADDRESS: [u8; 4] = [198, 51, 100, 20];

/// A clock that goes only when it is told to.
struct Watch(AtomicI64);

impl Clock for Watch {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.0.load(Ordering::SeqCst)).unwrap()
    }
}

/// A storage that can be made to not answer.
#[derive(Clone)]
pub(crate) struct Unsteady {
    storage: MemoryStorage,
    is_gone: Arc<AtomicBool>,
}

impl Unsteady {
    pub(crate) fn set_gone(&self, is_gone: bool) {
        self.is_gone.store(is_gone, Ordering::SeqCst);
    }

    fn check(&self) -> StorageResult<()> {
        match self.is_gone.load(Ordering::SeqCst) {
            true => Err(StorageError::Unavailable("it is gone".into())),
            false => Ok(()),
        }
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

pub(crate) struct Site {
    pub(crate) web: Web,
    pub(crate) me: User,
    pub(crate) token: String,
    pub(crate) storage: Unsteady,
    watch: Arc<Watch>,
    router: Router,
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    #[track_caller]
    pub(crate) fn expect(self, status: u16, parts: &[&str]) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        for part in parts {
            assert!(self.text.contains(part), "`{part}` should be in:\n{}", self.text);
        }
        self
    }

    #[track_caller]
    pub(crate) fn lacks(self, part: &str) -> Self {
        assert!(!self.text.contains(part), "`{part}` should not be in:\n{}", self.text);
        self
    }
}

impl Site {
    pub(crate) async fn new() -> Self {
        Self::with(WebOptions { secure_cookies: false, ..WebOptions::new(OnOutage::Refuse) }).await
    }

    pub(crate) async fn with(options: WebOptions) -> Self {
        let watch = Arc::new(Watch(AtomicI64::new(1_772_359_200_000_000)));
        let storage = Unsteady { storage: MemoryStorage::new(), is_gone: Arc::default() };
        let context = Context::new(&storage).with_clock(watch.clone());
        let web = Web::with_context(context, options).await.unwrap();
        let params = CreateUserParams {
            roles: vec![UserRole::Admin, UserRole::User],
            ..CreateUserParams::new("grace", "grace@example.com")
        };
        let me = web.users(Actor::System).create(&params).await.unwrap();
        let router = admin::router(&web);
        let mut site = Self { web, me, token: String::new(), storage, watch, router };
        site.token = site.session_of(site.me.id).await;
        site
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.watch.0.fetch_add(by.num_microseconds().unwrap(), Ordering::SeqCst);
    }

    /// The services without anybody in particular.
    pub(crate) fn users(&self) -> UserService {
        self.web.users(Actor::System)
    }

    pub(crate) async fn user(&self, name: &str) -> User {
        let params = CreateUserParams::new(name, format!("{name}@example.com"));
        self.users().create(&params).await.unwrap()
    }

    pub(crate) async fn find(&self, name: &str) -> User {
        self.users().find_by_name(name).await.unwrap().unwrap()
    }

    /// The token of a new session.
    pub(crate) async fn session_of(&self, id: UserId) -> String {
        let client = NewSession::default();
        let started = self.web.sessions(Actor::System).create(id, &client).await.unwrap();
        started.token.reveal()
    }

    /// A request with these headers and nothing else, from the admin's address.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Answer {
        let mut request =
            Request::builder().method(method).uri(path).header("host", "users.example");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let peer = SocketAddr::new(IpAddr::from(MY_ADDRESS), 4711);
        let request = request.extension(ConnectInfo(peer)).body(body.into()).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        let text = String::from_utf8(body.to_vec()).unwrap();
        Answer { status: parts.status, headers: parts.headers, text }
    }

    pub(crate) fn cookie(&self) -> String {
        format!("users_admin={}", self.token)
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[("cookie", &self.cookie())], Body::empty()).await
    }

    /// Sends a form as the browser of the admin does.
    pub(crate) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let csrf = self.csrf().await;
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.append_pair("csrf", &csrf).extend_pairs(fields);
        let cookie = self.cookie();
        let headers = [
            ("cookie", cookie.as_str()),
            ("content-type", "application/x-www-form-urlencoded"),
            ("sec-fetch-site", "same-origin"),
        ];
        self.send(Method::POST, path, &headers, form.finish()).await
    }

    /// Sends a form and follows where it leads, as a browser does with its message.
    pub(crate) async fn done(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let answer = self.post(path, fields).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text);
        let flash = answer.header("set-cookie").split(';').next().unwrap().to_owned();
        let cookie = format!("{}; {flash}", self.cookie());
        let path = answer.header("location").to_owned();
        self.send(Method::GET, &path, &[("cookie", &cookie)], Body::empty()).await
    }

    /// The token in the forms of the admin's pages.
    pub(crate) async fn csrf(&self) -> String {
        let page = self.get("/admin/users/new").await.expect(200, &[]).text;
        let (_, rest) = page.split_once("name=\"csrf\" value=\"").unwrap();
        rest.split('"').next().unwrap().to_owned()
    }
}
