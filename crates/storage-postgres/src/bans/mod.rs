//! Bans and the allow-list: each method of the port, and the file where it is done.

mod allowed;
mod append;
mod find;
mod list;
mod row;
mod upkeep;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use systemprompt_users_domain::{
    AllowedNetwork, BanFact, BanId, BanOrigin, BannedIp, BannedIpRepository, IpTarget, Page,
    PageRequest, StorageResult, UserId,
};

pub(crate) use upkeep::forget_users;

use crate::unit::Unit;

#[async_trait]
impl BannedIpRepository for Unit {
    async fn find_many(&mut self, targets: &[IpTarget]) -> StorageResult<Vec<BannedIp>> {
        find::many(self, targets).await
    }

    async fn find_covering(
        &mut self,
        target: &IpTarget,
        now: DateTime<Utc>,
    ) -> StorageResult<Vec<BannedIp>> {
        find::covering(self, target, now).await
    }

    async fn append(&mut self, changes: &[(BannedIp, BanFact)]) -> StorageResult<()> {
        append::append(self, changes).await
    }

    async fn history(&mut self, ban: BanId, page: &PageRequest) -> StorageResult<Page<BanFact>> {
        list::history(self, ban, page).await
    }

    async fn list_active(
        &mut self,
        now: DateTime<Utc>,
        page: &PageRequest,
    ) -> StorageResult<Page<BannedIp>> {
        list::active(self, now, page).await
    }

    async fn list_by_origin(
        &mut self,
        origin: &BanOrigin,
        now: DateTime<Utc>,
        page: &PageRequest,
    ) -> StorageResult<Page<BannedIp>> {
        list::by_origin(self, origin, now, page).await
    }

    async fn count_active(&mut self, now: DateTime<Utc>) -> StorageResult<u64> {
        find::count_active(self, now).await
    }

    async fn reassign_user(&mut self, source: UserId, target: UserId) -> StorageResult<u64> {
        upkeep::reassign_user(self, source, target).await
    }

    async fn delete_over(&mut self, before: DateTime<Utc>, limit: u16) -> StorageResult<u64> {
        upkeep::delete_over(self, before, limit).await
    }

    async fn allow(&mut self, network: &AllowedNetwork) -> StorageResult<bool> {
        allowed::add(self, network).await
    }

    async fn disallow(&mut self, target: &IpTarget) -> StorageResult<bool> {
        allowed::remove(self, target).await
    }

    async fn list_allowed(&mut self, page: &PageRequest) -> StorageResult<Page<AllowedNetwork>> {
        allowed::list(self, page).await
    }

    async fn find_allowed(&mut self, target: &IpTarget) -> StorageResult<Vec<AllowedNetwork>> {
        allowed::find(self, target).await
    }
}
