//! The configuration: a file, the environment, flags; the later one wins.

mod collector;
mod layers;
mod policy;
mod settings;
mod values;

pub(crate) use collector::Collector;
pub(crate) use layers::Cli;
pub(crate) use settings::Settings;
pub(crate) use values::LogFormat;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use systemprompt_users::{EnforcerOptions, Policy};
use systemprompt_users_web::WebOptions;

use crate::connections::Bounds;
use crate::failure::Failure;

/// What the daemon works by: every setting has a value, and is acceptable.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) database: String,
    pub(crate) replica: Option<String>,
    pub(crate) listen: SocketAddr,
    pub(crate) migrate: bool,
    pub(crate) jobs: bool,
    pub(crate) jobs_only: bool,
    pub(crate) admin_pages: bool,
    pub(crate) metrics: bool,
    pub(crate) admin_email: String,
    pub(crate) tls: Option<TlsFiles>,
    /// In seconds.
    pub(crate) hsts: Option<i64>,
    pub(crate) connections: Bounds,
    pub(crate) header_timeout: Duration,
    pub(crate) drain_timeout: Duration,
    pub(crate) log_format: LogFormat,
    pub(crate) log_level: String,
    #[cfg_attr(not(feature = "otlp"), expect(dead_code, reason = "any is refused then"))]
    pub(crate) otlp_endpoint: Option<Collector>,
    pub(crate) policy: Policy,
    pub(crate) web: WebOptions,
    settings: Settings,
}

/// Where the certificate and its key are.
#[derive(Debug, Clone)]
pub(crate) struct TlsFiles {
    pub(crate) cert: PathBuf,
    pub(crate) key: PathBuf,
}

impl Config {
    /// Puts the layers together and checks the result.
    pub(crate) fn load(cli: Cli) -> Result<Self, Failure> {
        let settings = layers::settings(cli)?.or(Settings::defaults()?);
        Self::of(settings)
    }

    /// The settings in force, as a file that would say the same; without the secrets of the database's URL.
    pub(crate) fn print(&self) -> Result<String, Failure> {
        let shown = Settings {
            database: Some(self.shown_database()),
            replica: self.replica.as_deref().map(without_secrets),
            ..self.settings.clone()
        };
        let text = toml::to_string(&shown).map_err(Failure::because("printing the settings"))?;
        Ok(text.trim_end().to_owned())
    }

    /// The database's URL, without its secrets.
    pub(crate) fn shown_database(&self) -> String {
        without_secrets(&self.database)
    }

    fn of(settings: Settings) -> Result<Self, Failure> {
        let web = web_options(&settings)?;
        let tls = match (settings.tls_cert.clone(), settings.tls_key.clone()) {
            (Some(cert), Some(key)) => Some(TlsFiles { cert, key }),
            (None, None) => None,
            (Some(_), None) => return Err(Failure::setting("tls_key", "tls_cert needs it")),
            (None, Some(_)) => return Err(Failure::setting("tls_cert", "tls_key needs it")),
        };
        let hsts = settings.hsts.map(|length| length.0.num_seconds());
        if hsts.is_some() && tls.is_none() && web.trusted_proxies.is_empty() {
            let message =
                "browsers must come by TLS: it needs tls_cert, or trusted_proxies that have one";
            return Err(Failure::setting("hsts", message));
        }
        let header_timeout = get(settings.header_timeout, "header_timeout")?.0;
        if header_timeout.is_zero() {
            return Err(Failure::setting("header_timeout", "must be longer than zero"));
        }
        let jobs_only = get(settings.jobs_only, "jobs_only")?;
        let jobs = get(settings.jobs, "jobs")?;
        if jobs_only && !jobs {
            return Err(Failure::setting("jobs_only", "there is nothing to do without jobs"));
        }
        let database = get(settings.database.clone(), "database")?;
        check_database(&database)?;
        let replica = settings.replica.clone();
        if replica.as_ref().is_some_and(|url| !is_postgres(url) || !is_postgres(&database)) {
            let message = "a replica is a Postgres database, and so is what it is a replica of";
            return Err(Failure::setting("replica", message));
        }
        let log_level = get(settings.log_level.clone(), "log_level")?;
        tracing_subscriber::EnvFilter::try_new(&log_level)
            .map_err(|error| Failure::setting("log_level", error))?;
        let otlp_endpoint = settings.otlp_endpoint.as_deref().map(Collector::of).transpose()?;
        Ok(Self {
            database,
            replica,
            listen: get(settings.listen, "listen")?.0,
            migrate: get(settings.migrate, "migrate")?,
            jobs,
            jobs_only,
            admin_pages: get(settings.admin_pages, "admin_pages")?,
            metrics: get(settings.metrics, "metrics")?,
            admin_email: get(settings.admin_email.clone(), "admin_email")?,
            tls,
            hsts,
            connections: bounds(&settings, &web)?,
            header_timeout,
            drain_timeout: get(settings.drain_timeout, "drain_timeout")?.0,
            log_format: get(settings.log_format, "log_format")?,
            log_level,
            otlp_endpoint,
            policy: settings.policy.policy()?,
            web,
            settings,
        })
    }
}

fn bounds(settings: &Settings, web: &WebOptions) -> Result<Bounds, Failure> {
    let all = get(settings.max_connections, "max_connections")?;
    if all == 0 {
        return Err(Failure::setting("max_connections", "must be at least 1"));
    }
    let per_address = settings.max_connections_per_address.unwrap_or_else(|| (all / 4).max(1));
    if !(1..=all).contains(&per_address) {
        let message = format!("must be at least 1 and at most max_connections, which is {all}");
        return Err(Failure::setting("max_connections_per_address", message));
    }
    Ok(Bounds { all, per_address, proxies: web.trusted_proxies.clone() })
}

fn web_options(settings: &Settings) -> Result<WebOptions, Failure> {
    let on_ban_outage = get(settings.on_ban_outage, "on_ban_outage")?.into();
    let listen = get(settings.listen, "listen")?.0;
    let trusted_proxies = get(settings.trusted_proxies.clone(), "trusted_proxies")?;
    let trusted_proxies: Vec<IpNet> =
        trusted_proxies.into_iter().map(|network| network.0).collect();
    // A browser on this very machine comes without TLS; any other is expected to come with it.
    let is_local =
        listen.ip().is_loopback() && settings.tls_cert.is_none() && trusted_proxies.is_empty();
    let defaults = WebOptions::new(on_ban_outage);
    let options = WebOptions {
        trusted_proxies,
        proxy_header: get(settings.proxy_header, "proxy_header")?.into(),
        session_cookie: get(settings.session_cookie.clone(), "session_cookie")?,
        secure_cookies: settings.secure_cookies.unwrap_or(!is_local),
        require_if_match: get(settings.require_if_match, "require_if_match")?,
        forward_auth_key: get(settings.forward_auth_key, "forward_auth_key")?,
        max_body: get(settings.max_body, "max_body")?,
        max_import_body: get(settings.max_import_body, "max_import_body")?,
        request_timeout: get(settings.request_timeout, "request_timeout")?.0,
        rate_per_key: get(settings.rate_per_key, "rate_per_key")?.into(),
        rate_per_address: get(settings.rate_per_address, "rate_per_address")?.into(),
        enforcer: EnforcerOptions {
            lag_bound: get(settings.lag_bound, "lag_bound")?.0,
            when_behind: get(settings.when_behind, "when_behind")?.into(),
            cache_sessions: get(settings.cache_sessions, "cache_sessions")?,
            ..defaults.enforcer.clone()
        },
        ..defaults
    };
    options.check()?;
    Ok(options)
}

fn get<T>(setting: Option<T>, key: &str) -> Result<T, Failure> {
    setting.ok_or_else(|| Failure::setting(key, "it has no value"))
}

/// The pool says more when it connects; this is for `--check`.
fn check_database(url: &str) -> Result<(), Failure> {
    let known = ["memory:", "sqlite:", "postgres://", "postgresql://"];
    if known.iter().any(|start| url.starts_with(start)) {
        return Ok(());
    }
    let message = "expected memory:, sqlite://path or postgres://user@host/name";
    Err(Failure::setting("database", message))
}

fn is_postgres(url: &str) -> bool {
    url.starts_with("postgres://") || url.starts_with("postgresql://")
}

/// The URL with its password, and whatever stands behind the `?`, hidden.
fn without_secrets(database: &str) -> String {
    if !database.starts_with("postgres") {
        return database.to_owned();
    }
    let Ok(mut url) = url::Url::parse(database) else { return "postgres://***".to_owned() };
    if url.password().is_some() && url.set_password(Some("***")).is_err() {
        return "postgres://***".to_owned();
    }
    if url.query().is_some() {
        url.set_query(Some("***"));
    }
    url.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_of_a_url_are_hidden() {
        for (url, shown) in [
            ("sqlite:///var/lib/users.db", "sqlite:///var/lib/users.db"),
            ("postgres://u:hunter2@h:1/d", "postgres://u:***@h:1/d"),
            ("postgres://u@h/d?password=hunter2", "postgres://u@h/d?***"),
            ("postgres://u:p@[hunter2", "postgres://***"),
        ] {
            assert_eq!(without_secrets(url), shown);
        }
    }

    #[test]
    fn a_replica_goes_with_postgres_alone() {
        let with = |database: &str, replica: &str| {
            let mut settings = Settings::defaults().unwrap();
            settings.database = Some(database.into());
            settings.replica = Some(replica.into());
            Config::of(settings)
        };
        let (primary, replica) = ("postgres://u@h/d", "postgres://u:hunter2@h2/d");
        let printed = with(primary, replica).unwrap().print().unwrap();
        assert!(printed.contains("u:***@h2"), "{printed}");
        for (database, replica) in [("memory:", replica), (primary, "sqlite://hunter2.db")] {
            let Failure::Config(refused) = with(database, replica).unwrap_err() else { panic!() };
            assert!(refused.contains("replica") && !refused.contains("hunter2"), "{refused}");
        }
    }

    #[test]
    fn cookies_are_secure_where_strangers_come() {
        let secure = |change: fn(&mut Settings)| {
            let mut settings = Settings::defaults().unwrap();
            settings.database = Some("memory:".into());
            change(&mut settings);
            Config::of(settings).unwrap().web.secure_cookies
        };
        assert!(!secure(|_| {}));
        assert!(secure(|settings| settings.listen = "0.0.0.0:80".parse().ok()));
        assert!(secure(
            |settings| settings.trusted_proxies = Some(vec!["::1/128".parse().unwrap()])
        ));
        assert!(secure(|settings| settings.secure_cookies = Some(true)));
    }
}
