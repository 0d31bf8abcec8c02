//! Everything about bans: ban, lift, ask, list, clean up, and the allow-list that wins over them.

mod allow;
mod change;
mod impact;
mod import;
mod query;

pub use change::CleanedBans;
pub use impact::{BanImpact, WIDE_IPV4_PREFIX, WIDE_IPV6_PREFIX};
pub use import::{BulkBanItem, BulkBanOutcome};

use crate::Context;
use crate::context::service_of_context;

/// Manages bans. A clone is a handle.
#[derive(Debug, Clone)]
pub struct BanService {
    context: Context,
}

service_of_context!(BanService);
