//! `usersctl jobs ...` and `usersctl events ...`

use std::str::FromStr;

use clap::{Args, Subcommand};
use systemprompt_users::{EventPosition, IpTarget, JobOutcome};

use super::{ConfirmArgs, ListArgs, duration};

#[derive(Debug, Subcommand)]
pub(crate) enum JobsCommand {
    /// List the jobs, when they are due and how they went last
    List,
    /// Run a job now, whatever its schedule says
    Run {
        /// The name of the job
        job: String,
        #[command(flatten)]
        confirm: ConfirmArgs,
    },
    /// List runs, begun last first
    History(JobHistoryArgs),
}

#[derive(Debug, Args)]
pub(crate) struct JobHistoryArgs {
    /// Only of this job
    pub(crate) job: Option<String>,
    /// Only those that ended so: succeeded or failed
    #[arg(long)]
    pub(crate) outcome: Option<JobOutcome>,
    #[command(flatten)]
    pub(crate) list: ListArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum EventsCommand {
    /// List events, newest first
    List {
        /// About this user: an id, an email or a name
        #[arg(long)]
        user: Option<String>,
        /// About exactly this address or network
        #[arg(long)]
        target: Option<IpTarget>,
        /// From before this position
        #[arg(long, value_name = "POSITION")]
        before: Option<i64>,
        /// How many at the most: 1 to 1000
        #[arg(long, default_value_t = 50, allow_negative_numbers = true, value_name = "N")]
        limit: i64,
    },
    /// Print events as they happen, in order, until Ctrl-C
    Follow(FollowArgs),
}

#[derive(Debug, Args)]
pub(crate) struct FollowArgs {
    /// Where to begin: `now`, `start`, or behind a position
    #[arg(long, default_value = "now", value_name = "POSITION")]
    pub(crate) from: Start,
    /// How long to wait when there is nothing new
    #[arg(long, value_parser = duration, default_value = "1s", value_name = "DURATION")]
    pub(crate) every: chrono::Duration,
}

/// Where to begin to follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    /// With what comes next.
    Now,
    /// Behind this position.
    Behind(EventPosition),
}

impl FromStr for Start {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "now" => Ok(Self::Now),
            "start" => Ok(Self::Behind(EventPosition::START)),
            position => match position.parse() {
                Ok(position) if position >= 0 => Ok(Self::Behind(EventPosition(position))),
                _ => Err("expected now, start or a position".into()),
            },
        }
    }
}
