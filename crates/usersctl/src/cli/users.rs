//! `usersctl users ...`

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use systemprompt_users::UserRole;

use crate::exit::Failure;

use super::{
    ConfirmArgs, Format, ListArgs, Moment, OrderArg, SessionListArgs, UserFilterArgs, duration,
};

#[derive(Debug, Subcommand)]
pub(crate) enum UsersCommand {
    /// List users
    List(UserListArgs),
    /// Search name, email, full name and display name; every character stands for itself
    Search {
        /// What to look for
        query: String,
        #[command(flatten)]
        list: ListArgs,
        #[command(flatten)]
        filter: UserFilterArgs,
    },
    /// Show a user of any status
    Show {
        /// An id, an email or a name
        user: String,
    },
    /// Create a user
    Create(CreateArgs),
    /// Change fields of a user; what is not named stays
    Update(UpdateArgs),
    /// Suspend users and end their sessions
    Suspend {
        /// Ids, emails or names; `-` reads them from stdin
        #[arg(required = true, value_name = "USER")]
        users: Vec<String>,
        #[command(flatten)]
        confirm: ConfirmArgs,
    },
    /// Activate suspended users
    Activate {
        /// Ids, emails or names; `-` reads them from stdin
        #[arg(required = true, value_name = "USER")]
        users: Vec<String>,
        #[command(flatten)]
        confirm: ConfirmArgs,
    },
    /// Delete users softly: sessions end, name and email are free, `restore` undoes it
    Delete {
        /// Ids, emails or names; `-` reads them from stdin
        #[arg(required = true, value_name = "USER")]
        users: Vec<String>,
        #[command(flatten)]
        confirm: ConfirmArgs,
    },
    /// Bring a deleted user back
    Restore {
        /// An id, an email or a name
        user: String,
        #[command(flatten)]
        confirm: ConfirmArgs,
    },
    /// Place a legal hold, which forbids the purge, or lift it
    Hold {
        /// An id, an email or a name
        user: String,
        /// Place or lift it
        #[arg(value_enum, default_value_t = Hold::On)]
        hold: Hold,
        #[command(flatten)]
        confirm: ConfirmArgs,
    },
    /// Remove deleted users for good, with their sessions
    Purge(PurgeArgs),
    /// Make a user an admin
    Promote {
        /// An id, an email or a name
        user: String,
        #[command(flatten)]
        confirm: ConfirmArgs,
    },
    /// Take the role admin away
    Demote {
        /// An id, an email or a name
        user: String,
        #[command(flatten)]
        confirm: ConfirmArgs,
    },
    /// Show and change roles
    #[command(subcommand)]
    Roles(RolesCommand),
    /// Merge one user into another: history moves, blanks are filled, the source is deleted
    Merge(MergeArgs),
    /// List the sessions of a user
    Sessions {
        /// An id, an email or a name
        user: String,
        #[command(flatten)]
        list: SessionListArgs,
    },
    /// Show when a user was last seen, and how many sessions and events there are
    Activity {
        /// An id, an email or a name
        user: String,
    },
    /// Write users as CSV, JSONL or JSON, in a form that `import` takes
    Export(UserExportArgs),
    /// Create users from CSV, JSONL or JSON; a user who is there already stays as it is
    Import(ImportArgs),
    /// Show figures, counts by status and role, and sign-ups per day
    Stats(StatsArgs),
}

#[derive(Debug, Args)]
pub(crate) struct UserListArgs {
    /// In which order
    #[arg(long, value_enum, default_value_t)]
    pub(crate) order: OrderArg,
    #[command(flatten)]
    pub(crate) list: ListArgs,
    /// Only say how many there are
    #[arg(long, conflicts_with_all = ["all", "limit", "after"])]
    pub(crate) count: bool,
    #[command(flatten)]
    pub(crate) filter: UserFilterArgs,
}

#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// The handle, unique
    pub(crate) name: String,
    /// The email, unique
    pub(crate) email: String,
    /// The person's full name
    #[arg(long, value_name = "TEXT")]
    pub(crate) full_name: Option<String>,
    /// The name shown to others
    #[arg(long, value_name = "TEXT")]
    pub(crate) display_name: Option<String>,
    /// The address of a picture
    #[arg(long, value_name = "URL")]
    pub(crate) avatar_url: Option<String>,
    /// Roles: admin, user [default: user]
    #[arg(long, value_delimiter = ',')]
    pub(crate) role: Vec<UserRole>,
    /// The email is known to be the user's
    #[arg(long)]
    pub(crate) verified: bool,
    /// A program is behind it
    #[arg(long)]
    pub(crate) bot: bool,
    /// If the user is there already, bring its profile up to date instead
    #[arg(long)]
    pub(crate) ensure: bool,
}

#[derive(Debug, Args)]
pub(crate) struct UpdateArgs {
    /// An id, an email or a name
    pub(crate) user: String,
    /// Another handle
    #[arg(long, value_name = "TEXT")]
    pub(crate) name: Option<String>,
    /// Another email, which is not verified then
    #[arg(long)]
    pub(crate) email: Option<String>,
    /// The person's full name
    #[arg(long, value_name = "TEXT")]
    pub(crate) full_name: Option<String>,
    /// The name shown to others
    #[arg(long, value_name = "TEXT")]
    pub(crate) display_name: Option<String>,
    /// The address of a picture
    #[arg(long, value_name = "URL")]
    pub(crate) avatar_url: Option<String>,
    /// Whether the email is known to be the user's
    #[arg(long, value_name = "BOOL")]
    pub(crate) verified: Option<bool>,
    /// The address that --verified is about; refused when the user has another one by now
    #[arg(long, value_name = "ADDRESS", requires = "verified")]
    pub(crate) verified_email: Option<String>,
    /// Whether a program is behind it
    #[arg(long, value_name = "BOOL")]
    pub(crate) bot: Option<bool>,
    /// Empty a field
    #[arg(long, value_enum, value_delimiter = ',', value_name = "FIELD")]
    pub(crate) clear: Vec<ClearField>,
    /// Change only if the user still is at this version
    #[arg(long, value_name = "VERSION")]
    pub(crate) expect_version: Option<i64>,
}

/// A field that may be empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ClearField {
    FullName,
    DisplayName,
    AvatarUrl,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Hold {
    On,
    Off,
}

#[derive(Debug, Args)]
pub(crate) struct PurgeArgs {
    /// Ids, emails or names of deleted users; `-` reads them from stdin
    #[arg(required_unless_present = "older_than", value_name = "USER")]
    pub(crate) users: Vec<String>,
    /// All users deleted longer than this ago and not on hold
    #[arg(long, value_parser = duration, value_name = "DURATION", conflicts_with = "users")]
    pub(crate) older_than: Option<chrono::Duration>,
    #[command(flatten)]
    pub(crate) confirm: ConfirmArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RolesCommand {
    /// Show the roles of a user
    Show {
        /// An id, an email or a name
        user: String,
    },
    /// Give a role to users
    Assign {
        /// Ids, emails or names; `-` reads them from stdin
        #[arg(required = true, value_name = "USER")]
        users: Vec<String>,
        /// The role: admin or user
        #[arg(long)]
        role: UserRole,
        #[command(flatten)]
        confirm: ConfirmArgs,
    },
    /// Take a role from a user
    Revoke {
        /// An id, an email or a name
        user: String,
        /// The role
        #[arg(long)]
        role: UserRole,
        #[command(flatten)]
        confirm: ConfirmArgs,
    },
    /// Replace all roles of a user
    Set {
        /// An id, an email or a name
        user: String,
        /// The roles that the user holds from now on
        #[arg(long, required = true, value_delimiter = ',')]
        role: Vec<UserRole>,
        #[command(flatten)]
        confirm: ConfirmArgs,
    },
}

#[derive(Debug, Args)]
pub(crate) struct MergeArgs {
    /// Who is gone afterwards: an id, an email or a name
    pub(crate) source: String,
    /// Who has it all afterwards
    pub(crate) target: String,
    /// Let live sessions of the source go on as sessions of the target
    #[arg(long)]
    pub(crate) keep_sessions: bool,
    /// Give the target the roles of the source too
    #[arg(long)]
    pub(crate) gain_roles: bool,
    #[command(flatten)]
    pub(crate) confirm: ConfirmArgs,
}

/// A format of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RowFormat {
    /// A header, then one row a line
    Csv,
    /// One object a line
    Jsonl,
    /// One document {"items": [...], "next": null}
    Json,
}

impl RowFormat {
    /// The format of an export: its own, or that of all results, or else CSV.
    pub(crate) fn of_export(own: Option<Self>, output: Option<Format>) -> Result<Self, Failure> {
        match (own, output) {
            (Some(format), _) => Ok(format),
            (None, Some(Format::Csv) | None) => Ok(Self::Csv),
            (None, Some(Format::Jsonl)) => Ok(Self::Jsonl),
            (None, Some(Format::Json)) => Ok(Self::Json),
            (None, Some(Format::Table)) => {
                Err(Failure::Usage("an export is csv, jsonl or json, not a table".into()))
            }
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct UserExportArgs {
    /// The format [default: --output, or else csv]
    #[arg(long, value_enum)]
    pub(crate) format: Option<RowFormat>,
    /// In which order
    #[arg(long, value_enum, default_value_t = OrderArg::Oldest)]
    pub(crate) order: OrderArg,
    #[command(flatten)]
    pub(crate) filter: UserFilterArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// The file; `-` is stdin
    pub(crate) file: PathBuf,
    /// The format [default: by the name of the file, or by what it begins with]
    #[arg(long, value_enum)]
    pub(crate) format: Option<RowFormat>,
    /// Keep refused rows in this file, in a form that can be corrected and imported again
    #[arg(long, value_name = "FILE")]
    pub(crate) errors: Option<PathBuf>,
    /// Bring full name, display name, avatar and bot mark of existing users up to date
    #[arg(long)]
    pub(crate) update: bool,
    /// Do all that the import would, and keep nothing of it
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct StatsArgs {
    /// Sign-ups from this day on [default: the last 30 days]
    #[arg(long, value_name = "WHEN")]
    pub(crate) from: Option<Moment>,
    /// Sign-ups until this day, included [default: today]
    #[arg(long, value_name = "WHEN")]
    pub(crate) until: Option<Moment>,
}
