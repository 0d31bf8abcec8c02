//! `usersctl keys ...` and `usersctl admin-link`

use chrono::Duration;
use clap::{Args, Subcommand};
use systemprompt_users::{ApiKeyId, ApiScope};

use super::{ConfirmArgs, ListArgs, duration};

#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Make an API key; its secret is shown this once
    Create(KeyCreateArgs),
    /// List API keys, made last first
    List {
        #[command(flatten)]
        list: ListArgs,
    },
    /// Show an API key
    Show {
        /// The id of a key
        #[arg(value_name = "KEY")]
        key: ApiKeyId,
    },
    /// Replace an API key by a new one of the same name and scopes; its secret is shown this once
    Rotate {
        /// The id of a key
        #[arg(value_name = "KEY")]
        key: ApiKeyId,
        /// How long the old key goes on; 0 revokes it at once
        #[arg(long, value_parser = grace, default_value = "1h", value_name = "DURATION")]
        grace: Duration,
        #[command(flatten)]
        confirm: ConfirmArgs,
    },
    /// Make an API key useless for good
    Revoke {
        /// The id of a key
        #[arg(value_name = "KEY")]
        key: ApiKeyId,
        #[command(flatten)]
        confirm: ConfirmArgs,
    },
}

#[derive(Debug, Args)]
pub(crate) struct KeyCreateArgs {
    /// What people call it
    pub(crate) name: String,
    /// What it may be used for: read, write, admin, forward-auth, bans; several by commas
    #[arg(long, required = true, value_delimiter = ',', value_name = "SCOPE")]
    pub(crate) scope: Vec<ApiScope>,
    /// For how long [default: for ever]
    #[arg(long, value_parser = duration, value_name = "DURATION")]
    pub(crate) expires_in: Option<Duration>,
}

#[derive(Debug, Args)]
pub(crate) struct AdminLinkArgs {
    /// An id, an email or a name of an admin
    #[arg(value_name = "NAME")]
    pub(crate) user: String,
    /// Where the admin pages are [default: where the usersd on this database and machine listens, or else
    /// http://127.0.0.1:8080]
    #[arg(long, value_name = "URL")]
    pub(crate) url: Option<String>,
    /// How long the link can be used: up to a day
    #[arg(long, value_parser = duration, default_value = "10m", value_name = "DURATION")]
    pub(crate) lifetime: Duration,
}

fn grace(text: &str) -> Result<Duration, String> {
    if text.trim() == "0" { Ok(Duration::zero()) } else { duration(text) }
}
