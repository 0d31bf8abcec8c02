//! Time and randomness come from outside, so that every rule can be tested at any moment.

use chrono::{DateTime, Utc};

/// Tells the time.
///
/// An implementation SHOULD answer in whole microseconds, which is what every storage keeps; the
/// services cut what is finer.
#[cfg_attr(feature = "mock", mockall::automock)]
pub trait Clock: Send + Sync {
    /// The time now.
    fn now(&self) -> DateTime<Utc>;
}

/// Gives random bytes for ids and tokens.
#[cfg_attr(feature = "mock", mockall::automock)]
pub trait Entropy: Send + Sync {
    /// Fills `bytes`. What it gives MUST be unpredictable, since tokens are made of it.
    fn fill(&self, bytes: &mut [u8]);
}
