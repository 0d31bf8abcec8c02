//! Who does something.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::value::{check_text, clean_text};
use crate::{ApiKeyId, MAX_TEXT_CHARS, Result, UserError, UserId};

/// On whose behalf a change is made; every event names one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(tag = "type", content = "id", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Actor {
    /// The host itself, where it named nobody.
    #[default]
    System,
    /// A user who is signed in.
    User(UserId),
    /// An operator at a command line, by the name of the account.
    Operator(ActorName),
    /// A scheduled job, by its name.
    Job(ActorName),
    /// Another service, by the name or key it is known under.
    Service(ActorName),
    /// A program with an API key.
    ApiKey(ApiKeyId),
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System => f.write_str("system"),
            Self::User(id) => write!(f, "user:{id}"),
            Self::Operator(name) => write!(f, "operator:{name}"),
            Self::Job(name) => write!(f, "job:{name}"),
            Self::Service(name) => write!(f, "service:{name}"),
            Self::ApiKey(id) => write!(f, "api_key:{id}"),
        }
    }
}

/// What an operator, a job or a service is called: 1 to 255 characters, none of them a control character.
///
/// A text from a program or its surroundings becomes one by `into()`, which cuts and replaces what does not
/// fit; what a person typed is checked by [`ActorName::parse`].
///
/// ```
/// # use systemprompt_users_domain::{Actor, ActorName};
/// assert_eq!(Actor::Operator("root".into()).to_string(), "operator:root");
/// assert_eq!(ActorName::from("a\0b").as_str(), "a\u{FFFD}b");
/// assert_eq!(ActorName::from(" ").as_str(), "unknown");
/// assert!(ActorName::parse("a\0b").is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct ActorName(Box<str>);

impl ActorName {
    /// Trims and checks.
    ///
    /// # Errors
    /// `Validation` of `actor` when it is blank, longer than 255 characters or holds control characters.
    pub fn parse(text: &str) -> Result<Self> {
        Ok(Self(check_text("actor", text, MAX_TEXT_CHARS)?.into()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for ActorName {
    /// Cuts to 255 characters and replaces control characters; blank text is `unknown`.
    fn from(text: &str) -> Self {
        let name = clean_text(text, MAX_TEXT_CHARS);
        Self(if name.is_empty() { "unknown".into() } else { name.into() })
    }
}

impl From<String> for ActorName {
    /// As for `&str`.
    fn from(text: String) -> Self {
        text.as_str().into()
    }
}

impl From<ActorName> for String {
    fn from(name: ActorName) -> Self {
        name.0.into()
    }
}

impl std::str::FromStr for ActorName {
    type Err = UserError;

    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text)
    }
}

impl fmt::Display for ActorName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_program_is_called_can_be_kept() {
        for (text, kept) in [
            (" Jürgen \"root\" O'Neil ", "Jürgen \"root\" O'Neil"),
            ("a\0b\nc\u{202E}", "a\u{FFFD}b c\u{FFFD}"),
            ("", "unknown"),
            ("\n\t", "unknown"),
        ] {
            let name = ActorName::from(text);
            assert_eq!(name.as_str(), kept, "{text:?}");
            let json = serde_json::to_string(&Actor::Service(name.clone())).unwrap();
            assert_eq!(serde_json::from_str::<Actor>(&json).unwrap(), Actor::Service(name));
        }
        let long = ActorName::from("é".repeat(1_000_000));
        assert_eq!(long.as_str().chars().count(), MAX_TEXT_CHARS);
        assert!(ActorName::parse(long.as_str()).is_ok());
        for bad in ["", " ", "a\0b", "a\nb", &"x".repeat(256)] {
            assert_eq!(ActorName::parse(bad).unwrap_err().field(), Some("actor"));
        }
    }
}
