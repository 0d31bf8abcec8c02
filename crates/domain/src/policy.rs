//! The numbers that a host may choose.

use chrono::Duration;

use crate::{Email, Result, UserError};

/// How long things live and are kept. Every duration is whole seconds, at least one and at most ten years.
///
/// ```
/// # use chrono::Duration;
/// # use systemprompt_users_domain::Policy;
/// let policy = Policy { session_lifetime: Duration::hours(12), ..Policy::default() };
/// assert!(policy.check().is_ok());
/// let policy = Policy { anonymous_retention: Duration::zero(), ..policy };
/// assert_eq!(policy.check().unwrap_err().field(), Some("anonymous_retention"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// How long a session lives at the most. 30 days.
    pub session_lifetime: Duration,
    /// How long a session may be idle. 7 days; `None` is without a limit.
    pub session_idle_timeout: Option<Duration>,
    /// How many live sessions a user may have; a new one ends those idle longest. 1 to 1000, 100 by default.
    pub max_sessions_per_user: u16,
    /// How long a session that is over is kept for the record. 30 days.
    pub session_retention: Duration,
    /// After how long without activity an anonymous user is cleaned up. 30 days.
    pub anonymous_retention: Duration,
    /// After how long a deleted user is purged. 30 days.
    pub deleted_retention: Duration,
    /// How long a ban that is over is kept for the record. 90 days.
    pub ban_retention: Duration,
    /// How long events are kept. 365 days.
    pub event_retention: Duration,
    /// How long the runs of jobs are kept. 30 days.
    pub job_run_retention: Duration,
    /// How long requests with an idempotency key are remembered. 24 hours.
    pub idempotency_retention: Duration,
    /// Whether 127.0.0.0/8 and ::1 can't be banned. Yes.
    pub allow_loopback: bool,
    /// Whether emails may have a domain without a dot, such as `a@b`. No; `localhost` always may be one.
    pub allow_dotless_emails: bool,
    /// How many rows one batch of a clean-up touches at the most: jobs take fewer where the storage is slow, so
    /// that nobody waits long for what a batch holds. 1 to 1000, 500 by default.
    pub cleanup_batch: u16,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            session_lifetime: Duration::days(30),
            session_idle_timeout: Some(Duration::days(7)),
            max_sessions_per_user: 100,
            session_retention: Duration::days(30),
            anonymous_retention: Duration::days(30),
            deleted_retention: Duration::days(30),
            ban_retention: Duration::days(90),
            event_retention: Duration::days(365),
            job_run_retention: Duration::days(30),
            idempotency_retention: Duration::hours(24),
            allow_loopback: true,
            allow_dotless_emails: false,
            cleanup_batch: 500,
        }
    }
}

impl Policy {
    /// Checks every number.
    ///
    /// # Errors
    /// `Validation` of the first field out of bounds.
    pub fn check(&self) -> Result<()> {
        for (field, duration) in [
            ("session_lifetime", Some(self.session_lifetime)),
            ("session_idle_timeout", self.session_idle_timeout),
            ("session_retention", Some(self.session_retention)),
            ("anonymous_retention", Some(self.anonymous_retention)),
            ("deleted_retention", Some(self.deleted_retention)),
            ("ban_retention", Some(self.ban_retention)),
            ("event_retention", Some(self.event_retention)),
            ("job_run_retention", Some(self.job_run_retention)),
            ("idempotency_retention", Some(self.idempotency_retention)),
        ] {
            if let Some(duration) = duration {
                check_duration(field, duration)?;
                if duration.subsec_nanos() != 0 {
                    return Err(UserError::validation(field, "must be whole seconds"));
                }
            }
        }
        for (field, count) in [
            ("max_sessions_per_user", self.max_sessions_per_user),
            ("cleanup_batch", self.cleanup_batch),
        ] {
            if !(1..=1000).contains(&count) {
                return Err(UserError::validation(
                    field,
                    format!("expected 1 to 1000, got {count}"),
                ));
            }
        }
        Ok(())
    }

    /// Checks an email that comes in; one that is stored stays.
    ///
    /// # Errors
    /// `Validation` of `email` when its domain has no dot and the host did not allow that.
    pub fn check_email(&self, email: &Email) -> Result<()> {
        if !self.allow_dotless_emails && email.is_dotless() {
            let message = "expected a domain with a dot, such as name@example.com";
            return Err(UserError::validation("email", message));
        }
        Ok(())
    }
}

/// Checks that `duration` is positive and at most ten years.
pub(crate) fn check_duration(field: &'static str, duration: Duration) -> Result<()> {
    if duration <= Duration::zero() {
        return Err(UserError::validation(field, "must be longer than zero"));
    }
    if duration > Duration::days(3653) {
        return Err(UserError::validation(field, "must be at most ten years"));
    }
    Ok(())
}
