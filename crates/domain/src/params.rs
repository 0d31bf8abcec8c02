//! What callers hand in: plain data, parsed by the service that takes it.

use serde::{Deserialize, Deserializer, Serialize};

use crate::{AvatarUrl, DisplayName, Email, FullName, Result, Roles, UserName, UserRole};

/// A registered user to be created.
///
/// ```
/// # use systemprompt_users_domain::{CreateUserParams, UserRole};
/// let params = CreateUserParams {
///     full_name: Some("Ada Lovelace".into()),
///     roles: vec![UserRole::Admin, UserRole::User],
///     ..CreateUserParams::new("ada", "ada@example.com")
/// };
/// assert_eq!(params.name, "ada");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateUserParams {
    /// The handle.
    pub name: String,
    /// The email.
    pub email: String,
    /// The person's full name; blank is none.
    #[serde(default)]
    pub full_name: Option<String>,
    /// The name shown to others; blank is none.
    #[serde(default)]
    pub display_name: Option<String>,
    /// The address of a picture; blank is none.
    #[serde(default)]
    pub avatar_url: Option<String>,
    /// The roles; none means `User`.
    #[serde(default)]
    pub roles: Vec<UserRole>,
    /// Whether the email is known to be the user's.
    #[serde(default)]
    pub email_verified: bool,
    /// Whether a program is behind it.
    #[serde(default)]
    pub is_bot: bool,
}

impl CreateUserParams {
    /// A user of the role `User` with nothing but a name and an email.
    pub fn new(name: impl Into<String>, email: impl Into<String>) -> Self {
        Self { name: name.into(), email: email.into(), ..Self::default() }
    }

    /// Parses every field.
    ///
    /// # Errors
    /// `Validation` of the first field at fault; `InvalidRoles` for roles that can't be held, or anonymous.
    pub fn parse(&self) -> Result<NewUser> {
        let roles = match self.roles.as_slice() {
            [] => Roles::USER,
            roles => Roles::new(roles.iter().copied())?,
        };
        if roles.is_anonymous() {
            let message = "an anonymous user is made by create_anonymous".into();
            return Err(crate::UserError::InvalidRoles(message));
        }
        Ok(NewUser {
            name: UserName::parse(&self.name)?,
            email: Email::parse(&self.email)?,
            full_name: parse_optional(self.full_name.as_deref(), FullName::parse)?,
            display_name: parse_optional(self.display_name.as_deref(), DisplayName::parse)?,
            avatar_url: parse_optional(self.avatar_url.as_deref(), AvatarUrl::parse)?,
            roles,
            email_verified: self.email_verified,
            is_bot: self.is_bot,
        })
    }
}

/// [`CreateUserParams`], parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewUser {
    /// The handle.
    pub name: UserName,
    /// The email.
    pub email: Email,
    /// The person's full name.
    pub full_name: Option<FullName>,
    /// The name shown to others.
    pub display_name: Option<DisplayName>,
    /// The address of a picture.
    pub avatar_url: Option<AvatarUrl>,
    /// The roles, never anonymous.
    pub roles: Roles,
    /// Whether the email is known to be the user's.
    pub email_verified: bool,
    /// Whether a program is behind it.
    pub is_bot: bool,
}

/// Several fields of a user to change at once: absent is untouched, null is cleared.
///
/// ```
/// # use systemprompt_users_domain::{Patch, UpdateUserParams};
/// let params: UpdateUserParams = serde_json::from_str(r#"{"full_name": null, "name": "ada"}"#)?;
/// assert_eq!(params.full_name, Patch::Clear);
/// assert_eq!(params.display_name, Patch::Keep);
/// assert_eq!(params.name.as_deref(), Some("ada"));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UpdateUserParams {
    /// Another handle; can't be cleared.
    #[serde(deserialize_with = "not_null", skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Another email, which is not verified then; can't be cleared.
    #[serde(deserialize_with = "not_null", skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// The person's full name.
    #[serde(skip_serializing_if = "Patch::is_keep")]
    pub full_name: Patch<String>,
    /// The name shown to others.
    #[serde(skip_serializing_if = "Patch::is_keep")]
    pub display_name: Patch<String>,
    /// The address of a picture.
    #[serde(skip_serializing_if = "Patch::is_keep")]
    pub avatar_url: Patch<String>,
    /// Whether the email is known to be the user's. `true` needs to be told which address was verified:
    /// by `email`, `verified_email`, or the version of the user at which it was read.
    #[serde(deserialize_with = "not_null", skip_serializing_if = "Option::is_none")]
    pub email_verified: Option<bool>,
    /// The address that `email_verified` is about, in any spelling: change only if it still is the user's,
    /// else `StaleEmail`.
    #[serde(deserialize_with = "not_null", skip_serializing_if = "Option::is_none")]
    pub verified_email: Option<String>,
    /// Whether a program is behind it.
    #[serde(deserialize_with = "not_null", skip_serializing_if = "Option::is_none")]
    pub is_bot: Option<bool>,
    /// Change only if the user still is at this version, else `Stale`.
    #[serde(deserialize_with = "not_null", skip_serializing_if = "Option::is_none")]
    pub expected_version: Option<i64>,
}

/// What to do with an optional field.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Patch<T> {
    /// Leave it.
    #[default]
    Keep,
    /// Empty it.
    Clear,
    /// Put this in.
    Set(T),
}

impl<T> Patch<T> {
    /// Whether the field is left as it is.
    pub const fn is_keep(&self) -> bool {
        matches!(self, Self::Keep)
    }
}

impl<T> From<Option<T>> for Patch<T> {
    /// `None` clears.
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Clear, Self::Set)
    }
}

impl<T: Serialize> Serialize for Patch<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Set(value) => value.serialize(serializer),
            Self::Keep | Self::Clear => serializer.serialize_none(),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Patch<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::deserialize(deserializer).map(Self::from)
    }
}

/// The name and email that an anonymous user registers with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnonymousPromotion {
    /// The handle.
    pub name: String,
    /// The email, not verified yet.
    pub email: String,
    /// The person's full name; blank is none.
    #[serde(default)]
    pub full_name: Option<String>,
}

/// Parses an optional text; a blank one is none.
pub(crate) fn parse_optional<T>(
    text: Option<&str>,
    parse: impl FnOnce(&str) -> Result<T>,
) -> Result<Option<T>> {
    text.filter(|text| !text.trim().is_empty()).map(parse).transpose()
}

/// A field that may be absent but not null: null would look like "cleared".
fn not_null<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_clears_only_what_may_be_empty() {
        assert!(serde_json::from_str::<UpdateUserParams>(r#"{"name": null}"#).is_err());
        assert!(serde_json::from_str::<UpdateUserParams>(r#"{"nmae": "x"}"#).is_err());
        let params = UpdateUserParams { avatar_url: Patch::Clear, ..Default::default() };
        assert_eq!(serde_json::to_string(&params).unwrap(), r#"{"avatar_url":null}"#);
    }

    #[test]
    fn the_field_at_fault_is_named() {
        let params = CreateUserParams {
            full_name: Some("a\u{7}".into()),
            ..CreateUserParams::new("a", "a@b.example")
        };
        assert_eq!(params.parse().unwrap_err().field(), Some("full_name"));
        let params = CreateUserParams {
            roles: vec![UserRole::Anonymous],
            ..CreateUserParams::new("a", "a@b.example")
        };
        assert_eq!(params.parse().unwrap_err().field(), Some("roles"));
    }
}
