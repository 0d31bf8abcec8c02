//! Jobs that are there because their crate is linked.

use std::sync::Arc;

use systemprompt_users_domain::Job;

/// How a job gets into every runner of a host that links its crate; made by [`crate::register_job`].
pub struct JobRegistration {
    make: fn() -> Arc<dyn Job>,
}

impl JobRegistration {
    /// Registers what `make` makes.
    pub const fn new(make: fn() -> Arc<dyn Job>) -> Self {
        Self { make }
    }
}

inventory::collect!(JobRegistration);

/// One of each registered job, by name.
pub fn registered_jobs() -> Vec<Arc<dyn Job>> {
    let registrations = inventory::iter::<JobRegistration>.into_iter();
    let mut jobs: Vec<_> = registrations.map(|registration| (registration.make)()).collect();
    jobs.sort_by_key(|job| job.name());
    jobs
}

/// Adds a job to every [`JobRunner`](crate::JobRunner) of the hosts that link the crate in which this
/// stands.
///
/// ```
/// use systemprompt_users_application::{register_job, registered_jobs};
/// use systemprompt_users_domain::{Job, JobContext, JobError, JobReport};
///
/// struct SendDigest;
///
/// #[async_trait::async_trait]
/// impl Job for SendDigest {
///     fn name(&self) -> &'static str { "send_digest" }
///     fn description(&self) -> &'static str { "Mails the weekly digest." }
///     fn schedule(&self) -> &'static str { "0 6 * * MON" }
///     async fn execute(&self, _context: &JobContext) -> Result<JobReport, JobError> {
///         Ok(JobReport::default())
///     }
/// }
///
/// register_job!(SendDigest);
///
/// assert!(registered_jobs().iter().any(|job| job.name() == "send_digest"));
/// ```
#[macro_export]
macro_rules! register_job {
    ($job:expr) => {
        $crate::inventory::submit! {
            $crate::JobRegistration::new(|| ::std::sync::Arc::new($job))
        }
    };
}
