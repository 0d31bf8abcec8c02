//! What each command does: one file or folder for each group.

mod admin_link;
mod anonymous;
mod bans;
mod events;
mod jobs;
mod keys;
mod lists;
mod lookup;
mod pages;
mod sessions;
mod system;
mod users;

use chrono::{DateTime, Utc};
use systemprompt_users::{Clock, SystemClock};

use crate::cli::Command;
use crate::exit::Outcome;
use crate::host::Host;

/// Runs a command to its end.
pub(crate) async fn run(command: Command, host: &Host) -> Outcome {
    match command {
        Command::Users(command) => users::run(command, host).await,
        Command::Sessions(command) => sessions::run(command, host).await,
        Command::Bans(command) => bans::run(command, host).await,
        Command::Keys(command) => keys::run(command, host).await,
        Command::AdminLink(args) => admin_link::run(args, host).await,
        Command::Anonymous(command) => anonymous::run(command, host).await,
        Command::Jobs(command) => jobs::run(command, host).await,
        Command::Events(command) => events::run(command, host).await,
        Command::Migrate { dry_run } => system::migrate(dry_run, host).await,
        Command::Doctor => system::doctor(host).await,
        Command::Completions { shell } => system::completions(shell, host),
    }
}

/// The time now.
fn now() -> DateTime<Utc> {
    SystemClock.now()
}
