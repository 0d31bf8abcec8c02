//! Every setting, as one layer may say it.

use std::net::SocketAddr;
use std::path::PathBuf;

use directories::ProjectDirs;

use super::policy::{Length, PolicySettings};
use super::values::{Listen, LogFormat, Network, Outage, Proxy, Rate, Span, WhenBehind};
use crate::failure::Failure;

/// Makes what one layer may say, and the way two layers become one.
macro_rules! layer {
    (
        $(#[$doc:meta])*
        $layer:ident { $($(#[$attribute:meta])* $name:ident: $type:ty,)* }
        sections { $($(#[$section_attribute:meta])* $section:ident: $section_type:ty,)* }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Default, serde::Deserialize, serde::Serialize, clap::Args)]
        #[serde(deny_unknown_fields)]
        pub(crate) struct $layer {
            $($(#[$attribute])* pub(crate) $name: Option<$type>,)*
            $(
                $(#[$section_attribute])*
                #[command(flatten)]
                #[serde(default)]
                pub(crate) $section: $section_type,
            )*
        }

        impl $layer {
            /// This layer, and where it says nothing the other one.
            pub(crate) fn or(self, other: Self) -> Self {
                Self {
                    $($name: self.$name.or(other.$name),)*
                    $($section: self.$section.or(other.$section),)*
                }
            }
        }
    };
}
pub(super) use layer;

layer! {
    /// What one layer says: a file, or the environment and the flags.
    Settings {
        /// Where the users are: memory:, sqlite://PATH or postgres://USER@HOST/NAME
        #[arg(long, env = "USERSD_DATABASE", hide_env_values = true, value_name = "URL")]
        database: String,
        /// A replica of it, on Postgres: lists, searches and statistics come from there, decisions never
        #[arg(long, env = "USERSD_REPLICA", hide_env_values = true, value_name = "URL")]
        replica: String,
        /// The address to listen on; port 0 takes a free one
        #[arg(long, env = "USERSD_LISTEN", value_name = "ADDRESS:PORT")]
        listen: Listen,
        /// Bring an older schema of a shared database up to date at the start; others are anyhow
        #[arg(long, env = "USERSD_MIGRATE", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
        migrate: bool,
        /// Whether jobs run in this process
        #[arg(long, env = "USERSD_JOBS", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
        jobs: bool,
        /// Only run jobs, and listen nowhere
        #[arg(long, env = "USERSD_JOBS_ONLY", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
        jobs_only: bool,
        /// Whether the admin pages are served at /admin
        #[arg(long, env = "USERSD_ADMIN_PAGES", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
        admin_pages: bool,
        /// Whether /metrics is served
        #[arg(long, env = "USERSD_METRICS", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
        metrics: bool,
        /// The email of the first admin, made on an empty database
        #[arg(long, env = "USERSD_ADMIN_EMAIL", value_name = "EMAIL")]
        admin_email: String,
        /// A certificate chain in PEM, for TLS
        #[arg(long, env = "USERSD_TLS_CERT", value_name = "FILE")]
        tls_cert: PathBuf,
        /// The key of the certificate in PEM
        #[arg(long, env = "USERSD_TLS_KEY", value_name = "FILE")]
        tls_key: PathBuf,
        /// For how long browsers are told to come by TLS only (HSTS), such as `365d`; by default they are not
        #[arg(long, env = "USERSD_HSTS", value_name = "TIME")]
        hsts: Length,
        /// Proxies whose word on the client's address is taken, separated by commas
        #[arg(long, env = "USERSD_TRUSTED_PROXIES", value_name = "NETWORKS", value_delimiter = ',', num_args = 1)]
        trusted_proxies: Vec<Network>,
        /// The header in which they give it
        #[arg(long, env = "USERSD_PROXY_HEADER", value_enum)]
        proxy_header: Proxy,
        /// The cookie that holds a session's token
        #[arg(long, env = "USERSD_SESSION_COOKIE", value_name = "NAME")]
        session_cookie: String,
        /// Whether cookies are for TLS only; by default unless all come from this machine
        #[arg(long, env = "USERSD_SECURE_COOKIES", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
        secure_cookies: bool,
        /// What happens to an address while nobody can say whether it is banned
        #[arg(long, env = "USERSD_ON_BAN_OUTAGE", value_enum)]
        on_ban_outage: Outage,
        /// Whether a change of a user without If-Match is refused
        #[arg(long, env = "USERSD_REQUIRE_IF_MATCH", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
        require_if_match: bool,
        /// Whether forward auth answers only proxies with an API key of the scope forward-auth
        #[arg(long, env = "USERSD_FORWARD_AUTH_KEY", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
        forward_auth_key: bool,
        /// The longest body of a request in bytes, imports apart
        #[arg(long, env = "USERSD_MAX_BODY", value_name = "BYTES")]
        max_body: usize,
        /// The longest body of an import in bytes
        #[arg(long, env = "USERSD_MAX_IMPORT_BODY", value_name = "BYTES")]
        max_import_body: usize,
        /// How long a request may take, streams apart
        #[arg(long, env = "USERSD_REQUEST_TIMEOUT", value_name = "TIME")]
        request_timeout: Span,
        /// How long a client may take to send the head of a request, say nothing, or take nothing of its answer
        #[arg(long, env = "USERSD_HEADER_TIMEOUT", value_name = "TIME")]
        header_timeout: Span,
        /// How long requests are waited for at the end
        #[arg(long, env = "USERSD_DRAIN_TIMEOUT", value_name = "TIME")]
        drain_timeout: Span,
        /// How many connections are held at most
        #[arg(long, env = "USERSD_MAX_CONNECTIONS", value_name = "COUNT")]
        max_connections: u32,
        /// How many of them one address may have (IPv6: one /64), trusted proxies apart; by default a quarter
        #[arg(long, env = "USERSD_MAX_CONNECTIONS_PER_ADDRESS", value_name = "COUNT")]
        max_connections_per_address: u32,
        /// Requests a second of one API key or session, and at once
        #[arg(long, env = "USERSD_RATE_PER_KEY", value_name = "RATE/BURST")]
        rate_per_key: Rate,
        /// Requests a second of one address, and at once
        #[arg(long, env = "USERSD_RATE_PER_ADDRESS", value_name = "RATE/BURST")]
        rate_per_address: Rate,
        /// How far this host may be behind before it no longer decides from memory
        #[arg(long, env = "USERSD_LAG_BOUND", value_name = "TIME")]
        lag_bound: Span,
        /// What it does then
        #[arg(long, env = "USERSD_WHEN_BEHIND", value_enum)]
        when_behind: WhenBehind,
        /// How many sessions are kept in memory
        #[arg(long, env = "USERSD_CACHE_SESSIONS", value_name = "COUNT")]
        cache_sessions: usize,
        /// How the log is written
        #[arg(long, env = "USERSD_LOG_FORMAT", value_enum)]
        log_format: LogFormat,
        /// What is logged, such as `info` or `warn,systemprompt_users_web=debug`
        #[arg(long, env = "USERSD_LOG_LEVEL", value_name = "FILTER")]
        log_level: String,
        /// Where spans of requests go: an OpenTelemetry collector that takes OTLP over HTTP (feature `otlp`)
        #[arg(long, env = "USERSD_OTLP_ENDPOINT", hide_env_values = true, value_name = "URL")]
        otlp_endpoint: String,
    }
    sections {
        /// How long things live and are kept.
        policy: PolicySettings,
    }
}

impl Settings {
    /// What holds where nobody says anything.
    pub(crate) fn defaults() -> Result<Self, Failure> {
        Ok(Self {
            database: default_database(),
            replica: None,
            listen: Some(Listen(SocketAddr::from(([127, 0, 0, 1], 8080)))),
            migrate: Some(false),
            jobs: Some(true),
            jobs_only: Some(false),
            admin_pages: Some(true),
            metrics: Some(true),
            admin_email: Some("admin@localhost".to_owned()),
            tls_cert: None,
            tls_key: None,
            hsts: None,
            trusted_proxies: Some(Vec::new()),
            proxy_header: Some(Proxy::XForwardedFor),
            session_cookie: Some("users_session".to_owned()),
            secure_cookies: None,
            on_ban_outage: Some(Outage::Refuse),
            require_if_match: Some(false),
            forward_auth_key: Some(true),
            max_body: Some(1024 * 1024),
            max_import_body: Some(1024 * 1024 * 1024),
            request_timeout: Some(Span::seconds(30)),
            header_timeout: Some(Span::seconds(30)),
            drain_timeout: Some(Span::seconds(30)),
            max_connections: Some(8192),
            max_connections_per_address: None,
            rate_per_key: Some(Rate::new(1_000_000, 2_000_000)),
            rate_per_address: Some(Rate::new(1_000_000, 2_000_000)),
            lag_bound: Some(Span::seconds(1)),
            when_behind: Some(WhenBehind::AskStorage),
            cache_sessions: Some(100_000),
            log_format: Some(LogFormat::Text),
            log_level: Some("info".to_owned()),
            otlp_endpoint: None,
            policy: PolicySettings::defaults(),
        })
    }
}

/// `users.db` in the platform's data folder: where `usersctl` looks too.
fn default_database() -> Option<String> {
    let folders = ProjectDirs::from("", "", "systemprompt-users")?;
    let path = folders.data_dir().join("users.db");
    Some(format!("sqlite://{}", path.to_str()?.replace('%', "%25").replace('?', "%3F")))
}
