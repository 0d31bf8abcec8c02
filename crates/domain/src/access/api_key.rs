//! API keys and the rules of their life.

use chrono::{DateTime, Duration, SubsecRound, Utc};
use serde::{Deserialize, Deserializer, Serialize};

use crate::policy::check_duration;
use crate::value::check_text;
use crate::{ApiKeyId, ApiKeySecret, ApiScopes, Result, TokenHash, UserError};

/// The longest name of an API key, in characters.
pub const MAX_KEY_NAME_CHARS: usize = 100;

/// An API key as it is kept. The secret was given out once; only its hash is here.
///
/// The methods that change it are the rules; each counts `version` up by one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ApiKey {
    /// The identity; no secret.
    pub id: ApiKeyId,
    /// What people call it; several keys may share a name.
    pub name: String,
    /// The first part of the secret, which is none: a key is looked up by it.
    pub prefix: String,
    /// The hash of the secret; never serialized.
    #[serde(skip)]
    pub secret_hash: TokenHash,
    /// What it may be used for.
    pub scopes: ApiScopes,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// From when on it is of no use; `None` is never.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
    /// When it was last used; moves up without a new version.
    pub last_used_at: Option<DateTime<Utc>>,
    /// The key that a rotation made of it.
    pub replaced_by: Option<ApiKeyId>,
    /// Counts the changes, from 1.
    pub version: i64,
}

impl ApiKey {
    /// A new key that `secret` opens.
    ///
    /// # Errors
    /// `Validation` of `name` or `expires_in`.
    pub fn new(
        id: ApiKeyId,
        params: &NewApiKey,
        secret: &ApiKeySecret,
        now: DateTime<Utc>,
    ) -> Result<Self> {
        let name = check_text("name", &params.name, MAX_KEY_NAME_CHARS)?;
        let expires_at = params.expires_in.map(|lifetime| end_of("expires_in", lifetime, now));
        Ok(Self {
            id,
            name,
            prefix: secret.prefix().to_owned(),
            secret_hash: secret.hash(),
            scopes: params.scopes,
            created_at: now,
            expires_at: expires_at.transpose()?,
            revoked_at: None,
            last_used_at: None,
            replaced_by: None,
            version: 1,
        })
    }

    /// The one rule: not revoked and not expired.
    pub fn is_usable(&self, now: DateTime<Utc>) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }

    /// Whether a client's secret opens it at `now`: the hashes are compared in constant time.
    pub fn is_opened_by(&self, secret: &ApiKeySecret, now: DateTime<Utc>) -> bool {
        self.secret_hash == secret.hash() && self.is_usable(now)
    }

    /// Replaces it by a new key of the same name, scopes and length of life, and answers with that. This one
    /// is of use for another `grace`, but no longer than it would have been; without grace it is revoked.
    ///
    /// # Errors
    /// `NotAllowed` when it is not usable or was replaced already; `Validation` of `grace`.
    pub fn rotate(
        &mut self,
        id: ApiKeyId,
        secret: &ApiKeySecret,
        grace: Duration,
        now: DateTime<Utc>,
    ) -> Result<Self> {
        if !self.is_usable(now) || self.replaced_by.is_some() {
            let reason = match self {
                Self { revoked_at: Some(_), .. } => "is revoked",
                Self { replaced_by: Some(_), .. } => "has been rotated already",
                _ => "has expired",
            };
            let message = format!("API key `{}` {reason}; make a new one", self.id);
            return Err(UserError::NotAllowed(message));
        }
        let end = if grace.is_zero() { now } else { end_of("grace", grace, now)? };
        let lifetime = self.expires_at.map(|end| end.signed_duration_since(self.created_at));
        let params =
            NewApiKey { name: self.name.clone(), scopes: self.scopes, expires_in: lifetime };
        let new = Self::new(id, &params, secret, now)?;
        self.expires_at = Some(self.expires_at.map_or(end, |before| before.min(end)));
        self.revoked_at = grace.is_zero().then_some(now);
        self.replaced_by = Some(id);
        self.version += 1;
        Ok(new)
    }

    /// Makes it useless for good. Answers `false` when it was revoked already.
    pub const fn revoke(&mut self, now: DateTime<Utc>) -> bool {
        if self.revoked_at.is_some() {
            return false;
        }
        self.revoked_at = Some(now);
        self.version += 1;
        true
    }
}

/// An API key to be made.
///
/// ```
/// # use systemprompt_users_domain::NewApiKey;
/// let json = r#"{"name": "deploy", "scopes": ["read", "bans"], "expires_in": 7776000}"#;
/// let params: NewApiKey = serde_json::from_str(json)?;
/// assert_eq!(params.expires_in, Some(chrono::Duration::days(90)));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewApiKey {
    /// What people call it: 1 to 100 characters, none of them a control character.
    pub name: String,
    /// What it may be used for.
    pub scopes: ApiScopes,
    /// For how long, up to ten years; in seconds where it is serialized. `None` is for ever.
    #[serde(default, deserialize_with = "seconds")]
    pub expires_in: Option<Duration>,
}

/// A key that was just made, with its secret.
#[derive(Debug, Clone)]
pub struct IssuedApiKey {
    /// The key.
    pub key: ApiKey,
    /// Its secret, which nobody can read again.
    pub secret: ApiKeySecret,
}

fn end_of(field: &'static str, lifetime: Duration, now: DateTime<Utc>) -> Result<DateTime<Utc>> {
    check_duration(field, lifetime)?;
    now.checked_add_signed(lifetime)
        .map(|end| end.trunc_subsecs(6))
        .ok_or_else(|| UserError::validation(field, "reaches too far into the future"))
}

fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let seconds = Option::<i64>::deserialize(deserializer)?;
    let too_many = || serde::de::Error::custom("too many seconds");
    seconds.map(|seconds| Duration::try_seconds(seconds).ok_or_else(too_many)).transpose()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::{ApiScope, Entropy};

    struct Fixed;

    impl Entropy for Fixed {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(5);
        }
    }

    const START: DateTime<Utc> = DateTime::UNIX_EPOCH;

    fn id(n: u128) -> ApiKeyId {
        ApiKeyId::from_uuid(Uuid::from_u128(n))
    }

    fn key(expires_in: Option<Duration>) -> ApiKey {
        let scopes = ApiScopes::new([ApiScope::Read]).unwrap();
        let params = NewApiKey { name: " ci ".into(), scopes, expires_in };
        ApiKey::new(id(1), &params, &ApiKeySecret::generate(&Fixed), START).unwrap()
    }

    fn rotate(key: &mut ApiKey, grace: Duration, now: DateTime<Utc>) -> Result<ApiKey> {
        key.rotate(id(2), &ApiKeySecret::generate(&Fixed), grace, now)
    }

    #[test]
    fn a_key_ends_with_its_time_or_its_revocation() {
        let mut day = key(Some(Duration::days(1)));
        assert_eq!(day.name, "ci");
        assert!(day.is_usable(START + Duration::days(1) - Duration::microseconds(1)));
        assert!(!day.is_usable(START + Duration::days(1)));
        assert!(day.revoke(START) && !day.revoke(START));
        assert!(!day.is_usable(START));
        assert_eq!(day.version, 2);
        assert!(key(None).is_usable(START + Duration::days(99_999)));
    }

    #[test]
    fn a_rotation_gives_the_same_length_of_life_again() {
        let mut old = key(Some(Duration::days(10)));
        let now = START + Duration::days(9);
        let new = rotate(&mut old, Duration::hours(1), now).unwrap();
        assert_eq!(new.expires_at, Some(now + Duration::days(10)));
        assert_eq!((new.name, new.scopes, new.version), (old.name.clone(), old.scopes, 1));
        assert_eq!(old.expires_at, Some(now + Duration::hours(1)));
        assert_eq!((old.replaced_by, old.revoked_at, old.version), (Some(id(2)), None, 2));
        let again = rotate(&mut old, Duration::hours(1), now).unwrap_err();
        assert_eq!(again.code(), "not_allowed");
    }

    #[test]
    fn grace_does_not_prolong_and_none_revokes() {
        let mut old = key(Some(Duration::days(10)));
        rotate(&mut old, Duration::days(30), START).unwrap();
        assert_eq!(old.expires_at, Some(START + Duration::days(10)));
        let mut old = key(None);
        let new = rotate(&mut old, Duration::zero(), START).unwrap();
        assert_eq!((new.expires_at, old.revoked_at), (None, Some(START)));
        assert!(!old.is_usable(START));
    }

    #[test]
    fn what_can_t_be_rotated_stays_as_it_is() {
        let mut revoked = key(None);
        revoked.revoke(START);
        let mut expired = key(Some(Duration::seconds(1)));
        for key in [&mut revoked, &mut expired] {
            let before = key.clone();
            let error = rotate(key, Duration::hours(1), START + Duration::hours(1)).unwrap_err();
            assert_eq!(error.code(), "not_allowed");
            assert_eq!(*key, before);
        }
        let mut fine = key(None);
        let error = rotate(&mut fine, Duration::seconds(-1), START).unwrap_err();
        assert_eq!(error.field(), Some("grace"));
        assert_eq!(fine, key(None));
    }

    #[test]
    fn the_field_at_fault_is_named() {
        let scopes = ApiScopes::new([ApiScope::Read]).unwrap();
        let long = "x".repeat(101);
        for (name, expires_in, field) in [
            ("", None, "name"),
            ("a\u{0}b", None, "name"),
            (&*long, None, "name"),
            ("a", Some(Duration::zero()), "expires_in"),
            ("a", Some(Duration::MAX), "expires_in"),
        ] {
            let params = NewApiKey { name: name.into(), scopes, expires_in };
            let secret = ApiKeySecret::generate(&Fixed);
            let error = ApiKey::new(id(1), &params, &secret, START).unwrap_err();
            assert_eq!(error.field(), Some(field));
        }
        let endless = r#"{"name": "a", "scopes": ["read"], "expires_in": 9223372036854775807}"#;
        assert!(serde_json::from_str::<NewApiKey>(endless).is_err());
        assert!(!serde_json::to_string(&key(None)).unwrap().contains("hash"));
    }
}
