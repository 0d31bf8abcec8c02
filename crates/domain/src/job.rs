//! Work that is done on a schedule, by one host at a time.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::value::{check_text, clean_text};
use crate::{Clock, Entropy, JobRunId, MAX_TEXT_CHARS, Policy, Storage, UserError};

/// How much of an error's text is kept with a run, in characters.
pub const MAX_JOB_ERROR_CHARS: usize = 1000;

/// How many counts a report keeps.
pub const MAX_JOB_COUNTS: usize = 100;

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
    /// A name that no other job of the host has, such as `cleanup_anonymous_users`: 1 to 255 characters, none
    /// of them a control character.
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
        let sum = self.counts.entry(name.to_owned()).or_default();
        *sum = sum.saturating_add(count);
    }

    /// The report as it is kept: at most [`MAX_JOB_COUNTS`] counts, the first by name, the names cut to 255
    /// characters, their control characters replaced.
    fn cleaned(self) -> Self {
        let mut clean = Self::default();
        for (name, count) in self.counts {
            let name = clean_text(&name, MAX_TEXT_CHARS);
            if clean.counts.len() < MAX_JOB_COUNTS || clean.counts.contains_key(&name) {
                clean.add(&name, count);
            }
        }
        clean
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
    /// What it did; as [`JobRun::end`] keeps it.
    pub report: JobReport,
    /// What went wrong, on one line of at most [`MAX_JOB_ERROR_CHARS`] characters.
    pub error: Option<String>,
}

impl JobRun {
    /// Ends the run. Whatever a job reports or fails with can be stored then: texts are cut, and control
    /// characters in them replaced.
    pub fn end(&mut self, now: DateTime<Utc>, result: Result<JobReport, JobError>) {
        self.ended_at = Some(now);
        match result {
            Ok(report) => {
                self.outcome = Some(JobOutcome::Succeeded);
                self.report = report.cleaned();
            }
            Err(error) => {
                self.outcome = Some(JobOutcome::Failed);
                self.error = Some(describe(&*error));
            }
        }
    }
}

/// The error with its causes, on one line.
fn describe(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    // What is beyond the bound is not kept, so a chain without an end does no harm.
    while let Some(cause) = source
        && text.len() < MAX_JOB_ERROR_CHARS * 4
    {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    clean_text(&text, MAX_JOB_ERROR_CHARS)
}

/// Checks the name of a job or a host: 1 to 255 characters, none of them a control character. Returns it trimmed.
///
/// # Errors
/// `Validation` of `field`.
pub fn check_job_text(field: &'static str, text: &str) -> Result<String, UserError> {
    check_text(field, text, MAX_TEXT_CHARS)
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

    fn run() -> JobRun {
        JobRun {
            id: JobRunId::from_uuid(uuid::Uuid::nil()),
            job: "a_job".into(),
            scheduled_at: DateTime::UNIX_EPOCH,
            trigger: JobTrigger::Manual,
            host: "host".into(),
            attempts: 1,
            started_at: DateTime::UNIX_EPOCH,
            lease_until: DateTime::UNIX_EPOCH,
            ended_at: None,
            outcome: None,
            report: JobReport::default(),
            error: None,
        }
    }

    #[test]
    fn whatever_a_job_ends_with_can_be_kept() {
        let mut failed = run();
        failed.end(DateTime::UNIX_EPOCH, Err(format!("a\0b\nc {}", "é".repeat(5000)).into()));
        let error = failed.error.unwrap();
        assert!(error.starts_with("a\u{FFFD}b c é"), "{error}");
        assert_eq!(error.chars().count(), MAX_JOB_ERROR_CHARS);

        let mut report = JobReport::default();
        report.add("a\0", u64::MAX);
        report.add("a\u{1}", 2);
        for n in 0..1000 {
            report.add(&format!("count {n:04}"), n);
        }
        let mut done = run();
        done.end(DateTime::UNIX_EPOCH, Ok(report));
        assert_eq!(done.report.counts.len(), MAX_JOB_COUNTS);
        assert_eq!(done.report.counts["a\u{FFFD}"], u64::MAX);
        assert_eq!(done.outcome, Some(JobOutcome::Succeeded));
    }

    #[test]
    fn words_come_back() {
        assert_eq!("failed".parse::<JobOutcome>().unwrap(), JobOutcome::Failed);
        assert_eq!(
            "done".parse::<JobOutcome>().unwrap_err().to_string(),
            "outcome: expected one of succeeded failed"
        );
    }
}
