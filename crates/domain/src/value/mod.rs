//! Value types: parsed once at the edge, valid from then on.

mod avatar_url;
mod direction;
mod email;
mod fold;
mod search_text;
mod text;
mod user_name;

pub use avatar_url::AvatarUrl;
pub use email::{Email, MAX_EMAIL_CHARS};
pub use fold::fold_case;
pub use search_text::{SearchMatch, SearchText, search_fields};
pub use text::{DisplayName, Fingerprint, FullName, MAX_TEXT_CHARS, optional_text};
pub(crate) use text::{check_text, clean_text};

pub use user_name::{NameLooks, UserName};

/// What every value type that wraps one string has: reading, text, serde as a plain string.
macro_rules! string_value {
    ($name:ident) => {
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = crate::UserError;

            fn from_str(text: &str) -> crate::Result<Self> {
                Self::parse(text)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(deserializer)?;
                Self::parse(&text).map_err(serde::de::Error::custom)
            }
        }
    };
}
pub(crate) use string_value;
