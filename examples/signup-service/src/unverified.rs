//! A job of the host: who does not verify the email within a week is suspended.

use async_trait::async_trait;
use chrono::Duration;
use systemprompt_users::{
    Context, Job, JobContext, JobError, JobReport, PageRequest, TimeRange, UserFilter, UserId,
    UserOrder, UserService, UserStatus, register_job,
};

/// How long an email may wait to be verified.
const GRACE: Duration = Duration::days(7);

/// Suspends users whose email was never verified. Every morning.
#[derive(Debug, Clone, Copy, Default)]
pub struct SuspendUnverifiedJob;

register_job!(SuspendUnverifiedJob);

#[async_trait]
impl Job for SuspendUnverifiedJob {
    fn name(&self) -> &'static str {
        "suspend_unverified"
    }

    fn description(&self) -> &'static str {
        "Suspends users who have not verified their email for a week."
    }

    fn schedule(&self) -> &'static str {
        "0 5 * * *"
    }

    async fn execute(&self, context: &JobContext) -> Result<JobReport, JobError> {
        let users = UserService::from(Context::of_job(context, self.name()));
        let filter = UserFilter {
            statuses: vec![UserStatus::Active],
            email_verified: Some(false),
            created: TimeRange::before(context.clock.now() - GRACE),
            ..UserFilter::default()
        };
        let mut report = JobReport::default();
        report.add("suspended", 0);
        let mut page = PageRequest::new(500)?;
        // A page goes on behind the one before, whoever left the list meanwhile.
        while !context.is_cancelled() {
            let listed = users.list(&filter, UserOrder::Oldest, &page).await?;
            let ids: Vec<UserId> = listed.items.iter().map(|user| user.id).collect();
            if !ids.is_empty() {
                let done = users.bulk_update_status(&ids, UserStatus::Suspended).await?.done();
                report.add("suspended", u64::try_from(done)?);
            }
            let Some(next) = listed.next else { break };
            page = page.after(Some(next));
        }
        Ok(report)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use systemprompt_users::{
        CreateUserParams, DbPool, MockClock, MockStorage, MockUnitOfWork, Page, Storage,
        SystemClock, SystemEntropy, registered_jobs,
    };

    use super::*;

    /// What a runner would hand the job, `days` after the clock of the machine.
    fn context(storage: impl Storage + 'static, days: i64) -> JobContext {
        let mut clock = MockClock::new();
        clock.expect_now().returning(move || now() + Duration::days(days));
        let policy = systemprompt_users::Policy::default();
        JobContext::new(Arc::new(storage), Arc::new(clock), Arc::new(SystemEntropy), policy)
    }

    fn now() -> chrono::DateTime<chrono::Utc> {
        use systemprompt_users::Clock;

        SystemClock.now()
    }

    #[test]
    fn it_is_registered() {
        assert!(registered_jobs().iter().any(|job| job.name() == "suspend_unverified"));
    }

    #[tokio::test]
    async fn nobody_to_suspend_is_no_write() {
        let mut unit = MockUnitOfWork::default();
        let nobody = |_: &_, _, _: &_| Ok(Page { items: Vec::new(), next: None });
        unit.users.expect_list().times(1).returning(nobody);
        let storage = MockStorage::of([unit]);
        let report = SuspendUnverifiedJob.execute(&context(storage.clone(), 0)).await.unwrap();
        assert_eq!((report.counts["suspended"], storage.commits()), (0, 0));
    }

    #[tokio::test]
    async fn only_who_has_not_verified_in_time_is_suspended_on_the_memory_backend() {
        let db_pool = DbPool::connect("memory:").await.unwrap();
        let users = UserService::new(&db_pool).unwrap();
        let late = CreateUserParams::new("late", "late@example.com");
        let late = users.create(&late).await.unwrap().id;
        let verified = CreateUserParams {
            email_verified: true,
            ..CreateUserParams::new("verified", "verified@example.com")
        };
        let verified = users.create(&verified).await.unwrap().id;

        let suspended = async |days| {
            let context = context(db_pool.clone(), days);
            SuspendUnverifiedJob.execute(&context).await.unwrap().counts["suspended"]
        };
        assert_eq!(suspended(6).await, 0);
        assert_eq!(suspended(8).await, 1);
        assert_eq!(suspended(8).await, 0, "it may be begun anew");
        assert!(users.find_authenticated_user(late).await.unwrap().is_none());
        assert!(users.find_authenticated_user(verified).await.unwrap().is_some());
    }
}
