//! Who is asking: the peer, or behind trusted proxies the address they vouch for.

mod header;

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::header::FORWARDED;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use ipnet::IpNet;

use self::header::MAX_HOPS;
use crate::options::ProxyHeader;
use crate::{Problem, Web};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The address of the client, in canonical form.
///
/// From an untrusted peer it is the peer, whatever the headers say. From a trusted proxy it is the right-most
/// address of the header that is not a trusted proxy itself: everything left of it was written by strangers. A
/// trusted proxy that sends no such header asks for itself. Where one sends what is not an address (`unknown`, an
/// empty element, a quoted string that does not end), nobody knows who the client is, and the request is refused: it
/// must not pass as the proxy's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClientIp(pub IpAddr);

impl FromRequestParts<Web> for ClientIp {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> Result<Self, Problem> {
        client_of(parts, web).map(Self)
    }
}

impl ClientIp {
    /// The client of a request to a router that is served with
    /// `into_make_service_with_connect_info::<SocketAddr>()`.
    ///
    /// # Errors
    /// 500 when the server does not tell the peer's address; 403 when trusted proxies do not say who the client is.
    pub fn of(parts: &Parts, web: &Web) -> Result<Self, Problem> {
        if let Some(known) = parts.extensions.get::<Self>() {
            return Ok(*known);
        }
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let Some(ConnectInfo(peer)) = peer else {
            tracing::error!("the server must be made with connect info: no peer address is known");
            return Err(Problem::internal());
        };
        let options = web.options();
        client(peer.ip(), &parts.headers, options.proxy_header, &options.trusted_proxies)
            .map(Self)
            .ok_or_else(|| unknown(options.proxy_header))
    }
}

/// The code of the problem when nobody knows who the client is.
pub(crate) const UNKNOWN: &str = "unknown_address";

fn unknown(header: ProxyHeader) -> Problem {
    let field = header.name();
    Problem::new(StatusCode::FORBIDDEN, UNKNOWN, "The client's address is not known")
        .detail(format!("a trusted proxy must end `{field}` with the address of its client"))
        .field(field)
}

/// The client of a request, which is noted with it, so that the headers are walked once.
pub(crate) fn client_of(parts: &mut Parts, web: &Web) -> Result<IpAddr, Problem> {
    let client = ClientIp::of(parts, web)?;
    parts.extensions.insert(client);
    Ok(client.0)
}

/// `None` where the trusted proxies do not say who the client is.
fn client(
    peer: IpAddr,
    headers: &HeaderMap,
    header: ProxyHeader,
    trusted: &[IpNet],
) -> Option<IpAddr> {
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(&address));
    let mut walk = Walk { client: peer.to_canonical(), hops: 0 };
    if !is_trusted(walk.client) {
        return Some(walk.client);
    }
    let lines = headers.get_all(match header {
        ProxyHeader::XForwardedFor => X_FORWARDED_FOR,
        ProxyHeader::Forwarded => FORWARDED,
    });
    for line in lines.iter().rev().map(HeaderValue::as_bytes) {
        let end = match header {
            ProxyHeader::XForwardedFor => walk.go_on(header::x_forwarded_for(line), is_trusted),
            ProxyHeader::Forwarded => {
                walk.go_on(header::forwarded(line).right_most_first(), is_trusted)
            }
        };
        if let Some(client) = end {
            return client;
        }
    }
    Some(walk.client)
}

/// The way back from the peer, from one proxy to the one before it.
struct Walk {
    client: IpAddr,
    hops: usize,
}

impl Walk {
    /// Where the walk ends on this line: at the client, or at what can't be read. `None` when it goes on.
    fn go_on(
        &mut self,
        hops: impl Iterator<Item = Option<IpAddr>>,
        is_trusted: impl Fn(IpAddr) -> bool,
    ) -> Option<Option<IpAddr>> {
        for hop in hops {
            self.hops += 1;
            let Some(address) = hop.filter(|_| self.hops <= MAX_HOPS) else { return Some(None) };
            if !is_trusted(address) {
                return Some(Some(address));
            }
            self.client = address;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(peer: &str, header: ProxyHeader, lines: &[&str]) -> String {
        let trusted = ["10.0.0.0/8".parse().unwrap(), "2001:db8::/32".parse().unwrap()];
        let mut headers = HeaderMap::new();
        let name = match header {
            ProxyHeader::XForwardedFor => "x-forwarded-for",
            ProxyHeader::Forwarded => "forwarded",
        };
        for line in lines {
            headers.append(name, HeaderValue::from_bytes(line.as_bytes()).unwrap());
        }
        let client = client(peer.parse().unwrap(), &headers, header, &trusted);
        client.map_or("?".to_owned(), |client| client.to_string())
    }

    fn forwarded_for(peer: &str, lines: &[&str]) -> String {
        ask(peer, ProxyHeader::XForwardedFor, lines)
    }

    #[test]
    fn a_stranger_says_nothing_about_its_address() {
        assert_eq!(forwarded_for("203.0.113.9", &["1.2.3.4"]), "203.0.113.9");
        assert_eq!(forwarded_for("::ffff:203.0.113.9", &["127.0.0.1"]), "203.0.113.9");
    }

    #[test]
    fn the_right_most_untrusted_address_counts() {
        assert_eq!(forwarded_for("10.0.0.1", &["6.6.6.6, 198.51.100.7, 10.2.0.1"]), "198.51.100.7");
        assert_eq!(forwarded_for("10.0.0.1", &["6.6.6.6", "198.51.100.7"]), "198.51.100.7");
        assert_eq!(forwarded_for("::ffff:10.0.0.1", &["[2001:db9::1]:443"]), "2001:db9::1");
        assert_eq!(forwarded_for("10.0.0.1", &["198.51.100.7:4711"]), "198.51.100.7");
    }

    #[test]
    fn proxies_alone_leave_the_farthest_proxy() {
        assert_eq!(forwarded_for("10.0.0.1", &["10.0.0.3, 10.0.0.2"]), "10.0.0.3");
        assert_eq!(forwarded_for("10.0.0.1", &[]), "10.0.0.1");
    }

    #[test]
    fn behind_what_can_not_be_read_nobody_is_known() {
        assert_eq!(forwarded_for("10.0.0.1", &["1.2.3.4, unknown, 10.0.0.2"]), "?");
        assert_eq!(forwarded_for("10.0.0.1", &["1.2.3.4", ""]), "?");
        for last in ["", " ", "unknown", "_hidden", "-", "localhost", "1.2.3", "\"1.2.3.5\""] {
            assert_eq!(forwarded_for("10.0.0.1", &[&format!("1.2.3.4, {last}")]), "?", "{last}");
        }
        let proxies = ["10.0.0.2"; MAX_HOPS + 1].join(",");
        assert_eq!(forwarded_for("10.0.0.1", &[&proxies]), "?");
        let proxies = ["10.0.0.2"; MAX_HOPS].join(",");
        assert_eq!(forwarded_for("10.0.0.1", &[&proxies]), "10.0.0.2");
    }

    #[test]
    fn lines_are_read_from_the_last_to_the_first() {
        let forwarded = |lines: &[&str]| ask("10.0.0.1", ProxyHeader::Forwarded, lines);
        assert_eq!(forwarded(&["for=6.6.6.6;x=\"", "for=198.51.100.7"]), "198.51.100.7");
        assert_eq!(forwarded(&["for=198.51.100.7", "for=10.0.0.2"]), "198.51.100.7");
        assert_eq!(forwarded(&["for=6.6.6.6", "for=10.0.0.2;x=\""]), "?");
        assert_eq!(forwarded(&["for=6.6.6.6", "proto=https"]), "?");
    }

    #[test]
    fn garbage_does_not_hide_what_a_proxy_put_behind_it() {
        let long = format!("{}, 198.51.100.7", "6.6.6.6,".repeat(12_000));
        for line in ["\u{fffd}, 198.51.100.7", "x, 198.51.100.7", "\t,,;=, 198.51.100.7", &long] {
            assert_eq!(forwarded_for("10.0.0.1", &[line]), "198.51.100.7");
            let forwarded = line.replace("198.", "for=198.");
            assert_eq!(ask("10.0.0.1", ProxyHeader::Forwarded, &[&forwarded]), "198.51.100.7");
        }
        for port in ["198.51.100.7:0", "[::ffff:198.51.100.7]:1", "[::ffff:c633:6407]"] {
            assert_eq!(forwarded_for("10.0.0.1", &[port]), "198.51.100.7");
        }
        for unreadable in ["fe80::1%eth0", "[2001:db9::1", "2001:db9::1]:1", "198.51.100.7:99999"] {
            assert_eq!(forwarded_for("10.0.0.1", &[unreadable]), "?");
        }
    }

    #[test]
    fn forwarded_is_read_as_the_standard_writes_it() {
        let forwarded = |lines: &[&str]| ask("2001:db8::1", ProxyHeader::Forwarded, lines);
        assert_eq!(
            forwarded(&["for=1.1.1.1, For=\"[2001:db9::17]:47\";proto=https"]),
            "2001:db9::17"
        );
        assert_eq!(forwarded(&["for=192.0.2.43;by=10.0.0.1"]), "192.0.2.43");
        assert_eq!(forwarded(&["for=_hidden"]), "?");
    }
}
