//! Requests that say which host they are for.

use std::net::Ipv6Addr;

use axum::extract::Request;
use axum::http::{Version, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::Problem;

/// A middleware: refuses with 400 what HTTP says is to be refused, a request that names no host, more than one, or what
/// is not a host. Proxies and caches would understand it in other ways than this host does.
pub async fn require_host(request: Request, next: Next) -> Response {
    match check(&request) {
        Ok(()) => next.run(request).await,
        Err(detail) => Problem::bad_request(detail).field("Host").into_response(),
    }
}

fn check(request: &Request) -> Result<(), &'static str> {
    let version = request.version();
    let is_http_2 = version >= Version::HTTP_2;
    let authority = request.uri().authority().map(|authority| authority.as_str().as_bytes());
    let mut hosts = request.headers().get_all(header::HOST).into_iter();
    let host = hosts.next().map(|host| host.as_bytes());
    if hosts.next().is_some() {
        return Err("there is more than one `Host`: send one");
    }
    // By HTTP/2 the host is in `:authority`; before, whatever stands in the target, `Host` must be there.
    let named = if is_http_2 { host.or(authority) } else { host };
    let Some(named) = named else {
        return if version < Version::HTTP_11 { Ok(()) } else { Err("send a `Host`") };
    };
    if !is_host(named) {
        return Err(
            "expected a name or an address, perhaps with a port, such as users.example:8080",
        );
    }
    match authority {
        Some(authority) if is_http_2 && !authority.eq_ignore_ascii_case(named) => {
            Err("`Host` and `:authority` name different hosts")
        }
        _ => Ok(()),
    }
}

/// A name or an address, and perhaps a port.
fn is_host(text: &[u8]) -> bool {
    let Ok(text) = str::from_utf8(text) else { return false };
    let (is_name, port) = match text.strip_prefix('[') {
        Some(bracketed) => {
            let Some((v6, port)) = bracketed.split_once(']') else { return false };
            (v6.parse::<Ipv6Addr>().is_ok(), port)
        }
        None => {
            let end = text.find(':').unwrap_or(text.len());
            let (name, port) = text.split_at_checked(end).unwrap_or_default();
            let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
            (!name.is_empty() && name.bytes().all(fits), port)
        }
    };
    let is_port = match port.strip_prefix(':') {
        Some("") => true,
        Some(port) => port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok(),
        None => port.is_empty(),
    };
    is_name && is_port
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn asks(version: Version, uri: &str, hosts: &[&str]) -> bool {
        let mut request = Request::get(uri).version(version);
        for host in hosts {
            request = request.header("host", *host);
        }
        check(&request.body(Body::empty()).unwrap()).is_ok()
    }

    #[test]
    fn a_request_names_one_host() {
        let (old, new, h2) = (Version::HTTP_10, Version::HTTP_11, Version::HTTP_2);
        for (version, uri, hosts, is_fine) in [
            (new, "/", &["users.example"][..], true),
            (new, "/", &[], false),
            (old, "/", &[], true),
            (new, "/", &["users.example", "users.example"], false),
            (old, "/", &["a.example", "b.example"], false),
            (new, "http://other.example/", &["users.example"], true),
            (new, "http://users.example/", &[], false),
            (h2, "http://users.example/", &[], true),
            (h2, "http://users.example/", &["USERS.example"], true),
            (h2, "http://users.example/", &["other.example"], false),
            (h2, "/", &["users.example"], true),
            (h2, "/", &[], false),
        ] {
            assert_eq!(asks(version, uri, hosts), is_fine, "{version:?} {uri} {hosts:?}");
        }
    }

    #[test]
    fn a_host_is_a_name_or_an_address() {
        for good in ["localhost", "a-b_c.example.", "127.0.0.1:80", "[::1]", "[::1]:8080", "h:"] {
            assert!(is_host(good.as_bytes()), "{good}");
        }
        for bad in [
            "",
            ":80",
            "a b",
            "a,b",
            "a/b",
            "a@b",
            "a:b",
            "a:99999",
            "a:+80",
            "a:80:80",
            "::1",
            "[::1",
            "[::1]x",
            "[a]",
            "[fe80::1%eth0]",
            "\u{e4}.example",
        ] {
            assert!(!is_host(bad.as_bytes()), "{bad}");
        }
    }
}
