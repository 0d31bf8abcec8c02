//! Asking: is this address banned, by what, and what happened before?

use chrono::{DateTime, Utc};
use systemprompt_users_domain::{
    BanFact, BanOrigin, BannedIp, Fingerprint, IpTarget, Page, PageRequest, PagedList, Result,
    UnitOfWork, UserError,
};

use super::BanService;

/// The longest reason, source or note, in characters.
const MAX_CHARS: usize = 255;

impl BanService {
    /// Whether an address (or a network as a whole) is banned now: by itself or by a network that covers
    /// it, unless the allow-list covers it too.
    ///
    /// # Errors
    /// `InvalidIp`; `Storage`.
    pub async fn is_banned<T>(&self, target: T) -> Result<bool>
    where
        T: TryInto<IpTarget>,
        UserError: From<T::Error>,
    {
        Ok(self.find_ban(target).await?.is_some())
    }

    /// The ban that keeps an address out now: of all that cover it the one that lasts longest, of those the
    /// narrowest. `None` when there is none, or the allow-list covers it.
    ///
    /// # Errors
    /// `InvalidIp`; `Storage`.
    pub async fn find_ban<T>(&self, target: T) -> Result<Option<BannedIp>>
    where
        T: TryInto<IpTarget>,
        UserError: From<T::Error>,
    {
        let target = target.try_into()?;
        if self.context.policy().allow_loopback && target.is_loopback() {
            return Ok(None);
        }
        let mut unit = self.context.read().await?;
        let covering = unit.bans().find_covering(&target, self.context.now()).await?;
        // The narrowest come first, and `max_by` keeps the last of equals.
        let longest = covering.into_iter().rev().max_by(|a, b| a.until.cmp(&b.until));
        if longest.is_some() && !unit.bans().find_allowed(&target).await?.is_empty() {
            return Ok(None);
        }
        Ok(longest)
    }

    /// The ledger of exactly that address or network, in force or over, whatever the allow-list says.
    ///
    /// # Errors
    /// `InvalidIp`; `Storage`.
    pub async fn get_ban<T>(&self, target: T) -> Result<Option<BannedIp>>
    where
        T: TryInto<IpTarget>,
        UserError: From<T::Error>,
    {
        let target = target.try_into()?;
        Ok(self.context.read().await?.bans().find_many(&[target]).await?.pop())
    }

    /// A page of what happened to exactly that address or network, newest first; empty when nothing ever did.
    ///
    /// # Errors
    /// `InvalidIp`, `Validation` of `after`; `Storage`.
    pub async fn ban_history<T>(&self, target: T, page: &PageRequest) -> Result<Page<BanFact>>
    where
        T: TryInto<IpTarget>,
        UserError: From<T::Error>,
    {
        let target = target.try_into()?;
        page.check(PagedList::BanHistory)?;
        let mut unit = self.context.read().await?;
        match unit.bans().find_many(&[target]).await?.pop() {
            Some(ban) => Ok(unit.bans().history(ban.id, page).await?.of(PagedList::BanHistory)),
            None => Ok(Page { items: Vec::new(), next: None }),
        }
    }

    /// A page of the bans in force, those that began last first.
    ///
    /// # Errors
    /// `Validation` of `after`; `Storage`.
    pub async fn list_active_bans(&self, page: &PageRequest) -> Result<Page<BannedIp>> {
        page.check(PagedList::ActiveBans)?;
        let (mut unit, now) = self.lagging_unit_and_now().await?;
        Ok(unit.bans().list_active(now, page).await?.of(PagedList::ActiveBans))
    }

    /// A page of the bans in force that `source` reported, oldest ledger first.
    ///
    /// # Errors
    /// `Validation` of `source` or `after`; `Storage`.
    pub async fn list_bans_by_source(
        &self,
        source: &str,
        page: &PageRequest,
    ) -> Result<Page<BannedIp>> {
        let source = clean("source", Some(source))?
            .ok_or_else(|| UserError::validation("source", "must not be blank"))?;
        self.list_by_origin(&BanOrigin::Source(source), page).await
    }

    /// A page of the bans in force for offences of that fingerprint, oldest ledger first.
    ///
    /// # Errors
    /// `Validation` of `fingerprint` or `after`; `Storage`.
    pub async fn list_bans_by_fingerprint(
        &self,
        fingerprint: &str,
        page: &PageRequest,
    ) -> Result<Page<BannedIp>> {
        let fingerprint = Fingerprint::parse(fingerprint)?;
        self.list_by_origin(&BanOrigin::Fingerprint(fingerprint), page).await
    }

    /// How many bans are in force; exact.
    ///
    /// # Errors
    /// `Storage`.
    pub async fn count_active_bans(&self) -> Result<u64> {
        let (mut unit, now) = self.lagging_unit_and_now().await?;
        Ok(unit.bans().count_active(now).await?)
    }

    async fn list_by_origin(
        &self,
        origin: &BanOrigin,
        page: &PageRequest,
    ) -> Result<Page<BannedIp>> {
        page.check(PagedList::BansByOrigin)?;
        let (mut unit, now) = self.lagging_unit_and_now().await?;
        let listed = unit.bans().list_by_origin(origin, now, page).await?;
        Ok(listed.of(PagedList::BansByOrigin))
    }

    async fn lagging_unit_and_now(&self) -> Result<(Box<dyn UnitOfWork>, DateTime<Utc>)> {
        Ok((self.context.read_lagging().await?, self.context.now()))
    }
}

/// A reason as it is kept: bounded, one line, blank is none.
pub(super) fn clean_reason(text: Option<&str>) -> Result<Option<String>> {
    clean("reason", text)
}

pub(super) fn clean(field: &'static str, text: Option<&str>) -> Result<Option<String>> {
    systemprompt_users_domain::optional_text(field, text, MAX_CHARS)
}
