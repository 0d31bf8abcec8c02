//! The port for bans and the allow-list.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use systemprompt_users_domain::{
    AllowedNetwork, BanFact, BanId, BanOrigin, BannedIp, BannedIpRepository, IpTarget, Page,
    PageRequest, StorageResult, UserId,
};

use crate::distinct;
use crate::storage::MemoryUnit;

#[async_trait]
impl BannedIpRepository for MemoryUnit {
    async fn find_many(&mut self, targets: &[IpTarget]) -> StorageResult<Vec<BannedIp>> {
        let bans = &self.state().bans;
        let ledgers = distinct(targets).into_iter().filter_map(|target| bans.find(&target));
        Ok(ledgers.map(|ledger| ledger.ban.clone()).collect())
    }

    async fn find_covering(
        &mut self,
        target: &IpTarget,
        now: DateTime<Utc>,
    ) -> StorageResult<Vec<BannedIp>> {
        Ok(self.state().bans.covering(target, now).collect())
    }

    async fn append(&mut self, changes: &[(BannedIp, BanFact)]) -> StorageResult<()> {
        self.change()?.bans.append(changes)
    }

    async fn history(&mut self, ban: BanId, page: &PageRequest) -> StorageResult<Page<BanFact>> {
        self.state().bans.history(ban, page)
    }

    async fn list_active(
        &mut self,
        now: DateTime<Utc>,
        page: &PageRequest,
    ) -> StorageResult<Page<BannedIp>> {
        self.state().bans.list_active(now, page)
    }

    async fn list_by_origin(
        &mut self,
        origin: &BanOrigin,
        now: DateTime<Utc>,
        page: &PageRequest,
    ) -> StorageResult<Page<BannedIp>> {
        self.state().bans.list_by_origin(origin, now, page)
    }

    async fn count_active(&mut self, now: DateTime<Utc>) -> StorageResult<u64> {
        Ok(self.state().bans.count_active(now))
    }

    async fn reassign_user(&mut self, source: UserId, target: UserId) -> StorageResult<u64> {
        Ok(self.change()?.bans.reassign_user(source, Some(target)))
    }

    async fn delete_over(&mut self, before: DateTime<Utc>, limit: u16) -> StorageResult<u64> {
        Ok(self.change()?.bans.delete_over(before, limit))
    }

    async fn allow(&mut self, network: &AllowedNetwork) -> StorageResult<bool> {
        Ok(self.change()?.bans.allowed.add(network))
    }

    async fn disallow(&mut self, target: &IpTarget) -> StorageResult<bool> {
        Ok(self.change()?.bans.allowed.remove(target))
    }

    async fn list_allowed(&mut self, page: &PageRequest) -> StorageResult<Page<AllowedNetwork>> {
        self.state().bans.allowed.list(page)
    }

    async fn find_allowed(&mut self, target: &IpTarget) -> StorageResult<Vec<AllowedNetwork>> {
        Ok(self.state().bans.allowed.covering(target))
    }
}
