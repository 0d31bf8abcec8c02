//! What the scenarios share.

mod bound;
mod check;
mod daemon;
mod place;
mod program;
mod proxy;
mod struck;

pub(crate) use bound::{NEVER, bounded, until};
pub(crate) use check::{assert_clean, count_events, import_file, live_emails, user_rows};
pub(crate) use daemon::{Daemon, admin_key, exchange, send};
pub(crate) use place::Place;
pub(crate) use program::{Program, binary, usersctl};
pub(crate) use proxy::Proxy;
pub(crate) use struck::{State, Watch, go_through, kill_at};
