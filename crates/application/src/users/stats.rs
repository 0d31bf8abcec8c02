//! Exact figures, from what the storage keeps counted. They may come from a copy that lags behind.

use chrono::{Duration, NaiveDate};
use systemprompt_users_domain::{
    Result, SignupDay, TimeRange, UserCountBreakdown, UserError, UserFilter, UserOrder, UserRole,
    UserStats, UserStatus, UserTally,
};

use super::UserService;

/// How many days of sign-ups one question covers.
const MAX_SIGNUP_DAYS: i64 = 3660;

impl UserService {
    /// Registered users of that status.
    ///
    /// # Errors
    /// `Storage`.
    pub async fn count_by_status(&self, status: UserStatus) -> Result<u64> {
        self.count(&UserFilter::by_status(status)).await
    }

    /// Live users that hold that role.
    ///
    /// # Errors
    /// `Storage`.
    pub async fn count_by_role(&self, role: UserRole) -> Result<u64> {
        self.count(&UserFilter::by_role(role)).await
    }

    /// All counts by status and by role at once.
    ///
    /// # Errors
    /// `Storage`.
    pub async fn count_with_breakdown(&self) -> Result<UserCountBreakdown> {
        let tallies =
            self.context.read_lagging().await?.users().tally(&TimeRange::default()).await?;
        let count = |filter: &UserFilter| sum(&tallies, filter);
        Ok(UserCountBreakdown {
            total: count(&UserFilter::default()),
            by_status: UserStatus::ALL
                .map(|status| (status, count(&UserFilter::by_status(status))))
                .into(),
            by_role: UserRole::ALL.map(|role| (role, count(&UserFilter::by_role(role)))).into(),
        })
    }

    /// The figures of an overview.
    ///
    /// # Errors
    /// `Storage`.
    pub async fn get_stats(&self) -> Result<UserStats> {
        let now = self.context.now();
        let registered = UserFilter::default();
        let mut unit = self.context.read_lagging().await?;
        let tallies = unit.users().tally(&TimeRange::default()).await?;
        let mut created = [0; 3];
        for (count, days) in created.iter_mut().zip([1, 7, 30]) {
            let since = TimeRange::since(now - Duration::days(days));
            *count = sum(&unit.users().tally(&since).await?, &registered);
        }
        drop(unit);
        let [created_24h, created_7d, created_30d] = created;
        let count = |filter: &UserFilter| sum(&tallies, filter);
        let oldest = self.first_of(&registered, UserOrder::Oldest).await?;
        let newest = self.first_of(&registered, UserOrder::Newest).await?;
        Ok(UserStats {
            total: count(&registered),
            created_24h,
            created_7d,
            created_30d,
            active: count(&UserFilter::by_status(UserStatus::Active)),
            suspended: count(&UserFilter::by_status(UserStatus::Suspended)),
            admins: count(&UserFilter::by_role(UserRole::Admin)),
            anonymous: count(&UserFilter::by_role(UserRole::Anonymous)),
            bots: count(&UserFilter { is_bot: Some(true), ..UserFilter::default() }),
            oldest: oldest.map(|user| user.created_at),
            newest: newest.map(|user| user.created_at),
        })
    }

    /// Sign-ups by UTC day from `first` to `last`, both included; every day is there, also with none.
    ///
    /// # Errors
    /// `Validation` of `last` before `first`, or more than ten years after it; `Storage`.
    pub async fn signups_per_day(
        &self,
        first: NaiveDate,
        last: NaiveDate,
    ) -> Result<Vec<SignupDay>> {
        let span = last.signed_duration_since(first).num_days();
        if !(0..MAX_SIGNUP_DAYS).contains(&span) {
            return Err(UserError::validation("last", "must be from `first` on, within ten years"));
        }
        let known = self.context.read_lagging().await?.users().signups_per_day(first, last).await?;
        let mut known = known.into_iter().peekable();
        // Not `iter_days`, which leaves the last day of the calendar out.
        let days = std::iter::successors(Some(first), NaiveDate::succ_opt);
        let days = days.take_while(|day| *day <= last);
        Ok(days
            .map(|day| {
                known.next_if(|known| known.day == day).unwrap_or(SignupDay { day, count: 0 })
            })
            .collect())
    }
}

fn sum(tallies: &[UserTally], filter: &UserFilter) -> u64 {
    tallies.iter().filter(|tally| tally.matches(filter)).map(|tally| tally.count).sum()
}
