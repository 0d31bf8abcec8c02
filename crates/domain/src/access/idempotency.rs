//! Requests that a client may send again without their being done again.

use std::fmt;

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use crate::{Result, UserError};

/// The longest answer that is remembered, in bytes.
pub const MAX_ANSWER_BYTES: usize = 1024 * 1024;

/// Who sent a request and what they called it, as one hash: keys of different senders never meet.
///
/// ```
/// # use systemprompt_users_domain::IdempotencyKey;
/// let key = IdempotencyKey::new("api_key:018f", "8e03978e-40d5-43dd")?;
/// assert_ne!(key, IdempotencyKey::new("api_key:018f8", "e03978e-40d5-43dd")?);
/// assert!(IdempotencyKey::new("api_key:018f", "two words").is_err());
/// # Ok::<(), systemprompt_users_domain::UserError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IdempotencyKey([u8; 32]);

impl IdempotencyKey {
    /// The key that the client sent, of 1 to 255 visible ASCII characters, in the name of `principal`.
    ///
    /// # Errors
    /// `Validation` of `idempotency-key`.
    pub fn new(principal: &str, key: &str) -> Result<Self> {
        if !(1..=255).contains(&key.len()) || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            let message = "expected 1 to 255 visible ASCII characters";
            return Err(UserError::validation("idempotency-key", message));
        }
        let mut hash = Sha256::new();
        // No key holds this byte, so nothing moves from one part into the other.
        hash.update(principal);
        hash.update([0]);
        hash.update(key);
        Ok(Self(hash.finalize().into()))
    }

    /// The stored bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Takes stored bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdempotencyKey(..)")
    }
}

/// A request that was begun, and what came of it.
#[derive(Clone, PartialEq, Eq)]
pub struct RememberedRequest {
    /// Which request it is.
    pub key: IdempotencyKey,
    /// What it asked for: another request under the same key is a mistake of the client.
    pub request_hash: [u8; 32],
    /// When it was begun.
    pub created_at: DateTime<Utc>,
    /// Until when whoever began it may be at work on it; from then on another may take it over.
    pub locked_until: DateTime<Utc>,
    /// What was answered, as bytes that mean nothing here.
    pub answer: Option<Vec<u8>>,
}

impl RememberedRequest {
    /// The one rule: what becomes of `again`, which asks under the same key at `now`. `Started` is a lock
    /// that is past, which `again` takes over.
    pub fn meet(&self, again: &Self, now: DateTime<Utc>) -> BeginOutcome {
        if self.request_hash != again.request_hash {
            return BeginOutcome::OtherRequest;
        }
        match &self.answer {
            Some(answer) => BeginOutcome::Answered(answer.clone()),
            None if now < self.locked_until => {
                BeginOutcome::InProgress { locked_until: self.locked_until }
            }
            None => BeginOutcome::Started,
        }
    }
}

impl fmt::Debug for RememberedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RememberedRequest")
            .field("created_at", &self.created_at)
            .field("locked_until", &self.locked_until)
            .field("answer_bytes", &self.answer.as_ref().map(Vec::len))
            .finish_non_exhaustive()
    }
}

/// What became of a request that wants to begin.
#[derive(Clone, PartialEq, Eq)]
pub enum BeginOutcome {
    /// It is to be done now, and then finished or forgotten.
    Started,
    /// Another is at work on it.
    InProgress {
        /// Until when nobody else may take it over.
        locked_until: DateTime<Utc>,
    },
    /// It was done: give this answer again.
    Answered(Vec<u8>),
    /// The key was used for a request that asked for something else.
    OtherRequest,
}

impl fmt::Debug for BeginOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Started => f.write_str("Started"),
            Self::InProgress { locked_until } => {
                f.debug_struct("InProgress").field("locked_until", locked_until).finish()
            }
            Self::Answered(answer) => write!(f, "Answered({} bytes)", answer.len()),
            Self::OtherRequest => f.write_str("OtherRequest"),
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::Duration;

    use super::*;

    #[test]
    fn keys_of_two_senders_and_bad_keys_are_kept_apart() {
        fn key(principal: &str, key: &str) -> Result<IdempotencyKey> {
            IdempotencyKey::new(principal, key)
        }
        assert_eq!(key("a", "1").unwrap(), key("a", "1").unwrap());
        assert_ne!(key("a", "1").unwrap(), key("b", "1").unwrap());
        assert!(key("a", &"x".repeat(255)).is_ok());
        for bad in ["", " ", "a b", "a\u{0}", "é", "tab\t", &"x".repeat(256)] {
            assert_eq!(key("a", bad).unwrap_err().field(), Some("idempotency-key"));
        }
    }

    #[test]
    fn a_request_meets_itself_and_others() {
        let now = DateTime::UNIX_EPOCH;
        let mut first = RememberedRequest {
            key: IdempotencyKey::from_bytes([1; 32]),
            request_hash: [2; 32],
            created_at: now,
            locked_until: now + Duration::seconds(60),
            answer: None,
        };
        let again = first.clone();
        let other = RememberedRequest { request_hash: [3; 32], ..first.clone() };
        let locked_until = first.locked_until;
        let last = locked_until - Duration::microseconds(1);
        assert_eq!(first.meet(&again, last), BeginOutcome::InProgress { locked_until });
        assert_eq!(first.meet(&again, locked_until), BeginOutcome::Started);
        assert_eq!(first.meet(&other, locked_until), BeginOutcome::OtherRequest);
        first.answer = Some(vec![7]);
        assert_eq!(first.meet(&again, now), BeginOutcome::Answered(vec![7]));
        assert_eq!(first.meet(&other, now), BeginOutcome::OtherRequest);
    }
}
