//! Which users a list, a search or an export is about.

use chrono::{DateTime, Utc};
use clap::{Args, ValueEnum};
use systemprompt_users::{
    AnonymousScope, TimeRange, UserFilter, UserOrder, UserRole, UserScope, UserStatus,
};

use super::Moment;
use crate::exit::Failure;

/// Conditions that all must hold. Without any: every live, registered user. Comes last in a command: its
/// heading holds for whatever follows it.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Filters")]
pub(crate) struct UserFilterArgs {
    /// Of any of these: active, suspended, deleted
    #[arg(long, value_delimiter = ',')]
    status: Vec<UserStatus>,
    /// Holding any of these: admin, user, anonymous
    #[arg(long, value_delimiter = ',')]
    role: Vec<UserRole>,
    /// Created then or later: a date, a time, or how long ago (7d)
    #[arg(long, value_name = "WHEN")]
    created_after: Option<Moment>,
    /// Created before
    #[arg(long, value_name = "WHEN")]
    created_before: Option<Moment>,
    /// Last seen then or later
    #[arg(long, value_name = "WHEN")]
    active_after: Option<Moment>,
    /// Last seen before
    #[arg(long, value_name = "WHEN")]
    active_before: Option<Moment>,
    /// With a verified email
    #[arg(long, conflicts_with = "unverified")]
    verified: bool,
    /// With an email that is not verified
    #[arg(long)]
    unverified: bool,
    /// Only bots
    #[arg(long, conflicts_with = "no_bots")]
    bots: bool,
    /// No bots
    #[arg(long)]
    no_bots: bool,
    /// Anonymous visitors too
    #[arg(long, conflicts_with = "only_anonymous")]
    include_anonymous: bool,
    /// Only anonymous visitors
    #[arg(long)]
    only_anonymous: bool,
    /// Only deleted users
    #[arg(long, conflicts_with = "include_deleted")]
    deleted: bool,
    /// Deleted users too
    #[arg(long)]
    include_deleted: bool,
}

impl UserFilterArgs {
    /// The filter that is meant when it is `now`.
    pub(crate) fn to_filter(&self, now: DateTime<Utc>) -> Result<UserFilter, Failure> {
        let range = |from: Option<Moment>, until: Option<Moment>| -> Result<TimeRange, Failure> {
            let resolve = |moment: Option<Moment>| moment.map(|moment| moment.resolve(now));
            Ok(TimeRange { from: resolve(from).transpose()?, until: resolve(until).transpose()? })
        };
        let names_deleted = self.status.contains(&UserStatus::Deleted);
        let scope = match (self.deleted, self.include_deleted || names_deleted) {
            (true, _) => UserScope::Deleted,
            (false, true) => UserScope::All,
            (false, false) => UserScope::Live,
        };
        let anonymous = match (self.only_anonymous, self.include_anonymous) {
            (true, _) => AnonymousScope::Only,
            (false, true) => AnonymousScope::Include,
            (false, false) => AnonymousScope::Exclude,
        };
        Ok(UserFilter {
            scope,
            statuses: self.status.clone(),
            roles: self.role.clone(),
            anonymous,
            created: range(self.created_after, self.created_before)?,
            last_active: range(self.active_after, self.active_before)?,
            email_verified: choice(self.verified, self.unverified),
            is_bot: choice(self.bots, self.no_bots),
        })
    }
}

fn choice(yes: bool, no: bool) -> Option<bool> {
    (yes || no).then_some(yes)
}

/// In which order users are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum OrderArg {
    /// Created last first
    #[default]
    Newest,
    /// Created first first
    Oldest,
    /// Seen last first
    Active,
    /// By name
    Name,
}

impl From<OrderArg> for UserOrder {
    fn from(order: OrderArg) -> Self {
        match order {
            OrderArg::Newest => Self::Newest,
            OrderArg::Oldest => Self::Oldest,
            OrderArg::Active => Self::RecentlyActive,
            OrderArg::Name => Self::Name,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        filter: UserFilterArgs,
    }

    fn filter(line: &str) -> UserFilter {
        let args = std::iter::once("x").chain(line.split_whitespace());
        let now = DateTime::UNIX_EPOCH + chrono::Duration::days(10);
        Line::try_parse_from(args).unwrap().filter.to_filter(now).unwrap()
    }

    #[test]
    fn nothing_said_is_every_live_registered_user() {
        assert_eq!(filter(""), UserFilter::default());
    }

    #[test]
    fn to_name_deleted_is_to_ask_for_it() {
        assert_eq!(filter("--status deleted,active").scope, UserScope::All);
        assert_eq!(filter("--deleted").scope, UserScope::Deleted);
    }

    #[test]
    fn all_conditions_arrive() {
        let filter = filter("--role admin --unverified --bots --created-after 3d --only-anonymous");
        let since = DateTime::UNIX_EPOCH + chrono::Duration::days(7);
        assert_eq!(filter.created, TimeRange::since(since));
        assert_eq!((filter.email_verified, filter.is_bot), (Some(false), Some(true)));
        assert_eq!(filter.anonymous, AnonymousScope::Only);
        assert_eq!(filter.roles, [UserRole::Admin]);
    }
}
