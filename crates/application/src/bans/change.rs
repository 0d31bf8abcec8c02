//! Banning, lifting, and dropping what is long over. Facts are added, never rewritten.

use serde::Serialize;
use systemprompt_users_domain::{
    BanFact, BanId, BanIpParams, BanIpWithMetadataParams, BannedIp, EventKind, IpTarget, LiftedBan,
    LockKey, Offence, Result, UserError,
};

use super::BanService;
use crate::context::{moment_before, retry};

/// What a clean-up of bans did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct CleanedBans {
    /// Ledgers removed because their ban was over longer ago than the retention.
    pub deleted: u64,
}

impl BanService {
    /// Bans an address or a network, or bans it again: that can only make the ban last longer.
    ///
    /// # Errors
    /// `InvalidIp`, `Validation` of `duration`, `reason` or `source`.
    ///
    /// ```
    /// # use systemprompt_users_application::BanService;
    /// # use systemprompt_users_domain::{BanDuration, BanIpParams};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> systemprompt_users_domain::Result<()> {
    /// # let storage = systemprompt_users_memory::MemoryStorage::new();
    /// let bans = BanService::new(&storage)?;
    /// bans.ban_ip(&BanIpParams::new("2001:DB8::/32", BanDuration::Days(7)).reason("scraping")).await?;
    /// assert!(bans.is_banned("2001:db8::1").await?);
    /// # Ok(()) }
    /// ```
    pub async fn ban_ip(&self, params: &BanIpParams) -> Result<BannedIp> {
        self.ban_ip_with_metadata(&params.clone().into()).await
    }

    /// [`ban_ip`](Self::ban_ip) with what is known of the offence.
    ///
    /// # Errors
    /// `InvalidIp`, or `Validation` of the field at fault.
    #[tracing::instrument(skip_all, err(level = "debug"))]
    pub async fn ban_ip_with_metadata(&self, params: &BanIpWithMetadataParams) -> Result<BannedIp> {
        let offence = params.parse(self.context.now())?;
        retry(|| self.try_ban(&offence)).await
    }

    async fn try_ban(&self, offence: &Offence) -> Result<BannedIp> {
        let now = self.context.now();
        let mut unit = self.context.write().await?;
        unit.lock(LockKey::Bans).await?;
        let known = unit.bans().find_many(&[offence.target]).await?.pop();
        let change = self.banned(known, offence.clone(), now);
        unit.bans().append(std::slice::from_ref(&change)).await?;
        let (ban, _) = change;
        let kind = EventKind::IpBanned { target: ban.target, until: ban.until };
        unit.events().append(&[self.context.event(now, kind)]).await?;
        self.context.commit(unit).await?;
        Ok(ban)
    }

    /// Lifts all bans of exactly that address or network. The history stays. The answer names wider
    /// networks that still cover it.
    ///
    /// # Errors
    /// `InvalidIp`; `NotFound` when no ban of exactly that target is in force.
    #[tracing::instrument(skip_all, err(level = "debug"))]
    pub async fn unban_ip<T>(&self, target: T, reason: Option<&str>) -> Result<LiftedBan>
    where
        T: TryInto<IpTarget>,
        UserError: From<T::Error>,
    {
        let target = target.try_into()?;
        let reason = super::query::clean_reason(reason)?;
        retry(|| self.try_unban(target, reason.clone())).await
    }

    async fn try_unban(&self, target: IpTarget, reason: Option<String>) -> Result<LiftedBan> {
        let now = self.context.now();
        let mut unit = self.context.write().await?;
        unit.lock(LockKey::Bans).await?;
        let known = unit.bans().find_many(&[target]).await?.pop();
        let ban = known
            .filter(|ban| ban.is_in_force(now))
            .ok_or_else(|| UserError::not_found("ban", target))?;
        let change = ban.lift(self.context.actor(), reason, now);
        unit.bans().append(std::slice::from_ref(&change)).await?;
        let (ban, _) = change;
        let still = unit.bans().find_covering(&target, now).await?;
        let event = self.context.event(now, EventKind::IpUnbanned { target });
        unit.events().append(&[event]).await?;
        self.context.commit(unit).await?;
        let still_covered_by = still.into_iter().map(|ban| ban.target).collect();
        Ok(LiftedBan { ban, still_covered_by })
    }

    /// Removes one batch of ledgers whose ban was over longer ago than the policy's `ban_retention`. Zero is
    /// the end.
    ///
    /// # Errors
    /// `Storage`.
    #[tracing::instrument(skip_all, err(level = "debug"))]
    pub async fn cleanup_expired(&self) -> Result<CleanedBans> {
        retry(|| async {
            let now = self.context.now();
            let policy = self.context.policy();
            let before = moment_before("ban_retention", now, policy.ban_retention)?;
            let mut unit = self.context.write().await?;
            unit.lock(LockKey::Bans).await?;
            let deleted = unit.bans().delete_over(before, policy.cleanup_batch).await?;
            if deleted > 0 {
                let kind = EventKind::RecordsCleaned { what: "bans".into(), count: deleted };
                unit.events().append(&[self.context.event(now, kind)]).await?;
                self.context.commit(unit).await?;
            }
            Ok(CleanedBans { deleted })
        })
        .await
    }

    /// The ledger with a ban added, begun if there is none yet.
    pub(super) fn banned(
        &self,
        known: Option<BannedIp>,
        offence: Offence,
        now: chrono::DateTime<chrono::Utc>,
    ) -> (BannedIp, BanFact) {
        match known {
            Some(ban) => ban.ban_again(offence, self.context.actor(), now),
            None => {
                let id = BanId::generate(now, self.context.entropy());
                BannedIp::first(id, offence, self.context.actor(), now)
            }
        }
    }
}
