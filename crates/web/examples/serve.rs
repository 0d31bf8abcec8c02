//! A host in memory: the HTTP API with its documentation page, some users, and a key to ask it with.
//!
//! ```text
//! ADDRESS=127.0.0.1:8080 cargo run -p systemprompt-users-web --example serve
//! ```

use std::error::Error;
use std::io::Write;
use std::net::SocketAddr;

use systemprompt_users_domain::{
    Actor, ApiScope, ApiScopes, BanDuration, BanIpParams, CreateUserParams, NewApiKey, NewSession,
    UserRole,
};
use systemprompt_users_memory::MemoryStorage;
use systemprompt_users_web::layers::hardened;
use systemprompt_users_web::{OnOutage, Web, WebOptions, api};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let storage = MemoryStorage::new();
    let web = Web::new(&storage, WebOptions::new(OnOutage::Refuse)).await?;
    let secret = fill(&web).await?;
    let address = std::env::var("ADDRESS").unwrap_or_else(|_| "127.0.0.1:8080".to_owned());
    let listener = tokio::net::TcpListener::bind(&address).await?;
    let mut out = std::io::stdout();
    writeln!(out, "http://{}{}/docs/", listener.local_addr()?, api::PREFIX)?;
    writeln!(out, "{secret}")?;
    let app = hardened(api::router(&web), &web);
    axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>()).await?;
    Ok(())
}

/// Users, sessions and bans to look at, and the secret of a key that may do everything.
async fn fill(web: &Web) -> Result<String, Box<dyn Error>> {
    let (users, sessions) = (web.users(Actor::System), web.sessions(Actor::System));
    for name in ["ada", "barbara", "edsger", "grace", "leslie", "tony"] {
        let user =
            users.create(&CreateUserParams::new(name, format!("{name}@example.com"))).await?;
        sessions.create(user.id, &NewSession::default()).await?;
        if name == "ada" {
            users.assign_role(user.id, UserRole::Admin).await?;
        }
    }
    users.create_anonymous(Some("a-visitor")).await?;
    let ban = BanIpParams::new("203.0.113.0/24", BanDuration::Days(7)).reason("scraping");
    web.bans(Actor::System).ban_ip(&ban).await?;
    let scopes = ApiScopes::new([ApiScope::Admin])?;
    let key = NewApiKey { name: "example".into(), scopes, expires_in: None };
    Ok(web.api_keys(Actor::System).create(&key).await?.secret.reveal())
}
