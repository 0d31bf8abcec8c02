//! Banning many at once: lists of bad addresses.

use std::collections::HashMap;
use std::net::IpAddr;

use chrono::{DateTime, Utc};
use systemprompt_users_domain::{
    BanEnd, BanFact, BanIpWithMetadataParams, BannedIp, BulkReport, EventKind, IpTarget, LockKey,
    Offence, Result, UserError,
};

use super::BanService;
use crate::context::retry;
use crate::users::check_bulk;

/// One row of a bulk ban.
#[derive(Debug)]
pub struct BulkBanItem {
    /// Which row, counted from 0 in the order given.
    pub row: usize,
    /// What happened.
    pub outcome: BulkBanOutcome,
}

/// What happened to one row of a bulk ban.
#[derive(Debug)]
pub enum BulkBanOutcome {
    /// The target is banned now.
    Banned(IpTarget),
    /// The ban on the target lasts longer now, or has another reason.
    Extended(IpTarget),
    /// A ban of exactly the target that says no less was in force already.
    Existing(IpTarget),
    /// The row was left out, and why.
    Refused(UserError),
}

impl BulkBanOutcome {
    /// The outcome as a word: `banned`, `extended`, `existing`, `refused`.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Banned(_) => "banned",
            Self::Extended(_) => "extended",
            Self::Existing(_) => "existing",
            Self::Refused(_) => "refused",
        }
    }
}

impl BanService {
    /// Bans many targets in one unit of work and says of each row what happened.
    ///
    /// A row that adds nothing to a ban in force is `Existing` and no new fact, so that a list can be given
    /// again: one that lasts no longer, or, of the same source and reason, is no longer temporary or
    /// permanent than the other.
    ///
    /// # Errors
    /// `Validation` of `rows` beyond 10,000; `Storage`, and then no row is stored.
    #[tracing::instrument(skip_all, fields(rows = rows.len()), err(level = "debug"))]
    pub async fn bulk_ban(
        &self,
        rows: &[BanIpWithMetadataParams],
    ) -> Result<BulkReport<BulkBanItem>> {
        check_bulk("rows", rows.len())?;
        let now = self.context.now();
        self.store_rows(rows.iter().map(|row| row.parse(now)).collect(), now).await
    }

    /// [`bulk_ban`](Self::bulk_ban) on behalf of somebody at the address `own` who has not confirmed what is hardly
    /// meant: a row that is not harmless by [`ban_impacts`](Self::ban_impacts) is refused as `Unconfirmed`.
    ///
    /// # Errors
    /// As of `bulk_ban`.
    #[tracing::instrument(skip_all, fields(rows = rows.len()), err(level = "debug"))]
    pub async fn bulk_ban_unconfirmed(
        &self,
        rows: &[BanIpWithMetadataParams],
        own: Option<IpAddr>,
    ) -> Result<BulkReport<BulkBanItem>> {
        check_bulk("rows", rows.len())?;
        let now = self.context.now();
        let parsed: Vec<Result<Offence>> = rows.iter().map(|row| row.parse(now)).collect();
        let targets: Vec<IpTarget> = parsed.iter().flatten().map(|row| row.target).collect();
        let mut impacts = self.ban_impacts(&targets, own).await?.into_iter();
        let checked = parsed.into_iter().map(|row| {
            let offence = row?;
            impacts.next().map_or(Ok(()), |impact| impact.check())?;
            Ok(offence)
        });
        self.store_rows(checked.collect(), now).await
    }

    async fn store_rows(
        &self,
        parsed: Vec<Result<Offence>>,
        now: DateTime<Utc>,
    ) -> Result<BulkReport<BulkBanItem>> {
        let offences: Vec<&Offence> = parsed.iter().flatten().collect();
        let mut outcomes = retry(|| self.try_bulk_ban(&offences, now)).await?.into_iter();
        let items = parsed
            .into_iter()
            .enumerate()
            .filter_map(|(row, parsed)| {
                let outcome = match parsed {
                    Ok(_) => outcomes.next()?,
                    Err(error) => BulkBanOutcome::Refused(error),
                };
                Some(BulkBanItem { row, outcome })
            })
            .collect();
        Ok(BulkReport { items })
    }

    async fn try_bulk_ban(
        &self,
        offences: &[&Offence],
        now: DateTime<Utc>,
    ) -> Result<Vec<BulkBanOutcome>> {
        let targets: Vec<IpTarget> = offences.iter().map(|offence| offence.target).collect();
        let mut unit = self.context.write().await?;
        unit.lock(LockKey::Bans).await?;
        let known = unit.bans().find_many(&targets).await?;
        let mut ledgers: HashMap<IpTarget, BannedIp> =
            known.into_iter().map(|ban| (ban.target, ban)).collect();

        let mut outcomes = Vec::with_capacity(offences.len());
        let mut changes: Vec<(BannedIp, BanFact)> = Vec::new();
        let mut events = Vec::new();
        for offence in offences {
            let target = offence.target;
            let ledger = ledgers.get(&target).cloned();
            let in_force = ledger.as_ref().filter(|ban| ban.is_in_force(now));
            if in_force.is_some_and(|ban| adds_nothing(ban, offence)) {
                outcomes.push(BulkBanOutcome::Existing(target));
                continue;
            }
            outcomes.push(match in_force {
                Some(_) => BulkBanOutcome::Extended(target),
                None => BulkBanOutcome::Banned(target),
            });
            let (ban, fact) = self.banned(ledger, (*offence).clone(), now);
            let kind = EventKind::IpBanned { target, until: ban.until };
            events.push(self.context.event(now, kind));
            ledgers.insert(target, ban.clone());
            changes.push((ban, fact));
        }
        if !changes.is_empty() {
            unit.bans().append(&changes).await?;
            unit.events().append(&events).await?;
            self.context.commit(unit).await?;
        }
        Ok(outcomes)
    }
}

/// Whether a ban in force already says what the row would. Two temporary bans of one list are the same:
/// their ends differ only because the list was given at another moment.
fn adds_nothing(ban: &BannedIp, offence: &Offence) -> bool {
    let both_temporary = ban.until != BanEnd::Never && offence.until != BanEnd::Never;
    let same_origin = ban.source == offence.source && ban.reason == offence.reason;
    ban.until >= offence.until || (both_temporary && same_origin)
}
