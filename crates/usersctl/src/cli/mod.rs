//! What can be typed: one file for each group of commands.

mod bans;
mod duration;
mod filter;
mod keys;
mod moment;
mod page;
mod sessions;
mod system;
mod users;

pub(crate) use bans::{
    AllowCommand, AllowImportArgs, BanAddArgs, BanExportArgs, BanExportFormat, BanImportArgs,
    BanImportFormat, BanListArgs, BansCommand,
};
pub(crate) use duration::{ban_duration, duration};
pub(crate) use filter::{OrderArg, UserFilterArgs};
pub(crate) use keys::{AdminLinkArgs, KeyCreateArgs, KeysCommand};
pub(crate) use moment::Moment;
pub(crate) use page::ListArgs;
pub(crate) use sessions::{AnonymousCommand, SessionListArgs, SessionsCommand};
pub(crate) use system::{EventsCommand, FollowArgs, JobHistoryArgs, JobsCommand, Start};
pub(crate) use users::{
    ClearField, CreateArgs, Hold, ImportArgs, MergeArgs, PurgeArgs, RolesCommand, RowFormat,
    StatsArgs, UpdateArgs, UserExportArgs, UserListArgs, UsersCommand,
};

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  failed: the storage, a file, or you said no
  2  the arguments make no sense, or --yes is missing
  3  not found
  4  conflict or refused; some rows or items were refused; the doctor found something

Results go to stdout, everything else to stderr. Times are in UTC. A user is named by id, email or name.";

/// Manages users, sessions and IP bans.
#[derive(Debug, Parser)]
#[command(name = "usersctl", version, after_help = EXIT_CODES, after_long_help = EXIT_CODES)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: GlobalArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes.
#[derive(Debug, Args)]
pub(crate) struct GlobalArgs {
    /// The storage: sqlite://PATH, postgres://USER@HOST/NAME or memory: [default: users.db in the data
    /// folder of the account]
    #[arg(
        long,
        global = true,
        env = "USERS_DATABASE_URL",
        hide_env_values = true,
        value_name = "URL",
        help_heading = "Global options"
    )]
    pub(crate) database: Option<String>,

    /// How results are shown [default: table]
    #[arg(long, short, global = true, value_enum, help_heading = "Global options")]
    pub(crate) output: Option<Format>,

    /// On whose behalf changes are made [default: the account's name]
    #[arg(long, global = true, value_name = "NAME", help_heading = "Global options")]
    pub(crate) actor: Option<String>,

    /// Tell on stderr what is done; twice for details
    #[arg(long, short, global = true, action = ArgAction::Count, help_heading = "Global options")]
    pub(crate) verbose: u8,
}

/// How results are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Table,
    /// One document; a list is {"items": [...], "next": ...}
    Json,
    /// One object a line
    Jsonl,
    /// A header, then one row a line
    Csv,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Find, create, change, merge, export and import users
    #[command(subcommand)]
    Users(UsersCommand),
    /// List and end sessions
    #[command(subcommand)]
    Sessions(SessionsCommand),
    /// Ban addresses and networks, and ask about them
    #[command(subcommand)]
    Bans(BansCommand),
    /// Make, rotate and revoke API keys
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Make a one-time link into the admin pages
    AdminLink(AdminLinkArgs),
    /// List anonymous visitors and clean up after them
    #[command(subcommand)]
    Anonymous(AnonymousCommand),
    /// Look at scheduled jobs and run them
    #[command(subcommand)]
    Jobs(JobsCommand),
    /// Read what happened
    #[command(subcommand)]
    Events(EventsCommand),
    /// Bring the schema up to date
    Migrate {
        /// Only say how far the schema is
        #[arg(long)]
        dry_run: bool,
    },
    /// Check that the data keeps its promises; exit code 4 when something is off
    Doctor,
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

impl Command {
    /// Whether it makes a database where there is none: those that add something do, and who brings the schema up
    /// to date. Others would only hide that a path is mistyped.
    pub(crate) const fn makes_database(&self) -> bool {
        matches!(
            self,
            Self::Migrate { dry_run: false }
                | Self::Users(UsersCommand::Create(_) | UsersCommand::Import(_))
                | Self::Bans(BansCommand::Add(_) | BansCommand::Import(_))
                | Self::Bans(BansCommand::Allow(
                    AllowCommand::Add { .. } | AllowCommand::Import { .. }
                ))
                | Self::Keys(KeysCommand::Create(_))
        )
    }
}

/// What every command takes that destroys something.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct ConfirmArgs {
    /// Do not ask
    #[arg(long, short)]
    pub(crate) yes: bool,
    /// Only show what would be touched
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definitions_agree_with_each_other() {
        Cli::command().debug_assert();
    }
}
