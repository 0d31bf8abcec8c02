//! Who is asking: the peer, or behind trusted proxies the address they vouch for.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use ipnet::IpNet;

use crate::options::ProxyHeader;
use crate::{Problem, Web};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// How many entries of a forwarding header are looked at, from the right.
const MAX_HOPS: usize = 32;

/// The address of the client, in canonical form.
///
/// From an untrusted peer it is the peer, whatever the headers say. From a trusted proxy it is the right-most
/// address of the header that is no trusted proxy itself: everything left of it was written by strangers.
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
    /// 500 when the server does not tell the peer's address.
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
        Ok(Self(client(peer.ip(), &parts.headers, options.proxy_header, &options.trusted_proxies)))
    }
}

/// The client of a request, which is noted with it, so that the headers are walked once.
pub(crate) fn client_of(parts: &mut Parts, web: &Web) -> Result<IpAddr, Problem> {
    let client = ClientIp::of(parts, web)?;
    parts.extensions.insert(client);
    Ok(client.0)
}

fn client(peer: IpAddr, headers: &HeaderMap, header: ProxyHeader, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(&address));
    let mut client = peer.to_canonical();
    let lines = headers.get_all(match header {
        ProxyHeader::XForwardedFor => X_FORWARDED_FOR,
        ProxyHeader::Forwarded => header::FORWARDED,
    });
    // As bytes: what a stranger wrote into a line must not hide what a proxy put behind it.
    let lines: Vec<&[u8]> = lines.iter().map(HeaderValue::as_bytes).collect();
    let entries = lines.iter().rev().flat_map(|line| line.rsplit(|byte| *byte == b','));
    for entry in entries.take(MAX_HOPS) {
        if !is_trusted(client) {
            break;
        }
        let entry = str::from_utf8(entry).unwrap_or_default();
        let address = match header {
            ProxyHeader::XForwardedFor => parse_address(entry),
            ProxyHeader::Forwarded => parse_forwarded(entry),
        };
        // What can't be read hides who came before it: the last proxy that is known answers for it.
        let Some(address) = address else { break };
        client = address;
    }
    client
}

/// The `for` of one element of `Forwarded`.
fn parse_forwarded(element: &str) -> Option<IpAddr> {
    let pair = element.split(';').find_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        name.eq_ignore_ascii_case("for").then_some(value)
    })?;
    parse_address(pair.trim_matches('"'))
}

/// An address, perhaps with a port, as proxies write them.
fn parse_address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let address = bare
        .unwrap_or(text)
        .parse::<IpAddr>()
        .or_else(|_| text.parse::<SocketAddr>().map(|socket| socket.ip()));
    address.ok().map(|address| address.to_canonical())
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
        client(peer.parse().unwrap(), &headers, header, &trusted).to_string()
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
    fn what_is_no_address_ends_the_walk() {
        assert_eq!(forwarded_for("10.0.0.1", &["1.2.3.4, unknown, 10.0.0.2"]), "10.0.0.2");
        assert_eq!(forwarded_for("10.0.0.1", &["1.2.3.4,"]), "10.0.0.1");
    }

    #[test]
    fn garbage_does_not_hide_what_a_proxy_put_behind_it() {
        let long = format!("{}, 198.51.100.7", "6.6.6.6,".repeat(12_000));
        for line in ["\u{fffd}, 198.51.100.7", "\", 198.51.100.7", "\t,,;=, 198.51.100.7", &long] {
            assert_eq!(forwarded_for("10.0.0.1", &[line]), "198.51.100.7");
            let forwarded = line.replace("198.", "for=198.");
            assert_eq!(ask("10.0.0.1", ProxyHeader::Forwarded, &[&forwarded]), "198.51.100.7");
        }
        for port in ["198.51.100.7:0", "[::ffff:198.51.100.7]:1", "[::ffff:c633:6407]"] {
            assert_eq!(forwarded_for("10.0.0.1", &[port]), "198.51.100.7");
        }
        for unreadable in ["fe80::1%eth0", "[2001:db9::1", "2001:db9::1]:1", "198.51.100.7:99999"] {
            assert_eq!(forwarded_for("10.0.0.1", &[unreadable]), "10.0.0.1");
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
        assert_eq!(forwarded(&["for=_hidden"]), "2001:db8::1");
    }
}
