//! Links that sign somebody in once.

use chrono::{DateTime, Duration, SubsecRound, Utc};
use serde::Serialize;

use crate::{Result, TokenHash, UserError, UserId};

/// A one-time link as it is kept. The token was given out once; only its hash is here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SignInLink {
    /// The hash of the token; never serialized.
    #[serde(skip)]
    pub token_hash: TokenHash,
    /// Whom it signs in.
    pub user_id: UserId,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// From when on it is of no use.
    pub expires_at: DateTime<Utc>,
}

impl SignInLink {
    /// A link that the token of that hash opens, from `now` on for `lifetime`.
    ///
    /// # Errors
    /// `Validation` of `lifetime` outside of a second to a day.
    pub fn new(
        token_hash: TokenHash,
        user_id: UserId,
        lifetime: Duration,
        now: DateTime<Utc>,
    ) -> Result<Self> {
        let expires_at = Some(lifetime)
            .filter(|lifetime| (Duration::seconds(1)..=Duration::days(1)).contains(lifetime))
            .and_then(|lifetime| now.checked_add_signed(lifetime))
            .ok_or_else(|| UserError::validation("lifetime", "expected a second to a day"))?;
        let expires_at = expires_at.trunc_subsecs(6);
        Ok(Self { token_hash, user_id, created_at: now, expires_at })
    }

    /// The one rule: not expired.
    pub fn is_usable(&self, now: DateTime<Utc>) -> bool {
        now < self.expires_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_lives_a_second_to_a_day() {
        let now = DateTime::UNIX_EPOCH;
        let user_id = UserId::from_uuid(uuid::Uuid::nil());
        let link =
            |lifetime| SignInLink::new(TokenHash::from_bytes([1; 32]), user_id, lifetime, now);
        for bad in [Duration::zero(), Duration::milliseconds(999), Duration::MIN, Duration::MAX] {
            assert_eq!(link(bad).unwrap_err().field(), Some("lifetime"));
        }
        assert!(link(Duration::days(1) + Duration::microseconds(1)).is_err());
        let link = link(Duration::seconds(1)).unwrap();
        assert!(link.is_usable(now + Duration::milliseconds(999)));
        assert!(!link.is_usable(now + Duration::seconds(1)));
    }
}
