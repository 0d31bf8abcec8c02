//! Where a form comes from: only these pages may send one.

use axum::extract::Request;
use axum::http::{HeaderMap, Method, header};
use url::Url;

/// Whether the browser says that another site sent this request. A client that says nothing is no browser that
/// carries somebody's cookie without being asked; the CSRF token is checked all the same.
pub(super) fn is_foreign(request: &Request) -> bool {
    if matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS) {
        return false;
    }
    let headers = request.headers();
    if let Some(site) = text(headers, "sec-fetch-site") {
        return !matches!(site, "same-origin" | "none");
    }
    // Pages that send no referrer send `null` as their origin, also to themselves.
    match text(headers, header::ORIGIN.as_str()) {
        None | Some("null") => false,
        Some(origin) => !is_own(origin, request),
    }
}

/// Whether the page before this one was of another site: then a cookie that is `SameSite=Strict` stayed at home.
pub(super) fn came_by_foreign_link(headers: &HeaderMap) -> bool {
    let navigates = text(headers, "sec-fetch-mode") == Some("navigate");
    navigates && matches!(text(headers, "sec-fetch-site"), Some("cross-site" | "same-site"))
}

/// Whether an origin is the host that was asked, by HTTP/2 in `:authority` and before in `Host`. Both are compared as
/// browsers understand them: the default port, capital letters and a dot at the end make no difference.
fn is_own(origin: &str, request: &Request) -> bool {
    let asked = request.uri().authority().map(|authority| authority.as_str());
    let Some(host) = asked.or_else(|| text(request.headers(), header::HOST.as_str())) else {
        return false;
    };
    let Some(origin) = site(origin) else { return false };
    site(&format!("{}://{host}", origin.scheme())).is_some_and(|own| same(&origin, &own))
}

/// A URL that is nothing more than a scheme, a host and perhaps a port.
fn site(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    let more = !url.username().is_empty()
        || url.password().is_some()
        || url.path() != "/"
        || url.query().is_some()
        || url.fragment().is_some();
    (!more).then_some(url)
}

fn same(one: &Url, other: &Url) -> bool {
    let host =
        |url: &Url| url.host_str().map(|host| host.strip_suffix('.').unwrap_or(host).to_owned());
    host(one) == host(other) && one.port_or_known_default() == other.port_or_known_default()
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn posted_to(uri: &str, headers: &[(&'static str, &str)]) -> bool {
        let mut request = Request::post(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        is_foreign(&request.body(axum::body::Body::empty()).unwrap())
    }

    fn posted(headers: &[(&'static str, &str)]) -> bool {
        posted_to("/admin/users/new", headers)
    }

    #[test]
    fn only_own_pages_may_post() {
        assert!(!posted(&[("sec-fetch-site", "same-origin")]));
        assert!(posted(&[("sec-fetch-site", "cross-site")]));
        assert!(posted(&[("sec-fetch-site", "same-site")]));
        assert!(!posted(&[("origin", "https://users.example"), ("host", "users.example")]));
        assert!(posted(&[("origin", "https://evil.example"), ("host", "users.example")]));
        assert!(posted(&[("origin", "https://evil.example")]));
        assert!(!posted(&[]));
    }

    #[test]
    fn an_origin_is_compared_as_browsers_understand_it() {
        for (origin, host, is_own) in [
            ("https://users.example", "users.example:443", true),
            ("http://users.example", "users.example:80", true),
            ("http://users.example:8080", "users.example:8080", true),
            ("https://users.example", "USERS.example", true),
            ("https://users.example", "users.example.", true),
            ("http://[::1]:8080", "[0:0:0:0:0:0:0:1]:8080", true),
            ("http://[2001:db8::1]", "[2001:DB8::1]", true),
            ("https://users.example", "users.example:80", false),
            ("https://users.example:8443", "users.example", false),
            ("https://users.example.evil.example", "users.example", false),
            ("https://users.example@evil.example", "users.example", false),
            ("https://users.example", "evil.example@users.example", false),
            ("https://users.example/", "users.example/x", false),
            ("users.example", "users.example", false),
            ("ftp://users.example", "users.example", false),
            ("https://users.example https://evil.example", "users.example", false),
        ] {
            let foreign = posted(&[("origin", origin), ("host", host)]);
            assert_eq!(!foreign, is_own, "{origin} {host}");
        }
    }

    #[test]
    fn what_http_2_asks_for_counts() {
        let own = [("origin", "https://users.example")];
        assert!(!posted_to("https://users.example/admin/jobs/run", &own));
        assert!(posted_to("https://other.example/admin/jobs/run", &own));
        let host = [own[0], ("host", "users.example")];
        assert!(posted_to("https://other.example/admin/jobs/run", &host));
    }
}
