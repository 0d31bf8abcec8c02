//! Cookies of a request, read as bytes: what one of them holds never hides another.

use axum::http::{HeaderMap, HeaderValue, header};

/// The values of the cookies of that name, in the order in which they came, over all lines of the header. Blanks around
/// a name and a value are dropped, and so is one pair of quotes around a value. A value that is not text is left out.
pub(crate) fn cookies<'a>(headers: &'a HeaderMap, name: &str) -> impl Iterator<Item = &'a str> {
    let lines = headers.get_all(header::COOKIE).into_iter().map(HeaderValue::as_bytes);
    lines.flat_map(|line| line.split(|byte| *byte == b';')).filter_map(move |pair| {
        let equals = pair.iter().position(|byte| *byte == b'=')?;
        let (found, value) = pair.split_at_checked(equals)?;
        if found.trim_ascii() != name.as_bytes() {
            return None;
        }
        let value = value.get(1..)?.trim_ascii();
        let quoted = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\""));
        str::from_utf8(quoted.unwrap_or(value)).ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[&[u8]]) -> String {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append("cookie", HeaderValue::from_bytes(line).unwrap());
        }
        cookies(&headers, "session").collect::<Vec<_>>().join("|")
    }

    #[test]
    fn a_cookie_has_exactly_that_name() {
        let lines = [&b"xsession=1; session2=2; Session=5"[..], b"a=b; session=3="];
        assert_eq!(read(&lines), "3=");
        assert_eq!(read(&[b"session", b"=session", b"sess=1"]), "");
    }

    #[test]
    fn no_cookie_hides_another() {
        for line in [
            &b"session=T"[..],
            b" session = T ",
            b";; session=T;",
            b"a;session=T",
            b"session=\"T\"",
            b"a=\"x;session=T;b=y\"",
            "name=Jörg; session=T".as_bytes(),
            b"name=J\xF6rg; session=T; last=\xFF",
            b"n\xF6me=x; session=T",
            b"session=\xFF; session=T",
        ] {
            assert_eq!(read(&[line]), "T", "{line:?}");
        }
        assert_eq!(read(&[b"session=1; session=2", b"\xFF", b"a=b; session=3"]), "1|2|3");
        assert_eq!(read(&[b"session=; session=\"; session=\"\""]), "|\"|");
    }
}
