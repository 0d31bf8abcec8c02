//! Everything about users: find, list, change, bulk, merge, figures.

mod anonymous;
mod bulk_create;
mod change;
mod create;
mod engine;
mod find;
mod holders;
mod lifecycle;
mod list;
mod look_alike;
mod merge;
mod provider;
mod rehearsal;
mod roles;
mod stats;

pub use bulk_create::{ImportItem, ImportRow};
pub use create::EnsureResult;
pub use engine::MAX_BULK_ITEMS;
pub(crate) use engine::check_bulk;
pub use provider::UserProviderImpl;
pub use rehearsal::Rehearsal;

use crate::Context;
use crate::context::service_of_context;

/// Manages users. A clone is a handle; see the methods by what they do:
///
/// - find: [`find_by_id`](Self::find_by_id), [`find_by_email`](Self::find_by_email), ...
/// - list: [`list`](Self::list), [`list_all`](Self::list_all), [`search`](Self::search), [`count`](Self::count)
/// - change: [`create`](Self::create), [`update`](Self::update), [`update_status`](Self::update_status), ...
/// - bulk: [`bulk_create`](Self::bulk_create), [`bulk_delete`](Self::bulk_delete), ...
/// - merge: [`merge_users`](Self::merge_users), [`resolve`](Self::resolve)
#[derive(Debug, Clone)]
pub struct UserService {
    pub(crate) context: Context,
}

service_of_context!(UserService);

impl UserService {
    /// The same service, whose changes of a single user are refused as `Stale` unless the user still is at
    /// `version`. A merge looks at its source.
    #[must_use]
    pub fn at_version(&self, version: i64) -> Self {
        Self { context: self.context.clone().at_version(version) }
    }
}
