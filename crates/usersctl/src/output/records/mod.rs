//! Everything that is shown, as records.

mod bans;
mod keys;
mod sessions;
mod system;
mod users;

pub(crate) use bans::{AllowRow, BanRow, CheckRow, FactRow, LiftedRow};
pub(crate) use keys::{AdminLinkRow, IssuedKeyRow, KeyRow};
pub(crate) use sessions::SessionRow;
pub(crate) use system::{
    CountRow, EventRow, FindingRow, JobRow, NamedCount, RunRow, SchemaRow, StatRow,
};
pub(crate) use users::{ActivityRow, BulkRow, EnsuredRow, MergeRow, PurgeRow, RolesRow, UserRow};
