//! Where a form comes from: only these pages may send one.

use axum::http::{HeaderMap, Method, Uri, header};

/// Whether the browser says that another site sent this request. A client that says nothing is no browser that
/// carries somebody's cookie without being asked; the CSRF token is checked all the same.
pub(super) fn is_foreign(method: &Method, headers: &HeaderMap) -> bool {
    if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) {
        return false;
    }
    if let Some(site) = text(headers, "sec-fetch-site") {
        return !matches!(site, "same-origin" | "none");
    }
    // Pages that send no referrer send `null` as their origin, also to themselves.
    match text(headers, header::ORIGIN.as_str()) {
        None | Some("null") => false,
        Some(origin) => !is_own(origin, headers),
    }
}

/// Whether the page before this one was of another site: then a cookie that is `SameSite=Strict` stayed at home.
pub(super) fn came_by_foreign_link(headers: &HeaderMap) -> bool {
    let navigates = text(headers, "sec-fetch-mode") == Some("navigate");
    navigates && matches!(text(headers, "sec-fetch-site"), Some("cross-site" | "same-site"))
}

fn is_own(origin: &str, headers: &HeaderMap) -> bool {
    let Ok(origin) = origin.parse::<Uri>() else { return false };
    let Some(host) = text(headers, header::HOST.as_str()) else { return false };
    origin.authority().is_some_and(|authority| authority.as_str().eq_ignore_ascii_case(host))
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn posted(headers: &[(&'static str, &str)]) -> bool {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().unwrap());
        }
        is_foreign(&Method::POST, &map)
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
}
