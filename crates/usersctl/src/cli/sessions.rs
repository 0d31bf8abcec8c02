//! `usersctl sessions ...` and `usersctl anonymous ...`

use clap::{Args, Subcommand};
use systemprompt_users::SessionId;

use super::{ConfirmArgs, ListArgs, OrderArg, duration};

#[derive(Debug, Subcommand)]
pub(crate) enum SessionsCommand {
    /// List sessions of a user, or of all
    List {
        /// An id, an email or a name [default: all users]
        user: Option<String>,
        #[command(flatten)]
        list: SessionListArgs,
    },
    /// End sessions
    End {
        /// Ids of sessions; `-` reads them from stdin
        #[arg(required = true, value_name = "SESSION")]
        sessions: Vec<String>,
        #[command(flatten)]
        confirm: ConfirmArgs,
    },
    /// End all sessions of a user
    EndAll {
        /// An id, an email or a name
        user: String,
        /// But this one
        #[arg(long, value_name = "SESSION")]
        except: Option<SessionId>,
        #[command(flatten)]
        confirm: ConfirmArgs,
    },
    /// Mark sessions that ran out as ended, and remove those that ended long ago
    Cleanup {
        #[command(flatten)]
        confirm: ConfirmArgs,
    },
}

#[derive(Debug, Clone, Args)]
pub(crate) struct SessionListArgs {
    /// Only live sessions, used last first
    #[arg(long)]
    pub(crate) active: bool,
    #[command(flatten)]
    pub(crate) list: ListArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AnonymousCommand {
    /// List anonymous visitors
    List {
        /// In which order
        #[arg(long, value_enum, default_value_t = OrderArg::Active)]
        order: OrderArg,
        #[command(flatten)]
        list: ListArgs,
    },
    /// Delete visitors that have not been seen for a while and have no live session
    Cleanup {
        /// How long they have not been seen [default: 30d]
        #[arg(long, value_parser = duration, value_name = "DURATION")]
        older_than: Option<chrono::Duration>,
        #[command(flatten)]
        confirm: ConfirmArgs,
    },
}
