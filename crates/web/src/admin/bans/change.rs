//! Banning and lifting, and the allow-list.

use axum::extract::State;
use systemprompt_users_application::BanImpact;
use systemprompt_users_domain::{
    BanIpParams, BanIpWithMetadataParams, IpTarget, Result, UserError,
};

use super::super::confirm::Confirm;
use super::super::error::PageResult;
use super::super::flash::Flash;
use super::super::form::{Fields, FormView, Posted};
use super::super::layout::Section;
use super::super::session::Admin;
use super::super::text::{ban_end, sentence};
use super::list::{self, Forms};
use super::{FIELDS, history_of};
use crate::{ClientIp, Problem, Web};

pub(super) async fn ban(
    State(web): State<Web>,
    address: Result<ClientIp, Problem>,
    posted: Posted,
) -> PageResult {
    let (Posted { admin, fields }, address) = (posted, address?);
    match try_ban(&web, &admin, address, &fields).await {
        Ok(Banned::Done(flash)) => Ok(flash.redirect("/admin/bans", &admin, &web)),
        Ok(Banned::Unconfirmed(impact)) => confirm(&admin, &impact, &fields),
        Err(error) => {
            let (status, form) = FormView::refused(fields, error, &FIELDS)?;
            let forms = Forms { ban: form, ..Forms::default() };
            list::render(&web, &admin, address, (status, forms), &Fields::default()).await
        }
    }
}

enum Banned {
    Done(Flash),
    /// Nothing was done yet: this would be hit.
    Unconfirmed(BanImpact),
}

async fn try_ban(
    web: &Web,
    admin: &Admin,
    ClientIp(address): ClientIp,
    fields: &Fields,
) -> Result<Banned> {
    let target: IpTarget = fields.get("target").parse()?;
    let params = BanIpParams {
        ip: target.to_string(),
        duration: fields.get("duration").parse()?,
        reason: fields.filled("reason").map(str::to_owned),
        source: Some("admin pages".into()),
    };
    let bans = web.bans(admin.actor());
    if !fields.is_ticked("confirmed") {
        BanIpWithMetadataParams::from(params.clone()).parse(web.now())?;
        let impact = bans.ban_impact(target, Some(address)).await?;
        if !impact.is_harmless() {
            return Ok(Banned::Unconfirmed(impact));
        }
    }
    let ban = bans.ban_ip(&params).await?;
    let mut text = format!("{} is banned {}.", ban.target, ban_end(ban.until, web.now()));
    if bans.find_ban(target).await?.is_none() {
        text.push_str(" The allow-list covers it, so the ban has no effect.");
    }
    Ok(Banned::Done(Flash::done(text)))
}

fn confirm(admin: &Admin, impact: &BanImpact, fields: &Fields) -> PageResult {
    let target = impact.target;
    let (title, line) = match impact.own_address {
        Some(_) => (
            "Ban your own address?".to_owned(),
            format!("With {target} banned you may be locked out of these pages."),
        ),
        None => (format!("Ban {target}?"), "Many may be locked out, admins too.".to_owned()),
    };
    let mut warnings = Vec::new();
    if let Some(address) = impact.own_address {
        warnings.push(format!("You come from {address}: this ban covers your own address."));
    }
    warnings.push(sentence(impact.to_string()));
    Confirm::new(title, Section::Bans, admin, ("/admin/bans", fields))
        .warnings(warnings)
        .line(line)
        .choices("Ban it all the same", "/admin/bans")
        .show()
}

pub(super) async fn lift(State(web): State<Web>, posted: Posted) -> PageResult {
    let Posted { admin, fields } = posted;
    let reason = fields.filled("reason");
    let flash = match web.bans(admin.actor()).unban_ip(fields.get("target"), reason).await {
        Ok(lifted) if lifted.still_covered_by.is_empty() => {
            Flash::done(format!("The ban of {} was lifted.", lifted.ban.target))
        }
        Ok(lifted) => {
            let still: Vec<String> =
                lifted.still_covered_by.iter().map(ToString::to_string).collect();
            let still = still.join(", ");
            Flash::failed(format!(
                "The ban of {} was lifted, but it is still covered by {still}.",
                lifted.ban.target
            ))
        }
        Err(error @ UserError::Storage(_)) => return Err(error.into()),
        Err(error) => Flash::failed(sentence(error.to_string())),
    };
    let back = match fields.get("target").parse::<IpTarget>() {
        Ok(target) if fields.get("back") == "history" => history_of(&target.to_string()),
        _ => "/admin/bans".into(),
    };
    Ok(flash.redirect(&back, &admin, &web))
}

pub(super) async fn allow(
    State(web): State<Web>,
    address: Result<ClientIp, Problem>,
    posted: Posted,
) -> PageResult {
    let (Posted { admin, fields }, address) = (posted, address?);
    let added = web.bans(admin.actor()).allow(fields.get("target"), fields.filled("note")).await;
    match added {
        Ok(true) => {
            let flash = Flash::done("Added to the allow-list: no ban touches it.");
            Ok(flash.redirect("/admin/bans", &admin, &web))
        }
        Ok(false) => {
            let flash = Flash::done("It is on the allow-list already.");
            Ok(flash.redirect("/admin/bans", &admin, &web))
        }
        Err(error) => {
            let names = [("ip", "target"), ("note", "note")];
            let (status, form) = FormView::refused(fields, error, &names)?;
            let forms = Forms { allow: form, ..Forms::default() };
            list::render(&web, &admin, address, (status, forms), &Fields::default()).await
        }
    }
}

pub(super) async fn disallow(
    State(web): State<Web>,
    address: Result<ClientIp, Problem>,
    posted: Posted,
) -> PageResult {
    let (Posted { admin, fields }, ClientIp(address)) = (posted, address?);
    let bans = web.bans(admin.actor());
    let flash = match fields.get("target").parse::<IpTarget>() {
        Ok(target) => {
            if target.contains(&IpTarget::from(address)) && !fields.is_ticked("confirmed") {
                return confirm_disallow(&admin, target, &fields);
            }
            match bans.disallow(target).await {
                Ok(()) => Flash::done(format!("{target} is off the allow-list.")),
                Err(error @ UserError::Storage(_)) => return Err(error.into()),
                Err(error) => Flash::failed(sentence(error.to_string())),
            }
        }
        Err(error) => Flash::failed(sentence(error.to_string())),
    };
    Ok(flash.redirect("/admin/bans", &admin, &web))
}

/// Off the allow-list, a ban that was there all the time may lock out whoever takes it off.
fn confirm_disallow(admin: &Admin, target: IpTarget, fields: &Fields) -> PageResult {
    let warning = "Your own address is in it: bans may touch you from then on.";
    let title = format!("Take {target} off the allow-list?");
    Confirm::new(title, Section::Bans, admin, ("/admin/bans/disallow", fields))
        .warnings(vec![warning.into()])
        .choices("Take it off", "/admin/bans")
        .show()
}
