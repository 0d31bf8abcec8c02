//! Showing bans and their history.

use systemprompt_users::{BanFact, BannedIp, PageRequest, UserError};

use super::super::{now, pages};
use crate::cli::{BanListArgs, ListArgs};
use crate::exit::{Done, Outcome, note};
use crate::host::{Host, Services};
use crate::output::{BanRow, CountRow, FactRow, Record, printable};

pub(super) async fn show(services: &Services, host: &Host, target: &str) -> Outcome {
    let target: systemprompt_users::IpTarget = target.parse()?;
    let Some(ban) = services.bans.get_ban(target).await? else {
        if let Some(wider) = services.bans.find_ban(target).await? {
            note(&format!("{target} is banned by {}", wider.target));
        }
        return Err(UserError::not_found("ban", target).into());
    };
    host.output().one(&BanRow { ban: &ban, now: now() })?;
    Ok(Done::All)
}

pub(super) async fn list(services: &Services, host: &Host, args: &BanListArgs) -> Outcome {
    let (bans, now) = (&services.bans, now());
    let mut output = host.output();
    if args.count {
        output.one(&CountRow(bans.count_active_bans().await?))?;
        return Ok(Done::All);
    }
    let list = output.list(BanRow::COLUMNS).hiding(&["state"]);
    let fetch = async |request: &PageRequest| match (&args.source, &args.fingerprint) {
        (Some(source), _) => bans.list_bans_by_source(source, request).await,
        (None, Some(fingerprint)) => bans.list_bans_by_fingerprint(fingerprint, request).await,
        (None, None) => bans.list_active_bans(request).await,
    };
    pages::show(&args.list, list, fetch, |list, ban: &BannedIp| list.push(&BanRow { ban, now }))
        .await
}

pub(super) async fn history(
    services: &Services,
    host: &Host,
    target: &str,
    args: &ListArgs,
) -> Outcome {
    let target: systemprompt_users::IpTarget = target.parse()?;
    if services.bans.get_ban(target).await?.is_none() {
        note(&printable(&format!("{target} was never banned")));
        return Err(UserError::not_found("ban", target).into());
    }
    let mut output = host.output();
    let list = output.list(FactRow::COLUMNS);
    let fetch = async |request: &PageRequest| services.bans.ban_history(target, request).await;
    pages::show(args, list, fetch, |list, fact: &BanFact| list.push(&FactRow(fact))).await
}
