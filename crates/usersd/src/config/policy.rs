//! The section `[policy]`: how long things live and are kept, and how many there may be.

mod values;

use systemprompt_users::{Policy, UserError};

use super::get;
use super::settings::layer;
use crate::failure::Failure;
use values::{Count, IdleTimeout};

pub(super) use values::Length;

layer! {
    /// What one layer says of the policy.
    PolicySettings {
        /// How long a session lives at the most
        #[arg(id = "policy_session_lifetime", long = "policy-session-lifetime", env = "USERSD_POLICY_SESSION_LIFETIME", value_name = "TIME")]
        session_lifetime: Length,
        /// How long a session may be idle; `none` is without a limit
        #[arg(id = "policy_session_idle_timeout", long = "policy-session-idle-timeout", env = "USERSD_POLICY_SESSION_IDLE_TIMEOUT", value_name = "TIME")]
        session_idle_timeout: IdleTimeout,
        /// How many live sessions a user may have; one more ends the one that is idle longest
        #[arg(id = "policy_max_sessions_per_user", long = "policy-max-sessions-per-user", env = "USERSD_POLICY_MAX_SESSIONS_PER_USER", value_name = "COUNT")]
        max_sessions_per_user: Count,
        /// How long a session that is over is kept for the record
        #[arg(id = "policy_session_retention", long = "policy-session-retention", env = "USERSD_POLICY_SESSION_RETENTION", value_name = "TIME")]
        session_retention: Length,
        /// After how long without activity an anonymous user is deleted
        #[arg(id = "policy_anonymous_retention", long = "policy-anonymous-retention", env = "USERSD_POLICY_ANONYMOUS_RETENTION", value_name = "TIME")]
        anonymous_retention: Length,
        /// After how long a deleted user is purged
        #[arg(id = "policy_deleted_retention", long = "policy-deleted-retention", env = "USERSD_POLICY_DELETED_RETENTION", value_name = "TIME")]
        deleted_retention: Length,
        /// How long a ban that is over is kept for the record
        #[arg(id = "policy_ban_retention", long = "policy-ban-retention", env = "USERSD_POLICY_BAN_RETENTION", value_name = "TIME")]
        ban_retention: Length,
        /// How long events are kept
        #[arg(id = "policy_event_retention", long = "policy-event-retention", env = "USERSD_POLICY_EVENT_RETENTION", value_name = "TIME")]
        event_retention: Length,
        /// How long the runs of jobs are kept
        #[arg(id = "policy_job_run_retention", long = "policy-job-run-retention", env = "USERSD_POLICY_JOB_RUN_RETENTION", value_name = "TIME")]
        job_run_retention: Length,
        /// How long requests with an Idempotency-Key are remembered
        #[arg(id = "policy_idempotency_retention", long = "policy-idempotency-retention", env = "USERSD_POLICY_IDEMPOTENCY_RETENTION", value_name = "TIME")]
        idempotency_retention: Length,
        /// Whether 127.0.0.0/8 and ::1 can't be banned
        #[arg(id = "policy_allow_loopback", long = "policy-allow-loopback", env = "USERSD_POLICY_ALLOW_LOOPBACK", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
        allow_loopback: bool,
        /// Whether emails may have a domain without a dot, such as a@b
        #[arg(id = "policy_allow_dotless_emails", long = "policy-allow-dotless-emails", env = "USERSD_POLICY_ALLOW_DOTLESS_EMAILS", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
        allow_dotless_emails: bool,
        /// How many rows a clean-up touches at once
        #[arg(id = "policy_cleanup_batch", long = "policy-cleanup-batch", env = "USERSD_POLICY_CLEANUP_BATCH", value_name = "COUNT")]
        cleanup_batch: Count,
    }
    sections {}
}

impl PolicySettings {
    /// What the library does by itself.
    pub(super) fn defaults() -> Self {
        let policy = Policy::default();
        Self {
            session_lifetime: Some(Length(policy.session_lifetime)),
            session_idle_timeout: Some(IdleTimeout(policy.session_idle_timeout)),
            max_sessions_per_user: Some(Count(policy.max_sessions_per_user)),
            session_retention: Some(Length(policy.session_retention)),
            anonymous_retention: Some(Length(policy.anonymous_retention)),
            deleted_retention: Some(Length(policy.deleted_retention)),
            ban_retention: Some(Length(policy.ban_retention)),
            event_retention: Some(Length(policy.event_retention)),
            job_run_retention: Some(Length(policy.job_run_retention)),
            idempotency_retention: Some(Length(policy.idempotency_retention)),
            allow_loopback: Some(policy.allow_loopback),
            allow_dotless_emails: Some(policy.allow_dotless_emails),
            cleanup_batch: Some(Count(policy.cleanup_batch)),
        }
    }

    /// The policy, if every number is within its bounds.
    pub(super) fn policy(&self) -> Result<Policy, Failure> {
        let policy = Policy {
            session_lifetime: get(self.session_lifetime, "policy.session_lifetime")?.0,
            session_idle_timeout: get(self.session_idle_timeout, "policy.session_idle_timeout")?.0,
            max_sessions_per_user: get(self.max_sessions_per_user, "policy.max_sessions_per_user")?
                .0,
            session_retention: get(self.session_retention, "policy.session_retention")?.0,
            anonymous_retention: get(self.anonymous_retention, "policy.anonymous_retention")?.0,
            deleted_retention: get(self.deleted_retention, "policy.deleted_retention")?.0,
            ban_retention: get(self.ban_retention, "policy.ban_retention")?.0,
            event_retention: get(self.event_retention, "policy.event_retention")?.0,
            job_run_retention: get(self.job_run_retention, "policy.job_run_retention")?.0,
            idempotency_retention: get(self.idempotency_retention, "policy.idempotency_retention")?
                .0,
            allow_loopback: get(self.allow_loopback, "policy.allow_loopback")?,
            allow_dotless_emails: get(self.allow_dotless_emails, "policy.allow_dotless_emails")?,
            cleanup_batch: get(self.cleanup_batch, "policy.cleanup_batch")?.0,
        };
        policy.check().map_err(refused)?;
        Ok(policy)
    }
}

fn refused(error: UserError) -> Failure {
    match error {
        UserError::Validation { field, message } => {
            Failure::setting(&format!("policy.{field}"), message)
        }
        error => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_said_is_the_policy_of_the_library() {
        assert_eq!(PolicySettings::defaults().policy().unwrap(), Policy::default());
    }

    #[test]
    fn a_number_out_of_bounds_is_named() {
        for (text, named) in [
            ("session_lifetime = '4000d'", "policy.session_lifetime"),
            ("session_idle_timeout = '600w'", "policy.session_idle_timeout"),
            ("event_retention = '4000d'", "policy.event_retention"),
        ] {
            let said: PolicySettings = toml::from_str(text).unwrap();
            match said.or(PolicySettings::defaults()).policy() {
                Err(Failure::Config(message)) => assert!(message.starts_with(named), "{message}"),
                other => panic!("{text}: {other:?}"),
            }
        }
    }
}
