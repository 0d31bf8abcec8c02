//! The allow-list: networks that no ban touches.

use systemprompt_users_domain::{
    AllowedNetwork, EventKind, IpTarget, LockKey, Page, PageRequest, PagedList, Result, UserError,
};

use super::BanService;
use super::query::clean;
use crate::context::retry;

impl BanService {
    /// Puts an address or a network on the allow-list. Answers `false` when exactly it is there already.
    ///
    /// # Errors
    /// `InvalidIp`, `Validation` of `note`.
    #[tracing::instrument(skip_all, err(level = "debug"))]
    pub async fn allow<T>(&self, target: T, note: Option<&str>) -> Result<bool>
    where
        T: TryInto<IpTarget>,
        UserError: From<T::Error>,
    {
        let target = target.try_into()?;
        let note = clean("note", note)?;
        retry(|| self.try_allow(target, note.clone())).await
    }

    async fn try_allow(&self, target: IpTarget, note: Option<String>) -> Result<bool> {
        let now = self.context.now();
        let added_by = self.context.actor().clone();
        let mut unit = self.context.write().await?;
        unit.lock(LockKey::Bans).await?;
        let network = AllowedNetwork { target, note, added_at: now, added_by };
        if !unit.bans().allow(&network).await? {
            return Ok(false);
        }
        let event = self.context.event(now, EventKind::NetworkAllowed { target });
        unit.events().append(&[event]).await?;
        self.context.commit(unit).await?;
        Ok(true)
    }

    /// Takes exactly that address or network off the allow-list.
    ///
    /// # Errors
    /// `InvalidIp`, `NotFound` when it is not there.
    #[tracing::instrument(skip_all, err(level = "debug"))]
    pub async fn disallow<T>(&self, target: T) -> Result<()>
    where
        T: TryInto<IpTarget>,
        UserError: From<T::Error>,
    {
        let target = target.try_into()?;
        retry(|| async move {
            let now = self.context.now();
            let mut unit = self.context.write().await?;
            unit.lock(LockKey::Bans).await?;
            if !unit.bans().disallow(&target).await? {
                return Err(UserError::not_found("allowed network", target));
            }
            let event = self.context.event(now, EventKind::NetworkDisallowed { target });
            unit.events().append(&[event]).await?;
            self.context.commit(unit).await
        })
        .await
    }

    /// A page of the allow-list, by the text of the networks. Loopback is allowed by the policy, not listed.
    ///
    /// # Errors
    /// `Validation` of `after`; `Storage`.
    pub async fn list_allowed(&self, page: &PageRequest) -> Result<Page<AllowedNetwork>> {
        page.check(PagedList::AllowedNetworks)?;
        let listed = self.context.read_lagging().await?.bans().list_allowed(page).await?;
        Ok(listed.of(PagedList::AllowedNetworks))
    }
}
