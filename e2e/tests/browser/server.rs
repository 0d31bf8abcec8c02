//! The pages under test: served in this process, over SQLite in a folder of their own.

use std::net::SocketAddr;

use systemprompt_database::DbPool;
use systemprompt_users::{CreateUserParams, UserId, UserRole, UserService};
use systemprompt_users_web::{OnOutage, Web, WebOptions, admin};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A running server with one admin, `grace`.
pub(crate) struct Server {
    pub(crate) base: String,
    pub(crate) users: UserService,
    pub(crate) web: Web,
    pub(crate) admin: UserId,
    serving: JoinHandle<()>,
    pool: DbPool,
    folder: TempDir,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("users.db");
        let pool = DbPool::connect(&format!("sqlite://{}", file.display())).await.unwrap();
        pool.migrate().await.unwrap();
        let users = UserService::new(&pool).unwrap();
        let params = CreateUserParams {
            roles: vec![UserRole::Admin, UserRole::User],
            full_name: Some("Grace Hopper".into()),
            ..CreateUserParams::new("grace", "grace@example.com")
        };
        let admin = users.create(&params).await.unwrap().id;
        let options = WebOptions { secure_cookies: false, ..WebOptions::new(OnOutage::Refuse) };
        let web = Web::new(&pool, options).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let service = admin::router(&web).into_make_service_with_connect_info::<SocketAddr>();
        let serving = tokio::spawn(async move { axum::serve(listener, service).await.unwrap() });
        Self { base, users, web, admin, serving, pool, folder }
    }

    /// The address of a one-time link for the admin.
    pub(crate) async fn link(&self) -> String {
        let links = self.web.sign_in_links(systemprompt_users::Actor::Operator("e2e".into()));
        let (token, _) = links.create(self.admin, chrono::Duration::minutes(10)).await.unwrap();
        format!("{}/admin/sign-in?token={}", self.base, token.reveal())
    }

    pub(crate) async fn stop(self) {
        self.serving.abort();
        self.web.shutdown().await;
        drop((self.users, self.web));
        self.pool.close().await.unwrap();
        self.folder.close().unwrap();
    }
}
