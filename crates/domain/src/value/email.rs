//! Email addresses in canonical form.

use email_address::{EmailAddress, Options};
use unicode_normalization::UnicodeNormalization;

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
    /// an address literal, a domain that IDNA refuses, more than 320 characters.
    pub fn parse(text: &str) -> Result<Self> {
        if text.len() > MAX_EMAIL_CHARS * 8 {
            return Err(too_long());
        }
        let text = text.trim();
        if text.is_empty() {
            return Err(UserError::validation("email", "must not be blank"));
        }
        let (local, domain) = text.rsplit_once('@').ok_or_else(malformed)?;
        let local: String = match local.is_ascii() {
            true => local.to_ascii_lowercase(),
            false => local.to_lowercase().nfc().collect(),
        };
        if local.contains(['"', '(', ')', ' ']) || local.chars().any(char::is_control) {
            return Err(malformed());
        }
        let domain = idna::domain_to_ascii_strict(domain)
            .map_err(|_| UserError::validation("email", "the domain is not a valid host name"))?;
        let canonical = format!("{local}@{domain}");
        if canonical.chars().count() > MAX_EMAIL_CHARS {
            return Err(too_long());
        }
        let options = Options::default().without_display_text().without_domain_literal();
        EmailAddress::parse_with_options(&canonical, options).map_err(|_| malformed())?;
        Ok(Self(canonical.into()))
    }

    /// The canonical form.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

string_value!(Email);

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
