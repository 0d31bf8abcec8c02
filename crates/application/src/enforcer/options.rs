//! What a host may choose about its enforcer, and what the enforcer tells of itself.

use std::time::Duration;

use systemprompt_users_domain::{Result, UserError};

/// How an enforcer works.
///
/// ```
/// # use std::time::Duration;
/// # use systemprompt_users_application::EnforcerOptions;
/// let small = EnforcerOptions { cache_sessions: 1_000, ..EnforcerOptions::default() };
/// assert!(small.check().is_ok());
/// let never = EnforcerOptions { poll: Duration::ZERO, ..EnforcerOptions::default() };
/// assert_eq!(never.check().unwrap_err().field(), Some("poll"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnforcerOptions {
    /// How many sessions are kept in memory at the most; those used least make room. 100,000.
    pub cache_sessions: usize,
    /// How many API keys are kept in memory at the most; those used least make room. 10,000.
    pub cache_keys: usize,
    /// How far this host may be behind before it no longer decides from memory. 1 second.
    pub lag_bound: Duration,
    /// What it does then.
    pub when_behind: WhenBehind,
    /// How often it looks for changes where no alarm rings. 50 milliseconds.
    pub poll: Duration,
    /// How often the activity of one session is written, at the most; sessions with a short idle timeout
    /// are written more often. 30 seconds. What a crash loses is the activity of about this time.
    pub touch_interval: Duration,
    /// How long the storage may take for one answer. 1 second.
    pub storage_timeout: Duration,
}

/// What a host does that has fallen behind its bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WhenBehind {
    /// It asks the storage for each decision.
    #[default]
    AskStorage,
    /// It refuses.
    Refuse,
}

impl Default for EnforcerOptions {
    fn default() -> Self {
        Self {
            cache_sessions: 100_000,
            cache_keys: 10_000,
            lag_bound: Duration::from_secs(1),
            when_behind: WhenBehind::AskStorage,
            poll: Duration::from_millis(50),
            touch_interval: Duration::from_secs(30),
            storage_timeout: Duration::from_secs(1),
        }
    }
}

impl EnforcerOptions {
    /// Checks every number.
    ///
    /// # Errors
    /// `Validation` of the first field out of bounds.
    pub fn check(&self) -> Result<()> {
        if self.cache_sessions == 0 || self.cache_sessions > 100_000_000 {
            return Err(UserError::validation("cache_sessions", "expected 1 to 100,000,000"));
        }
        if self.cache_keys == 0 || self.cache_keys > 1_000_000 {
            return Err(UserError::validation("cache_keys", "expected 1 to 1,000,000"));
        }
        for (field, duration) in [
            ("lag_bound", self.lag_bound),
            ("poll", self.poll),
            ("touch_interval", self.touch_interval),
            ("storage_timeout", self.storage_timeout),
        ] {
            if duration.is_zero() || duration > Duration::from_secs(86_400) {
                return Err(UserError::validation(field, "expected more than zero, up to a day"));
            }
        }
        if self.poll >= self.lag_bound {
            return Err(UserError::validation("poll", "must be shorter than lag_bound"));
        }
        Ok(())
    }
}

/// What an enforcer holds and how it fares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EnforcerStats {
    /// Bans in memory; those that have run out since are dropped from time to time.
    pub bans: usize,
    /// Networks on the allow-list.
    pub networks_allowed: usize,
    /// Sessions in memory.
    pub cached_sessions: usize,
    /// API keys in memory.
    pub cached_keys: usize,
    /// Tokens and API keys that were answered from memory.
    pub hits: u64,
    /// Tokens and API keys for which the storage was asked.
    pub misses: u64,
    /// How far this host may be behind the storage.
    pub lag: Duration,
    /// Whether that is beyond its bound.
    pub behind: bool,
    /// How often everything was loaded anew.
    pub reloads: u64,
    /// Notes of activity that were dropped, because too many waited to be written.
    pub activity_dropped: u64,
}
