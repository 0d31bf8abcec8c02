//! Typed identifiers: one newtype per kind of thing, so that a session's id never passes for a user's.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::{Builder, Uuid};

use crate::Entropy;

/// The text is not a UUID.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an id: expected a UUID such as 018f3c1e-7b1a-7c3d-9e2f-0123456789ab")]
pub struct ParseIdError(String);

macro_rules! define_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// Makes a UUIDv7: it sorts by `now` (to the millisecond), the rest is random.
            pub fn generate(now: DateTime<Utc>, entropy: &dyn Entropy) -> Self {
                Self(version_7(now, entropy))
            }

            /// Takes an id that a storage or a client already holds.
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The bare UUID.
            pub const fn as_uuid(&self) -> Uuid {
                self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::try_parse(text.trim()).map(Self).map_err(|_| ParseIdError(shorten(text)))
            }
        }
    };
}

define_id! {
    /// Identifies a user for ever: promotion, deletion and merging leave it as it is.
    UserId
}
define_id! {
    /// Identifies a session; it is no secret, the token is.
    SessionId
}
define_id! {
    /// Identifies the ledger of bans of one target.
    BanId
}
define_id! {
    /// Identifies an event, also before it has its place in the log.
    EventId
}
define_id! {
    /// Identifies one run of a job.
    JobRunId
}
define_id! {
    /// Identifies an API key; it is no secret.
    ApiKeyId
}

fn version_7(now: DateTime<Utc>, entropy: &dyn Entropy) -> Uuid {
    let mut random = [0u8; 10];
    entropy.fill(&mut random);
    let millis = u64::try_from(now.timestamp_millis()).unwrap_or(0);
    Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
}

fn shorten(text: &str) -> String {
    text.chars().take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed(u8);

    impl Entropy for Fixed {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(self.0);
        }
    }

    #[test]
    fn ids_sort_by_time_whatever_the_random_part() {
        let early = DateTime::from_timestamp_millis(1_700_000_000_000).unwrap();
        let late = early + chrono::Duration::milliseconds(1);
        assert!(UserId::generate(early, &Fixed(255)) < UserId::generate(late, &Fixed(0)));
    }

    #[test]
    fn an_id_survives_text_and_refuses_what_is_none() {
        let id = UserId::generate(DateTime::UNIX_EPOCH, &Fixed(7));
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(id.as_uuid().get_version_num(), 7);
        assert!("alice".parse::<UserId>().is_err());
    }
}
