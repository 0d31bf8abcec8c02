//! Email addresses in canonical form.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::fold::{fold_local_part, is_invisible};
use super::string_value;
use crate::{Result, UserError};

/// The longest email, in characters.
pub const MAX_EMAIL_CHARS: usize = 320;

/// An email address, kept in canonical form: trimmed, lower-case, composed, the domain in ASCII (IDNA).
///
/// ```
/// # use systemprompt_users_domain::Email;
/// let email = Email::parse("  Jürgen@BÜCHER.example ")?;
/// assert_eq!(email.as_str(), "jürgen@xn--bcher-kva.example");
/// assert_eq!(email, Email::parse("jürgen@xn--bcher-kva.example")?);
/// # Ok::<(), systemprompt_users_domain::UserError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Email(Box<str>);

impl Email {
    /// Brings an address into canonical form.
    ///
    /// # Errors
    /// `Validation` of `email` when it is no address that mail is sent to: no `@`, quotes, comments,
    /// an address literal, a local part of more than 64 bytes or of other than letters, marks, digits (of any script,
    /// RFC 6531) and the signs of RFC 5321, a domain that IDNA refuses, more than 320 characters.
    pub fn parse(text: &str) -> Result<Self> {
        let text = text.trim();
        if text.len() > MAX_EMAIL_CHARS * 16 {
            return Err(too_long());
        }
        if text.is_empty() {
            return Err(UserError::validation("email", "must not be blank"));
        }
        let (local, domain) = text.rsplit_once('@').ok_or_else(malformed)?;
        if local.is_empty() || domain.is_empty() || domain.starts_with('[') {
            return Err(malformed());
        }
        check_local(&local.nfc().collect::<String>())?;
        let local = fold_local_part(local);
        check_local(&local)?;
        let domain = idna::domain_to_ascii_strict(domain)
            .map_err(|_| UserError::validation("email", "the domain is not a valid host name"))?;
        let canonical = format!("{local}@{domain}");
        if canonical.chars().count() > MAX_EMAIL_CHARS {
            return Err(too_long());
        }
        Ok(Self(canonical.into()))
    }

    /// Takes an email that is stored as it is: addresses may be there that [`parse`](Self::parse) would not let in today.
    pub fn stored(text: &str) -> Self {
        Self(text.into())
    }

    /// Returns whether the domain is a single label, such as `b` of `a@b`, and not `localhost`.
    pub fn is_dotless(&self) -> bool {
        let domain = self.0.rsplit_once('@').map_or("", |(_, domain)| domain);
        !domain.trim_end_matches('.').contains('.') && domain != "localhost"
    }

    /// The canonical form.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

string_value!(Email);

/// The longest local part, in bytes (RFC 5321).
const MAX_LOCAL_BYTES: usize = 64;

/// Letters, marks and digits of every script (RFC 6531), the signs of RFC 5321, single dots between them.
fn check_local(local: &str) -> Result<()> {
    let refused = |message: String| Err(UserError::validation("email", message));
    let is_known = |c: char| {
        let is_sign = c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c);
        is_sign
            || (!c.is_ascii() && (c.is_alphanumeric() || is_combining_mark(c)) && !is_invisible(c))
    };
    if local.contains(['"', '(', ')', '<', '>', ' ', '@']) {
        return Err(malformed());
    }
    if let Some(bad) = local.chars().find(|c| !is_known(*c)) {
        let code = u32::from(bad);
        return refused(format!("the part before the @ must not hold the character U+{code:04X}"));
    }
    if local.starts_with('.') || local.ends_with('.') || local.contains("..") {
        return refused(
            "the part before the @ must have single dots, and none at an end".to_owned(),
        );
    }
    if local.chars().next().is_some_and(is_combining_mark) {
        return refused("the part before the @ must not begin with a combining mark".to_owned());
    }
    if local.len() > MAX_LOCAL_BYTES {
        return refused(format!(
            "the part before the @ must be at most {MAX_LOCAL_BYTES} bytes long"
        ));
    }
    Ok(())
}

fn malformed() -> UserError {
    UserError::validation("email", "expected an address such as name@example.com")
}

fn too_long() -> UserError {
    UserError::validation("email", format!("must be at most {MAX_EMAIL_CHARS} characters long"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_is_one_address() {
        for spelling in ["User@Example.COM", " user@example.com\n", "user@EXAMPLE.com"] {
            assert_eq!(Email::parse(spelling).unwrap().as_str(), "user@example.com");
        }
        assert_eq!(Email::parse("jose\u{301}@example.com").unwrap().as_str(), "josé@example.com");
    }

    #[test]
    fn local_parts_of_every_script_are_addresses() {
        for (text, canonical) in [
            ("संपर्क@डेटामेल.भारत", "संपर्क@xn--c2bd4bq2d9bd.xn--h2brj9c"),
            ("संपर्क@example.com", "संपर्क@example.com"),
            ("ދިވެހި@example.com", "ދިވެހި@example.com"),
            ("مُحَمَّد@example.com", "مُحَمَّد@example.com"),
            ("ΓΙΏΡΓΟΣ@example.com", "γιώργοσ@example.com"),
            ("o'neil+tag/x=y@example.com", "o'neil+tag/x=y@example.com"),
            ("a@localhost", "a@localhost"),
        ] {
            let email = Email::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(email.as_str(), canonical);
            assert_eq!(Email::parse(canonical).unwrap(), email);
            assert!(!email.is_dotless());
        }
        assert!(Email::parse("a@b").unwrap().is_dotless());
        for (bad, reason) in [
            ("a\u{200B}b@example.com", "U+200B"),
            (".a@example.com", "dots"),
            ("\u{301}a@example.com", "mark"),
            ("a@exa mple.com", "domain"),
            ("Щ".repeat(33).as_str(), "expected"),
        ] {
            let error = Email::parse(bad).unwrap_err().to_string();
            assert!(error.contains(reason), "{bad:?}: {error}");
        }
    }

    #[test]
    fn refuses_what_is_no_address() {
        let long = format!("{}@example.com", "x".repeat(10_000));
        for bad in [
            "",
            "@",
            "user",
            "user@",
            "@example.com",
            "a b@example.com",
            "\"a b\"@example.com",
            "user@[127.0.0.1]",
            "user@exa_mple.com",
            "user@-example.com",
            "a\u{0}@example.com",
            "Name <user@example.com>",
            "user@example..com",
            long.as_str(),
        ] {
            assert_eq!(Email::parse(bad).unwrap_err().field(), Some("email"), "{bad:?}");
        }
    }
}
