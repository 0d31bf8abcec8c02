//! The port for bans and the allow-list.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::{
    AllowedNetwork, BanFact, BanId, BanOrigin, BannedIp, IpTarget, Page, PageRequest,
    StorageResult, UserId,
};

/// Keeps the ledgers of bans. Who changes one holds `LockKey::Bans`.
///
/// A ban is in force at a moment when [`BannedIp::is_in_force`] says so.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait BannedIpRepository: Send {
    /// The ledgers of exactly these targets, in force or over; those without one are left out.
    async fn find_many(&mut self, targets: &[IpTarget]) -> StorageResult<Vec<BannedIp>>;

    /// The bans in force at `now` on `target` or on a network that contains it, the narrowest first.
    async fn find_covering(
        &mut self,
        target: &IpTarget,
        now: DateTime<Utc>,
    ) -> StorageResult<Vec<BannedIp>>;

    /// Stores new states of ledgers, each beside the new fact that it follows from. A ledger that is not
    /// there yet begins. Facts are added, never replaced. Ledgers MUST be taken in the order of their ids.
    ///
    /// # Errors
    /// `Stale` when a ledger does not hold exactly one fact less than its new state says.
    async fn append(&mut self, changes: &[(BannedIp, BanFact)]) -> StorageResult<()>;

    /// The facts of a ledger by sequence, newest first. Cursors are `Cursor::at_text(sequence as ten
    /// digits, ledger)`.
    async fn history(&mut self, ban: BanId, page: &PageRequest) -> StorageResult<Page<BanFact>>;

    /// The bans in force at `now`, those that began last first ([`BannedIp::cursor`]).
    async fn list_active(
        &mut self,
        now: DateTime<Utc>,
        page: &PageRequest,
    ) -> StorageResult<Page<BannedIp>>;

    /// The bans in force at `now` that have a fact of that origin which itself is in force: after the last
    /// lift, and ending after `now`. By id of the ledger (`Cursor::at_id`).
    async fn list_by_origin(
        &mut self,
        origin: &BanOrigin,
        now: DateTime<Utc>,
        page: &PageRequest,
    ) -> StorageResult<Page<BannedIp>>;

    /// How many bans are in force at `now`; exact. Its cost MUST NOT grow with their number.
    async fn count_active(&mut self, now: DateTime<Utc>) -> StorageResult<u64>;

    /// Associates all facts and ledgers of user `source` with `target`. Answers how many facts. It MUST take
    /// ledgers in the order of their ids, as `append` does.
    async fn reassign_user(&mut self, source: UserId, target: UserId) -> StorageResult<u64>;

    /// Removes up to `limit` ledgers, with their facts, that were over ([`BannedIp::over_at`]) before
    /// `before`, those over longest first; ties MUST go by id. A ledger of a ban that never ends by itself
    /// stays. Answers how many ledgers.
    async fn delete_over(&mut self, before: DateTime<Utc>, limit: u16) -> StorageResult<u64>;

    /// Puts a network on the allow-list. Answers `false` when exactly it is there already, which stays.
    async fn allow(&mut self, network: &AllowedNetwork) -> StorageResult<bool>;

    /// Takes exactly that network off the allow-list. Answers whether it was there.
    async fn disallow(&mut self, target: &IpTarget) -> StorageResult<bool>;

    /// The allow-list by canonical text of the target. Cursors are `Cursor::at_text(it, Uuid::nil())`.
    async fn list_allowed(&mut self, page: &PageRequest) -> StorageResult<Page<AllowedNetwork>>;

    /// The networks on the allow-list that are `target` or contain it, the narrowest first.
    async fn find_allowed(&mut self, target: &IpTarget) -> StorageResult<Vec<AllowedNetwork>>;
}
