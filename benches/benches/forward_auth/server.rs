//! A host that serves forward auth, and beside it a constant.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::Router;
use axum::http::StatusCode;
use axum::routing::any;
use systemprompt_users::{
    Actor, ApiScope, ApiScopes, BanDuration, BanIpParams, CreateUserParams, DbPool, NewApiKey,
    NewSession, UserRole,
};
use systemprompt_users_web::layers::hardened;
use systemprompt_users_web::{OnOutage, Web, WebOptions, forward_auth};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// What a proxy asks: whether an admin is signed in.
pub(crate) const VERIFY: &str = "/auth/verify/role/admin";
pub(crate) const CONSTANT: &str = "/constant/role/admin";

/// In whose name the proxy asks.
pub(crate) const CLIENT: &str = "198.51.100.7";

const USERS: u8 = 100;
const BANS: u32 = 10_000;

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    /// Of sessions of as many users.
    pub(crate) tokens: Vec<String>,
    /// The proxy's own key.
    pub(crate) key: String,
    web: Web,
    serving: JoinHandle<()>,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let pool = DbPool::connect("memory:").await.expect("a storage");
        let here = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let options =
            WebOptions { trusted_proxies: vec![here.into()], ..WebOptions::new(OnOutage::Refuse) };
        let web = Web::new(&pool, options).await.expect("a host");
        let tokens = sign_in(&web).await;
        let key = key(&web).await;
        ban(&web).await;
        let constant = Router::new().route("/constant/role/admin", any(async || StatusCode::OK));
        let router = hardened(forward_auth::router(&web).merge(constant), &web);
        let listener = TcpListener::bind((here, 0)).await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        let serving = tokio::spawn(async move {
            axum::serve(listener, service).await.expect("it serves");
        });
        Self { address, tokens, key, web, serving }
    }

    pub(crate) async fn end(self) {
        self.serving.abort();
        self.web.shutdown().await;
    }
}

async fn sign_in(web: &Web) -> Vec<String> {
    let mut tokens = Vec::new();
    for n in 0..USERS {
        let params = CreateUserParams {
            roles: vec![UserRole::Admin, UserRole::User],
            ..CreateUserParams::new(format!("user{n}"), format!("user{n}@example.com"))
        };
        let user = web.users(Actor::System).create(&params).await.expect("a user");
        let session = web.sessions(Actor::System).create(user.id, &NewSession::default()).await;
        tokens.push(session.expect("a session").token.reveal());
    }
    tokens
}

async fn key(web: &Web) -> String {
    let scopes = ApiScopes::new([ApiScope::ForwardAuth]).expect("a scope");
    let params = NewApiKey { name: "proxy".into(), scopes, expires_in: None };
    web.api_keys(Actor::System).create(&params).await.expect("a key").secret.reveal()
}

async fn ban(web: &Web) {
    for n in 0..BANS {
        let address = Ipv4Addr::from_bits(0x0a00_0000 + n * 7).to_string();
        let params = BanIpParams::new(address, BanDuration::Permanent);
        web.bans(Actor::System).ban_ip(&params).await.expect("a ban");
    }
}
