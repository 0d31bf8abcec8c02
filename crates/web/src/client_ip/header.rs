//! What forwarding headers say: `X-Forwarded-For`, and `Forwarded` by RFC 7239.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// How many elements of a header are looked at, from the right.
pub(super) const MAX_HOPS: usize = 32;

/// The longest text of one address with its port, as `Forwarded` may quote it, in bytes.
const MAX_NODE: usize = 64;

/// The last elements of one line, the right-most first: the address of each, or `None` where it can't be read.
pub(super) struct Hops {
    ring: [Option<IpAddr>; MAX_HOPS],
    count: usize,
}

impl Hops {
    const fn new() -> Self {
        Self { ring: [None; MAX_HOPS], count: 0 }
    }

    /// One element that can't be read, instead of all that the line says.
    const fn unreadable() -> Self {
        Self { ring: [None; MAX_HOPS], count: 1 }
    }

    fn push(&mut self, hop: Option<IpAddr>) {
        if let Some(place) = self.ring.get_mut(self.count % MAX_HOPS) {
            *place = hop;
        }
        self.count += 1;
    }

    pub(super) fn right_most_first(&self) -> impl Iterator<Item = Option<IpAddr>> {
        let kept = self.count.saturating_sub(MAX_HOPS)..self.count;
        kept.rev().map(|at| self.ring.get(at % MAX_HOPS).copied().flatten())
    }
}

/// The elements of a line of `X-Forwarded-For`, the right-most first.
pub(super) fn x_forwarded_for(line: &[u8]) -> impl Iterator<Item = Option<IpAddr>> {
    // As bytes: what a stranger wrote into a line must not hide what a proxy put behind it.
    line.rsplit(|byte| *byte == b',').map(|entry| address(entry.trim_ascii(), false))
}

/// The elements of a line of `Forwarded`. A comma inside of a quoted string separates nothing; a line that ends
/// inside of one can't be read at all, since nobody can tell which of its quotes a proxy wrote.
pub(super) fn forwarded(line: &[u8]) -> Hops {
    let mut hops = Hops::new();
    let mut rest = line;
    loop {
        let Some((element, behind)) = split(rest, b',') else { return Hops::unreadable() };
        hops.push(node(element));
        match behind {
            Some(behind) => rest = behind,
            None => return hops,
        }
    }
}

/// What stands before the first separator outside of quotes, and what behind it. `None` where a quoted string does
/// not end.
fn split(text: &[u8], separator: u8) -> Option<(&[u8], Option<&[u8]>)> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    for (at, byte) in text.iter().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_quoted => is_escaped = true,
            b'"' => is_quoted = !is_quoted,
            _ if *byte == separator && !is_quoted => {
                let (before, behind) = text.split_at_checked(at)?;
                return Some((before, behind.get(1..)));
            }
            _ => {}
        }
    }
    (!is_quoted).then_some((text, None))
}

/// The address in the one `for` of an element of which every pair can be read.
fn node(element: &[u8]) -> Option<IpAddr> {
    let mut found = None;
    let mut rest = Some(element);
    while let Some(text) = rest {
        let (pair, behind) = split(text, b';')?;
        rest = behind;
        let pair = pair.trim_ascii();
        // The standard allows for empty pairs.
        if pair.is_empty() {
            continue;
        }
        let equals = pair.iter().position(|byte| *byte == b'=')?;
        let (name, value) = pair.split_at_checked(equals)?;
        let value = Value::of(value.get(1..)?)?;
        if !name.iter().all(|byte| is_token(*byte)) || name.is_empty() {
            return None;
        }
        if name.eq_ignore_ascii_case(b"for") {
            if found.is_some() {
                return None;
            }
            found = Some(value.address()?);
        }
    }
    found
}

/// The value of a pair.
enum Value<'a> {
    /// As it stands there.
    Plain(&'a [u8]),
    /// What is between the quotes, with its escapes.
    Quoted(&'a [u8]),
}

impl<'a> Value<'a> {
    /// `None` where it is neither one word nor one quoted string.
    fn of(text: &'a [u8]) -> Option<Self> {
        let Some(quoted) = text.strip_prefix(b"\"") else {
            let is_word = |byte: &u8| byte.is_ascii_graphic() && !b"\"\\".contains(byte);
            return (!text.is_empty() && text.iter().all(is_word)).then_some(Self::Plain(text));
        };
        let mut is_escaped = false;
        for (at, byte) in quoted.iter().enumerate() {
            match byte {
                _ if is_escaped => is_escaped = false,
                b'\\' => is_escaped = true,
                // Nothing comes behind the closing quote.
                b'"' => {
                    let is_last = at + 1 == quoted.len();
                    return if is_last { quoted.get(..at).map(Self::Quoted) } else { None };
                }
                _ => {}
            }
        }
        None
    }

    fn address(&self) -> Option<IpAddr> {
        let quoted = match self {
            Self::Plain(text) => return address(text, true),
            Self::Quoted(quoted) => quoted,
        };
        let (mut text, mut length) = ([0; MAX_NODE], 0);
        let mut is_escaped = false;
        for byte in *quoted {
            if *byte == b'\\' && !is_escaped {
                is_escaped = true;
                continue;
            }
            is_escaped = false;
            *text.get_mut(length)? = *byte;
            length += 1;
        }
        address(text.get(..length)?, true)
    }
}

/// An address, perhaps with a port, in canonical form. A zone is no part of an address that anybody else could know.
fn address(text: &[u8], may_hide_port: bool) -> Option<IpAddr> {
    let text = str::from_utf8(text).ok()?;
    let is_port = |port: &str| is_port(port, may_hide_port);
    if let Some(bracketed) = text.strip_prefix('[') {
        let (v6, port) = bracketed.split_once(']')?;
        let is_whole = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
        let v6 = v6.parse::<Ipv6Addr>().ok().filter(|_| is_whole)?;
        return Some(IpAddr::V6(v6).to_canonical());
    }
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(address.to_canonical());
    }
    let (v4, port) = text.split_once(':')?;
    v4.parse::<Ipv4Addr>().ok().filter(|_| is_port(port)).map(IpAddr::V4)
}

/// A number, or in `Forwarded` a name that hides it.
fn is_port(port: &str, may_be_hidden: bool) -> bool {
    let hidden = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    match port.strip_prefix('_') {
        Some(name) => may_be_hidden && !name.is_empty() && name.bytes().all(hidden),
        None => port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok(),
    }
}

const fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The elements from the right, `?` where one can't be read.
    fn hops(line: &str) -> String {
        let shown = |hop: Option<IpAddr>| hop.map_or("?".to_owned(), |hop| hop.to_string());
        forwarded(line.as_bytes()).right_most_first().map(shown).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_comma_inside_of_quotes_separates_nothing() {
        for (line, expected) in [
            (r#"for=203.0.113.66;host="a,for=198.51.100.1""#, "203.0.113.66"),
            (r#"for=203.0.113.66;host="a\",for=198.51.100.1""#, "203.0.113.66"),
            (r#"for=203.0.113.66;host="a\\",for=198.51.100.1"#, "198.51.100.1 203.0.113.66"),
            (r#"host=";for=198.51.100.1";for=203.0.113.66"#, "203.0.113.66"),
            (r#"for=1.1.1.1;x=", for=203.0.113.66;host=",for=198.51.100.1;y=""#, "?"),
            (r#"for=1.1.1.1;x="", for=203.0.113.66"#, "203.0.113.66 1.1.1.1"),
        ] {
            assert_eq!(hops(line), expected, "{line}");
        }
    }

    #[test]
    fn an_element_is_read_as_the_standard_writes_it() {
        for (line, expected) in [
            ("for=192.0.2.43", "192.0.2.43"),
            ("FOR=192.0.2.43;Proto=http;by=203.0.113.43", "192.0.2.43"),
            ("proto=http ; for=192.0.2.43", "192.0.2.43"),
            (";for=192.0.2.43;", "192.0.2.43"),
            (r#"for="192.0.2.43:80""#, "192.0.2.43"),
            ("for=192.0.2.43:80", "192.0.2.43"),
            (r#"for="192.0.2.43:_http""#, "192.0.2.43"),
            (r#"for="[2001:db8::1]:8080""#, "2001:db8::1"),
            (r#"for="[2001:db8::1]""#, "2001:db8::1"),
            (r#"for="\[2001:db8::\1]""#, "2001:db8::1"),
            (r#"for="[::ffff:192.0.2.43]""#, "192.0.2.43"),
            ("for=1.1.1.1, for=2.2.2.2,for=3.3.3.3", "3.3.3.3 2.2.2.2 1.1.1.1"),
            ("garbage, for=192.0.2.43", "192.0.2.43 ?"),
        ] {
            assert_eq!(hops(line), expected, "{line}");
        }
    }

    #[test]
    fn what_is_not_one_address_can_not_be_read() {
        for line in [
            "",
            " ",
            "for=",
            r#"for="""#,
            "for=unknown",
            "for=_hidden",
            "for=fe80::1%eth0",
            r#"for="[fe80::1%eth0]""#,
            r#"for="[fe80::1%2]:80""#,
            "proto=https",
            "for=1.1.1.1;for=2.2.2.2",
            "for=1.1.1.1;For=1.1.1.1",
            "for=1.1.1.1;x",
            "for=1.1.1.1;=x",
            "for=1.1.1.1;x=",
            "for =1.1.1.1",
            "for= 1.1.1.1",
            "for=1.1.1.1 2.2.2.2",
            r#"for="1.1.1.1"x"#,
            r#"for=1.1.1.1;host="a"b"#,
            r#"for=1.1.1.1;host=\"a\""#,
            r#"for="1.1.1.1"#,
            r#"for="1.1.1.1\""#,
            r#"for=x"1.1.1.1""#,
            "for=1.1.1.1:99999",
            "for=1.1.1.1:",
            "for=1.1.1.1:+80",
            "for=[1.1.1.1]",
            "for=2001:db8::1]",
            "for=1.1.1",
        ] {
            assert_eq!(hops(line), "?", "{line}");
        }
        let long = format!("for=\"{}\"", "1".repeat(1000));
        assert_eq!(hops(&long), "?");
    }

    #[test]
    fn only_the_last_elements_of_a_long_line_are_kept() {
        let long = format!("{}for=192.0.2.1", "for=6.6.6.6,".repeat(5000));
        let hops: Vec<_> = forwarded(long.as_bytes()).right_most_first().collect();
        assert_eq!(hops.len(), MAX_HOPS);
        assert_eq!(hops[0], Some("192.0.2.1".parse().unwrap()));
    }
}
