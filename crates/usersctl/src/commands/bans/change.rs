//! Banning and lifting.

use std::net::IpAddr;

use systemprompt_users::{BanIpParams, BanIpWithMetadataParams, IpTarget, UserError};

use super::super::lists::Targets;
use super::super::lookup::{self, done};
use super::super::now;
use crate::cli::{BanAddArgs, ConfirmArgs};
use crate::confirm::preview;
use crate::exit::{Failure, Outcome, note, with_causes};
use crate::host::{Host, Services};
use crate::output::{BanRow, LiftedRow};

pub(super) async fn add(services: &Services, host: &Host, args: &BanAddArgs) -> Outcome {
    let user_id = match &args.user {
        Some(user) => Some(lookup::any_user(services, user).await?.id),
        None => None,
    };
    let now = now();
    let targets = Targets::read(&args.targets)?;
    let rows: Vec<BanIpWithMetadataParams> = targets
        .all
        .iter()
        .copied()
        .map(|target| BanIpWithMetadataParams {
            ban: BanIpParams {
                ip: target.to_string(),
                duration: args.duration,
                reason: args.reason.clone(),
                source: args.source.clone(),
            },
            fingerprint: args.fingerprint.clone(),
            offence_path: args.path.clone(),
            user_agent: args.user_agent.clone(),
            session_ids: Vec::new(),
            user_id,
        })
        .collect();
    // All are checked before the first is banned.
    for row in &rows {
        row.parse(now)?;
    }
    if !args.yes {
        confirm_impact(services, &targets.all).await?;
    }
    let mut bans = Vec::with_capacity(rows.len());
    let mut failed = None;
    for row in &rows {
        match services.bans.ban_ip_with_metadata(row).await {
            Ok(ban) => bans.push(ban),
            Err(error) => {
                failed = Some(error);
                break;
            }
        }
    }
    let now = super::super::now();
    host.output().all(&bans.iter().map(|ban| BanRow { ban, now }).collect::<Vec<_>>())?;
    if let Some(error) = failed {
        return Err(error.into());
    }
    for ban in &bans {
        if services.bans.find_ban(ban.target).await?.is_none() {
            note(&format!(
                "{} is on the allow-list, or loopback, which wins over the ban",
                ban.target
            ));
        }
    }
    Ok(targets.done())
}

/// Asks whether to ban what is hardly meant.
async fn confirm_impact(services: &Services, targets: &[IpTarget]) -> Result<(), Failure> {
    let impacts = services.bans.ban_impacts(targets, own_address()).await?;
    let harmful: Vec<String> =
        impacts.iter().filter(|impact| !impact.is_harmless()).map(ToString::to_string).collect();
    if harmful.is_empty() {
        return Ok(());
    }
    harmful.iter().for_each(|impact| note(impact));
    let confirm = ConfirmArgs { yes: false, dry_run: false };
    confirm.goes_on("Ban it all the same?").map(drop)
}

/// The address that the operator comes from over SSH.
pub(super) fn own_address() -> Option<IpAddr> {
    ["SSH_CONNECTION", "SSH_CLIENT"].into_iter().find_map(|name| {
        let value = std::env::var(name).ok()?;
        // What stands behind `%` is the interface.
        value.split_whitespace().next()?.split('%').next()?.parse().ok()
    })
}

pub(super) async fn remove(
    services: &Services,
    host: &Host,
    targets: &[String],
    reason: Option<&str>,
    confirm: ConfirmArgs,
) -> Outcome {
    let now = now();
    let mut found = Vec::new();
    let mut missing = Vec::new();
    let targets = Targets::read(targets)?;
    for &target in &targets.all {
        let ban = services.bans.get_ban(target).await?;
        match ban.filter(|ban| ban.is_in_force(now)) {
            Some(ban) => found.push(ban),
            None => missing.push(UserError::not_found("ban", target)),
        }
    }
    for error in &missing {
        note(&error.to_string());
    }
    let mut output = host.output();
    let rows: Vec<_> = found.iter().map(|ban| BanRow { ban, now }).collect();
    preview(&mut output, confirm, "These bans are to be lifted:", &rows)?;
    if !rows.is_empty() && !confirm.goes_on(&format!("Lift {} bans?", rows.len()))? {
        return Ok(done(missing.iter()).max(targets.done()));
    }
    let mut lifted = Vec::new();
    for ban in &found {
        match services.bans.unban_ip(ban.target, reason).await {
            Ok(ban) => lifted.push(ban),
            Err(error @ UserError::Validation { .. }) => return Err(error.into()),
            Err(error) => {
                note(&with_causes(&error));
                missing.push(error);
            }
        }
    }
    output.all(&lifted.iter().map(LiftedRow).collect::<Vec<_>>())?;
    for ban in lifted.iter().filter(|ban| !ban.still_covered_by.is_empty()) {
        note(&format!("{} still is banned, by a wider network", ban.ban.target));
    }
    Ok(done(missing.iter()).max(targets.done()))
}
