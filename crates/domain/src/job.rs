//! Work that is done on a schedule, by one host at a time.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{Clock, Entropy, JobRunId, Policy, Storage, UserError};

/// What a job fails with: anything that tells an operator what went wrong.
pub type JobError = Box<dyn std::error::Error + Send + Sync>;

/// Work that runs on a schedule.
///
/// However many hosts run the runner, one of them runs a job that is due. A host that dies in the
/// middle is found out by its lease, and another one runs the job again: so a job MUST be able to be
/// begun anew, which work in small batches is.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Job: Send + Sync {
    /// A name that no other job of the host has, such as `cleanup_anonymous_users`.
    fn name(&self) -> &'static str;

    /// One sentence for the operator.
    fn description(&self) -> &'static str;

    /// When it is due, in UTC: five cron fields (minute, hour, day, month, weekday), such as `0 * * * *`.
    fn schedule(&self) -> &'static str;

    /// Does the work.
    ///
    /// A job of many batches SHOULD look at [`JobContext::is_cancelled`] between two of them.
    ///
    /// # Errors
    /// Whatever went wrong; its text is kept with the run.
    async fn execute(&self, context: &JobContext) -> Result<JobReport, JobError>;
}

/// What a job works with.
#[derive(Clone)]
pub struct JobContext {
    /// The storage of the host.
    pub storage: Arc<dyn Storage>,
    /// The clock of the host.
    pub clock: Arc<dyn Clock>,
    /// The random source of the host.
    pub entropy: Arc<dyn Entropy>,
    /// The policy of the host.
    pub policy: Policy,
    cancelled: Arc<AtomicBool>,
}

impl JobContext {
    /// A context that is not cancelled.
    pub fn new(
        storage: Arc<dyn Storage>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        policy: Policy,
    ) -> Self {
        Self { storage, clock, entropy, policy, cancelled: Arc::default() }
    }

    /// Whether the job should stop after the batch at hand: the host has lost the lease.
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    /// Tells the job, and every clone of this context, to stop.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }
}

impl fmt::Debug for JobContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobContext")
            .field("cancelled", &self.is_cancelled())
            .finish_non_exhaustive()
    }
}

/// What a job did: named counts, such as `deleted: 12`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JobReport {
    /// The counts by name.
    pub counts: BTreeMap<String, u64>,
}

impl JobReport {
    /// Adds `count` to the count of that name.
    pub fn add(&mut self, name: &str, count: u64) {
        *self.counts.entry(name.to_owned()).or_default() += count;
    }
}

/// One run of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct JobRun {
    /// The identity.
    pub id: JobRunId,
    /// The job.
    pub job: String,
    /// When it was due; no two scheduled runs of a job share this.
    pub scheduled_at: DateTime<Utc>,
    /// Why it ran.
    pub trigger: JobTrigger,
    /// The host that runs it, or ran it last.
    pub host: String,
    /// How many hosts have begun it.
    pub attempts: u32,
    /// When the last attempt began.
    pub started_at: DateTime<Utc>,
    /// Until when the host has promised to be alive; from then on another one may take the run over.
    pub lease_until: DateTime<Utc>,
    /// When it was over.
    pub ended_at: Option<DateTime<Utc>>,
    /// How it ended.
    pub outcome: Option<JobOutcome>,
    /// What it did.
    pub report: JobReport,
    /// What went wrong, at most 1,000 characters.
    pub error: Option<String>,
}

/// Why a job ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobTrigger {
    /// Its schedule said so.
    Schedule,
    /// Somebody asked for it.
    Manual,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobOutcome {
    /// It did its work.
    Succeeded,
    /// It told an error, or panicked.
    Failed,
}

macro_rules! words {
    ($name:ident, $field:literal, $($variant:ident = $word:literal),+) => {
        impl $name {
            /// As text, in small letters.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = UserError;

            fn from_str(text: &str) -> Result<Self, UserError> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(UserError::validation($field, concat!("expected one of" $(, " ", $word)+))),
                }
            }
        }
    };
}

words!(JobTrigger, "trigger", Schedule = "schedule", Manual = "manual");
words!(JobOutcome, "outcome", Succeeded = "succeeded", Failed = "failed");

/// Which runs a list is about; all conditions must hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JobRunFilter {
    /// Of this job.
    pub job: Option<String>,
    /// That ended so.
    pub outcome: Option<JobOutcome>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_come_back() {
        assert_eq!("failed".parse::<JobOutcome>().unwrap(), JobOutcome::Failed);
        assert_eq!(
            "done".parse::<JobOutcome>().unwrap_err().to_string(),
            "outcome: expected one of succeeded failed"
        );
    }
}
