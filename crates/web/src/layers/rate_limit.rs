//! How often an address, a key or a session may ask.

use std::hash::{BuildHasher, Hash, RandomState};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};

use crate::auth::Principal;
use crate::client_ip::client_of;
use crate::{Problem, RateLimit, Web};

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const STATE: HeaderName = HeaderName::from_static("ratelimit");

/// How many allowances are kept at the most: whoever asks falls into one of these by a secret hash, so memory is
/// bounded however many addresses a stranger has.
const SLOTS: u64 = 1 << 20;

/// After how many questions allowances that are full again are dropped.
const SWEEP_EVERY: u32 = 1 << 16;

/// A middleware: refuses with 429 the addresses that ask too often. IPv6 clients count by their /64, which is one
/// customer's.
pub async fn limit_addresses(State(web): State<Web>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let address = match client_of(&mut parts, &web) {
        Ok(address) => address,
        Err(problem) => return problem.into_response(),
    };
    let request = Request::from_parts(parts, body);
    web.limits().addresses.run(&network_of(address), request, next).await
}

/// A middleware behind [`crate::auth::authenticate`]: refuses with 429 the keys and sessions that ask too often.
pub async fn limit_principals(State(web): State<Web>, request: Request, next: Next) -> Response {
    match request.extensions().get::<Principal>().map(Principal::id) {
        Some(id) => web.limits().principals.run(&id, request, next).await,
        None => next.run(request).await,
    }
}

/// The allowances of one host.
#[derive(Debug)]
pub(crate) struct Limits {
    addresses: Limiter,
    principals: Limiter,
    guesses: Limiter,
}

/// How many keys that are not valid one address may try. Whoever has the right one is not counted.
const GUESSES: RateLimit = RateLimit::new(10, 20);

impl Limits {
    pub(crate) fn new(per_address: RateLimit, per_key: RateLimit) -> Self {
        Self {
            addresses: Limiter::new("address", per_address),
            principals: Limiter::new("key", per_key),
            guesses: Limiter::new("guesses", GUESSES),
        }
    }

    /// Notes that `address` has sent a key that is not valid: 429 when there were too many of them.
    pub(crate) fn refuse_guess(&self, address: IpAddr) -> Option<Response> {
        let refused = self.guesses.ask(&network_of(address)).err();
        refused.map(|seconds| self.guesses.refuse(seconds))
    }
}

struct Limiter {
    name: &'static str,
    rate: RateLimit,
    allowances: RateLimiter<u64, DashMapStateStore<u64>, DefaultClock, StateInformationMiddleware>,
    hasher: RandomState,
    asked: AtomicU32,
}

impl Limiter {
    fn new(name: &'static str, rate: RateLimit) -> Self {
        let quota = Quota::per_second(rate.per_second).allow_burst(rate.burst);
        Self {
            name,
            rate,
            allowances: RateLimiter::keyed(quota).with_middleware::<StateInformationMiddleware>(),
            hasher: RandomState::new(),
            asked: AtomicU32::new(0),
        }
    }

    async fn run(&self, who: &impl Hash, request: Request, next: Next) -> Response {
        match self.ask(who) {
            Ok(remaining) => {
                let mut response = next.run(request).await;
                self.tell(response.headers_mut(), remaining);
                response
            }
            Err(seconds) => self.refuse(seconds),
        }
    }

    fn refuse(&self, seconds: u32) -> Response {
        let title = "Too many requests";
        let mut response = Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", title)
            .detail(format!("ask again in {seconds} s"))
            .retry_after(seconds)
            .into_response();
        self.tell(response.headers_mut(), 0);
        response
    }

    /// How many more requests are allowed at once, or after how many seconds the next one is.
    fn ask(&self, who: &impl Hash) -> Result<u32, u32> {
        if self.asked.fetch_add(1, Ordering::Relaxed) % SWEEP_EVERY == SWEEP_EVERY - 1 {
            self.allowances.retain_recent();
        }
        let slot = self.hasher.hash_one(who) % SLOTS;
        match self.allowances.check_key(&slot) {
            Ok(state) => Ok(state.remaining_burst_capacity()),
            Err(until) => {
                let wait = until.wait_time_from(self.allowances.clock().now());
                Err(u32::try_from(wait.as_secs()).unwrap_or(u32::MAX).saturating_add(1))
            }
        }
    }

    /// The two headers, one item for each policy that the request went through.
    fn tell(&self, headers: &mut HeaderMap, remaining: u32) {
        let RateLimit { per_second, burst } = self.rate;
        let window = burst.get().div_ceil(per_second.get());
        let reset = burst.get().saturating_sub(remaining).div_ceil(per_second.get());
        let policy = format!("\"{}\";q={burst};w={window}", self.name);
        let state = format!("\"{}\";r={remaining};t={reset}", self.name);
        for (name, value) in [(POLICY, policy), (STATE, state)] {
            if let Ok(value) = HeaderValue::try_from(value) {
                headers.append(name, value);
            }
        }
    }
}

impl std::fmt::Debug for Limiter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Limiter").field("name", &self.name).field("rate", &self.rate).finish()
    }
}

fn network_of(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => {
            let network = u128::from(address) & !u128::from(u64::MAX);
            IpAddr::V6(network.into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_has_an_allowance_of_their_own() {
        let limiter = Limiter::new("test", RateLimit::new(1, 3));
        assert_eq!(limiter.ask(&"ada"), Ok(2));
        // Should a second pass in between, one more is allowed: a hundred seconds don't.
        let refused = (0..100).filter(|_| limiter.ask(&"ada").is_err()).count();
        assert!(refused > 50, "{refused}");
        assert_eq!(limiter.ask(&"bob"), Ok(2));
        assert!(matches!(limiter.ask(&"ada"), Err(1..=2)));
    }

    #[test]
    fn memory_is_given_back() {
        let limiter = Limiter::new("test", RateLimit::new(1_000_000, 1));
        for n in 0..3 * SWEEP_EVERY {
            let _ = limiter.ask(&n);
        }
        assert!(limiter.allowances.len() < 2 * SWEEP_EVERY as usize);
    }

    #[test]
    fn a_v6_customer_is_one() {
        let network = |text: &str| network_of(text.parse().unwrap());
        assert_eq!(network("2001:db8::1"), network("2001:db8::ffff:1"));
        assert_ne!(network("2001:db8::1"), network("2001:db8:0:1::1"));
        assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
    }
}
