//! `usersctl bans ...`

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use systemprompt_users::BanDuration;

use super::{ConfirmArgs, ListArgs, ban_duration};

#[derive(Debug, Subcommand)]
pub(crate) enum BansCommand {
    /// Ban addresses and networks, or ban them for longer
    Add(BanAddArgs),
    /// Lift all bans of exactly these addresses and networks; the history stays
    Remove {
        /// Addresses and networks; `-` reads them from stdin
        #[arg(required = true, value_name = "TARGET")]
        targets: Vec<String>,
        /// Why, for people
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
        #[command(flatten)]
        confirm: ConfirmArgs,
    },
    /// Say of each address whether it is banned, and by what
    Check {
        /// Addresses and networks; `-` reads them from stdin
        #[arg(required = true, value_name = "ADDRESS")]
        addresses: Vec<String>,
        /// Only show those that are banned
        #[arg(long)]
        banned: bool,
    },
    /// Show the ban of exactly this address or network, in force or over
    Show {
        /// An address or a network
        target: String,
    },
    /// List the bans in force
    List(BanListArgs),
    /// Show what happened to exactly this address or network
    History {
        /// An address or a network
        target: String,
        #[command(flatten)]
        list: ListArgs,
    },
    /// Ban everything in a list of addresses and networks, or in a CSV, JSONL or JSON file
    Import(BanImportArgs),
    /// Write the bans in force in a form that `import` takes
    Export(BanExportArgs),
    /// Networks that no ban touches
    #[command(subcommand)]
    Allow(AllowCommand),
}

#[derive(Debug, Args)]
pub(crate) struct BanAddArgs {
    /// Addresses and networks; `-` reads them from stdin
    #[arg(required = true, value_name = "TARGET")]
    pub(crate) targets: Vec<String>,
    /// How long: 12h, 7d, permanent
    #[arg(long = "for", value_parser = ban_duration, default_value = "permanent", value_name = "DURATION")]
    pub(crate) duration: BanDuration,
    /// Why, for people
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    /// What reported it, such as the name of a list
    #[arg(long, value_name = "TEXT")]
    pub(crate) source: Option<String>,
    /// The fingerprint of the offender
    #[arg(long, value_name = "TEXT")]
    pub(crate) fingerprint: Option<String>,
    /// The path that was asked for
    #[arg(long, value_name = "PATH")]
    pub(crate) path: Option<String>,
    /// The user agent of the offender
    #[arg(long, value_name = "TEXT")]
    pub(crate) user_agent: Option<String>,
    /// The user behind the offence: an id, an email or a name
    #[arg(long, value_name = "USER")]
    pub(crate) user: Option<String>,
    /// Do not ask about what hits your own address, admins who are signed in, or a very wide network
    #[arg(long, short)]
    pub(crate) yes: bool,
}

#[derive(Debug, Args)]
pub(crate) struct BanListArgs {
    /// Only those that this source reported
    #[arg(long, value_name = "TEXT", conflicts_with = "fingerprint")]
    pub(crate) source: Option<String>,
    /// Only those for offences of this fingerprint
    #[arg(long, value_name = "TEXT")]
    pub(crate) fingerprint: Option<String>,
    #[command(flatten)]
    pub(crate) list: ListArgs,
    /// Only say how many bans are in force
    #[arg(long, conflicts_with_all = ["source", "fingerprint", "all", "limit", "after"])]
    pub(crate) count: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum BanImportFormat {
    /// One address or network a line; comments begin with # or ;
    List,
    /// A header with target, and any of reason, duration, until, source
    Csv,
    /// One object a line
    Jsonl,
    /// One document, a list or {"items": [...]}
    Json,
}

#[derive(Debug, Args)]
pub(crate) struct BanImportArgs {
    /// The file; `-` is stdin
    pub(crate) file: PathBuf,
    /// The format [default: by the name of the file, or by what it begins with]
    #[arg(long, value_enum)]
    pub(crate) format: Option<BanImportFormat>,
    /// How long, where a row does not say: 12h, 7d, permanent
    #[arg(long = "for", value_parser = ban_duration, default_value = "permanent", value_name = "DURATION")]
    pub(crate) duration: BanDuration,
    /// Why, where a row does not say
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    /// What reported them, such as the name of the list, where a row does not say
    #[arg(long, value_name = "TEXT")]
    pub(crate) source: Option<String>,
    /// Keep refused rows in this file, in a form that can be corrected and imported again
    #[arg(long, value_name = "FILE")]
    pub(crate) errors: Option<PathBuf>,
    /// Also ban what hits your own address, admins who are signed in, or a very wide network
    #[arg(long, short)]
    pub(crate) yes: bool,
    /// Only read and check the rows; the storage is not touched
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum BanExportFormat {
    /// A header, then one ban a line
    Csv,
    /// One object a line
    Jsonl,
    /// One document {"items": [...], "next": null}
    Json,
    /// One address or network a line
    List,
}

#[derive(Debug, Args)]
pub(crate) struct BanExportArgs {
    /// The format [default: --output, or else csv]
    #[arg(long, value_enum)]
    pub(crate) format: Option<BanExportFormat>,
    /// Only those that this source reported
    #[arg(long, value_name = "TEXT")]
    pub(crate) source: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AllowCommand {
    /// Put addresses and networks on the allow-list
    Add {
        /// Addresses and networks; `-` reads them from stdin
        #[arg(required = true, value_name = "TARGET")]
        targets: Vec<String>,
        /// Why, for people
        #[arg(long, value_name = "TEXT")]
        note: Option<String>,
        #[command(flatten)]
        confirm: ConfirmArgs,
    },
    /// Take exactly these addresses and networks off the allow-list
    Remove {
        /// Addresses and networks; `-` reads them from stdin
        #[arg(required = true, value_name = "TARGET")]
        targets: Vec<String>,
        #[command(flatten)]
        confirm: ConfirmArgs,
    },
    /// List the allow-list
    List {
        #[command(flatten)]
        list: ListArgs,
    },
    /// Put everything in a list, or in a CSV, JSONL or JSON file as `allow list --all` writes it, on the allow-list
    Import(AllowImportArgs),
}

#[derive(Debug, Args)]
pub(crate) struct AllowImportArgs {
    /// The file; `-` is stdin
    pub(crate) file: PathBuf,
    /// The format [default: by the name of the file, or by what it begins with]
    #[arg(long, value_enum)]
    pub(crate) format: Option<BanImportFormat>,
    /// Keep refused rows in this file, in a form that can be corrected and imported again
    #[arg(long, value_name = "FILE")]
    pub(crate) errors: Option<PathBuf>,
}
