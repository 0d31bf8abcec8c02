//! What a host decides: proxies, cookies, limits, and what to do when the storage does not answer.

use std::num::NonZeroU32;
use std::time::Duration;

use ipnet::IpNet;
use systemprompt_users_application::EnforcerOptions;
use systemprompt_users_domain::{IpTarget, Result, UserError};

/// The settings of all routers and layers.
///
/// There is no `Default`: whether an address of which nobody can say whether it is banned is let in, is for the
/// host to say.
///
/// ```
/// use systemprompt_users_web::{OnOutage, WebOptions};
/// let options = WebOptions { require_if_match: true, ..WebOptions::new(OnOutage::Refuse) };
/// assert!(options.check().is_ok());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebOptions {
    /// What happens to an address when the storage can't say whether it is banned. Sessions are always refused.
    pub on_ban_outage: OnOutage,
    /// The proxies whose word on the client's address is taken, in any spelling (`::ffff:10.0.0.0/104` is
    /// `10.0.0.0/8`). Empty: the peer is the client.
    pub trusted_proxies: Vec<IpNet>,
    /// The header in which trusted proxies give the client's address.
    pub proxy_header: ProxyHeader,
    /// The name of the cookie that holds a session's token, for [`crate::layers`] and forward auth. `users_session`,
    /// which no framework uses for sessions of its own. Where the application sets it with `Secure` and `Path=/`,
    /// `__Host-users_session` keeps other hosts of the domain from setting it.
    pub session_cookie: String,
    /// Whether cookies are `Secure`: yes wherever browsers come over TLS.
    pub secure_cookies: bool,
    /// Whether a change of a user without `If-Match` is refused with 428.
    pub require_if_match: bool,
    /// Whether forward auth answers only who brings an API key of the scope `forward-auth`.
    pub forward_auth_key: bool,
    /// The longest body of a request in bytes, imports apart. 1 MiB.
    pub max_body: usize,
    /// The longest body of an import in bytes. 1 GiB: it is read as a stream, never held.
    pub max_import_body: usize,
    /// How long a request may take before it is answered with 503; imports, exports and streams apart. 30 s.
    pub request_timeout: Duration,
    /// How often one API key or session may ask. 1,000,000 a second, 2,000,000 at once: more than one host answers, so
    /// that a proxy or an application that asks for many is not slowed until the host says so.
    pub rate_per_key: RateLimit,
    /// How often one address may ask. By default as often as one key, since an address may be a proxy's.
    pub rate_per_address: RateLimit,
    /// How decisions on requests are made from memory.
    pub enforcer: EnforcerOptions,
}

/// What to do when the storage does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnOutage {
    /// Let the request through.
    Allow,
    /// Answer 503.
    Refuse,
}

/// The header that tells the addresses a request came through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ProxyHeader {
    /// `X-Forwarded-For`.
    #[default]
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

impl ProxyHeader {
    /// How it is spelled.
    pub const fn name(self) -> &'static str {
        match self {
            Self::XForwardedFor => "X-Forwarded-For",
            Self::Forwarded => "Forwarded",
        }
    }
}

/// So many requests a second on average, and so many at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// Requests a second.
    pub per_second: NonZeroU32,
    /// Requests at once after a pause.
    pub burst: NonZeroU32,
}

impl RateLimit {
    /// A limit; zero counts as one.
    pub const fn new(per_second: u32, burst: u32) -> Self {
        Self { per_second: at_least_one(per_second), burst: at_least_one(burst) }
    }
}

const fn at_least_one(count: u32) -> NonZeroU32 {
    match NonZeroU32::new(count) {
        Some(count) => count,
        None => NonZeroU32::MIN,
    }
}

impl WebOptions {
    /// The defaults of everything that has one.
    pub fn new(on_ban_outage: OnOutage) -> Self {
        Self {
            on_ban_outage,
            trusted_proxies: Vec::new(),
            proxy_header: ProxyHeader::default(),
            session_cookie: "users_session".to_owned(),
            secure_cookies: true,
            require_if_match: false,
            forward_auth_key: true,
            max_body: 1024 * 1024,
            max_import_body: 1024 * 1024 * 1024,
            request_timeout: Duration::from_secs(30),
            rate_per_key: RateLimit::new(1_000_000, 2_000_000),
            rate_per_address: RateLimit::new(1_000_000, 2_000_000),
            enforcer: EnforcerOptions::default(),
        }
    }

    /// The same with every network in canonical form, as the addresses of clients are.
    #[must_use]
    pub(crate) fn canonical(mut self) -> Self {
        for network in &mut self.trusted_proxies {
            *network = IpTarget::new(*network).network();
        }
        self
    }

    /// Checks what the types can't.
    ///
    /// # Errors
    /// `Validation` of the first field that is out of bounds.
    pub fn check(&self) -> Result<()> {
        let token = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if self.session_cookie.is_empty() || !self.session_cookie.chars().all(token) {
            return Err(UserError::validation(
                "session_cookie",
                "must be letters, digits, `-`, `_` or `.`",
            ));
        }
        if self.max_body < 1024 {
            return Err(UserError::validation("max_body", "must be at least 1024 bytes"));
        }
        if self.request_timeout < Duration::from_millis(100) {
            return Err(UserError::validation("request_timeout", "must be at least 100 ms"));
        }
        self.enforcer.check()
    }
}
