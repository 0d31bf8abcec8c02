//! The repository of bans and of the allow-list.

mod allowed;
mod change;
mod find;
mod json;
mod list;
mod row;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use systemprompt_users_domain::{
    AllowedNetwork, BanFact, BanId, BanOrigin, BannedIp, BannedIpRepository, IpTarget, Page,
    PageRequest, StorageResult, UserId,
};

use crate::error::storage_error;
use crate::unit::Unit;

#[async_trait]
impl BannedIpRepository for Unit {
    async fn find_many(&mut self, targets: &[IpTarget]) -> StorageResult<Vec<BannedIp>> {
        find::by_targets(self.connection()?, targets).await
    }

    async fn find_covering(
        &mut self,
        target: &IpTarget,
        now: DateTime<Utc>,
    ) -> StorageResult<Vec<BannedIp>> {
        find::covering(self.connection()?, target, now).await
    }

    async fn append(&mut self, changes: &[(BannedIp, BanFact)]) -> StorageResult<()> {
        let mut together = self.together().await?;
        change::append(&mut together, changes).await?;
        together.commit().await.map_err(storage_error)
    }

    async fn history(&mut self, ban: BanId, page: &PageRequest) -> StorageResult<Page<BanFact>> {
        find::history(self.connection()?, ban, page).await
    }

    async fn list_active(
        &mut self,
        now: DateTime<Utc>,
        page: &PageRequest,
    ) -> StorageResult<Page<BannedIp>> {
        list::active(self.connection()?, now, page).await
    }

    async fn list_by_origin(
        &mut self,
        origin: &BanOrigin,
        now: DateTime<Utc>,
        page: &PageRequest,
    ) -> StorageResult<Page<BannedIp>> {
        let mut together = self.together().await?;
        let page = list::by_origin(&mut together, origin, now, page).await?;
        together.commit().await.map_err(storage_error)?;
        Ok(page)
    }

    async fn count_active(&mut self, now: DateTime<Utc>) -> StorageResult<u64> {
        find::count_active(self.connection()?, now).await
    }

    async fn reassign_user(&mut self, source: UserId, target: UserId) -> StorageResult<u64> {
        let mut together = self.together().await?;
        let facts = change::reassign_user(&mut together, source, target).await?;
        together.commit().await.map_err(storage_error)?;
        Ok(facts)
    }

    async fn delete_over(&mut self, before: DateTime<Utc>, limit: u16) -> StorageResult<u64> {
        change::delete_over(self.connection()?, before, limit).await
    }

    async fn allow(&mut self, network: &AllowedNetwork) -> StorageResult<bool> {
        allowed::allow(self.connection()?, network).await
    }

    async fn disallow(&mut self, target: &IpTarget) -> StorageResult<bool> {
        allowed::disallow(self.connection()?, target).await
    }

    async fn list_allowed(&mut self, page: &PageRequest) -> StorageResult<Page<AllowedNetwork>> {
        allowed::list(self.connection()?, page).await
    }

    async fn find_allowed(&mut self, target: &IpTarget) -> StorageResult<Vec<AllowedNetwork>> {
        allowed::covering(self.connection()?, target).await
    }
}
