//! Bans: a ledger of facts for each target, and the state that follows from them.

mod allowed;
mod duration;
mod fact;
mod params;
mod record;
mod target;

pub use allowed::AllowedNetwork;
pub use duration::{BanDuration, BanEnd};
pub use fact::{BanFact, BanFactKind};
pub use params::{BanIpParams, BanIpWithMetadataParams, MAX_OFFENCE_SESSIONS, Offence};
pub use record::{BanOrigin, BannedIp, LiftedBan};
pub use target::IpTarget;
