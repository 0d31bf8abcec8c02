//! The address of a user's picture.

use url::Url;

use super::string_value;
use super::text::{MAX_TEXT_CHARS, check_text};
use crate::{Result, UserError};

/// An absolute `http` or `https` URL without a password in it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AvatarUrl(Box<str>);

impl AvatarUrl {
    /// Trims and checks; what other schemes do (`javascript:`, `data:`) is not for a page to run.
    ///
    /// # Errors
    /// `Validation` of `avatar_url`.
    pub fn parse(text: &str) -> Result<Self> {
        let malformed = || {
            UserError::validation("avatar_url", "expected a URL such as https://example.com/me.png")
        };
        let text = check_text("avatar_url", text, MAX_TEXT_CHARS)?;
        let url = Url::parse(&text).map_err(|_| malformed())?;
        let web = matches!(url.scheme(), "http" | "https") && url.has_host();
        if !web || !url.username().is_empty() || url.password().is_some() {
            return Err(malformed());
        }
        if url.as_str().chars().count() > MAX_TEXT_CHARS {
            return Err(UserError::validation("avatar_url", "must be at most 255 characters long"));
        }
        Ok(Self(String::from(url).into()))
    }

    /// The URL.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

string_value!(AvatarUrl);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_web_addresses() {
        assert_eq!(
            AvatarUrl::parse("HTTPS://Example.com/a b.png").unwrap().as_str(),
            "https://example.com/a%20b.png"
        );
        for bad in
            ["", "me.png", "javascript:alert(1)", "data:image/png,", "https://u:p@example.com/"]
        {
            assert_eq!(AvatarUrl::parse(bad).unwrap_err().field(), Some("avatar_url"), "{bad:?}");
        }
    }
}
