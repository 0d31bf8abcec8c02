//! The page of bans: check an address, ban, the bans in force, the allow-list.

use askama::Template;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use chrono::{DateTime, Utc};
use systemprompt_users_domain::{Actor, BannedIp, IpTarget, PageRequest, Result, UserError};

use super::super::error::PageResult;
use super::super::form::{Fields, FormView};
use super::super::layout::{Layout, Section, page_of};
use super::super::session::Admin;
use super::super::text::{Moment, ban_end, grouped, sentence};
use super::history_of;
use crate::{ClientIp, Problem, Web};

const BANS: i64 = 50;
const NETWORKS: i64 = 50;

/// The forms of the page, of which one may have been refused.
#[derive(Default)]
pub(super) struct Forms {
    pub(super) ban: FormView,
    pub(super) import: FormView,
    pub(super) allow: FormView,
}

#[derive(Template)]
#[template(path = "admin/bans.html")]
struct BansPage {
    layout: Layout,
    check: String,
    verdict: Option<Verdict>,
    forms: Forms,
    count: String,
    rows: Vec<BanRow>,
    allowed: Vec<AllowedRow>,
    first: Option<&'static str>,
    next: Option<String>,
    more_allowed: Option<String>,
    my_address: String,
}

/// What the check of an address says.
struct Verdict {
    banned: bool,
    text: String,
    href: Option<String>,
}

/// A ban as a row of a table.
pub(super) struct BanRow {
    pub(super) target: String,
    pub(super) href: String,
    pub(super) until: String,
    pub(super) since: Moment,
    pub(super) reason: String,
    pub(super) source: String,
    pub(super) count: u32,
    pub(super) in_force: bool,
}

impl BanRow {
    pub(super) fn new(ban: &BannedIp, now: DateTime<Utc>) -> Self {
        let target = ban.target.to_string();
        Self {
            href: history_of(&target),
            target,
            until: ban_end(ban.until, now),
            since: Moment::new(ban.banned_at, now),
            reason: ban.reason.clone().unwrap_or_default(),
            source: ban.source.clone().unwrap_or_default(),
            count: ban.ban_count,
            in_force: ban.is_in_force(now),
        }
    }
}

struct AllowedRow {
    target: String,
    note: String,
    added: Moment,
}

pub(super) async fn show(
    State(web): State<Web>,
    admin: Admin,
    address: Result<ClientIp, Problem>,
    uri: Uri,
) -> PageResult {
    render(&web, &admin, address?, (StatusCode::OK, Forms::default()), &Fields::of_query(&uri))
        .await
}

/// The page with forms that may hold what was typed.
pub(super) async fn render(
    web: &Web,
    admin: &Admin,
    ClientIp(address): ClientIp,
    (status, forms): (StatusCode, Forms),
    query: &Fields,
) -> PageResult {
    let now = web.now();
    let bans = web.bans(Actor::System);
    let after = query.filled("after").map(str::parse).transpose()?;
    let is_first = after.is_none();
    let listed = bans.list_active_bans(&PageRequest::new(BANS)?.after(after)).await?;
    let after = query.filled("allowed_after").map(str::parse).transpose()?;
    let allowed = bans.list_allowed(&PageRequest::new(NETWORKS)?.after(after)).await?;
    let page = BansPage {
        layout: Layout::new("Bans", Section::Bans, admin),
        check: query.get("address").to_owned(),
        verdict: verdict(web, query, now).await?,
        forms,
        count: grouped(bans.count_active_bans().await?),
        rows: listed.items.iter().map(|ban| BanRow::new(ban, now)).collect(),
        allowed: allowed
            .items
            .into_iter()
            .map(|network| AllowedRow {
                target: network.target.to_string(),
                note: network.note.unwrap_or_default(),
                added: Moment::new(network.added_at, now),
            })
            .collect(),
        first: (!is_first).then_some("/admin/bans"),
        next: listed.next.map(|next| format!("/admin/bans?after={next}")),
        more_allowed: allowed.next.map(|next| format!("/admin/bans?allowed_after={next}")),
        my_address: address.to_string(),
    };
    page_of(status, &page)
}

async fn verdict(web: &Web, query: &Fields, now: DateTime<Utc>) -> Result<Option<Verdict>> {
    let Some(text) = query.filled("address") else { return Ok(None) };
    let target: IpTarget = match text.parse() {
        Ok(target) => target,
        Err(error @ UserError::Storage(_)) => return Err(error),
        Err(error) => {
            return Ok(Some(Verdict {
                banned: true,
                text: sentence(error.to_string()),
                href: None,
            }));
        }
    };
    let bans = web.bans(Actor::System);
    Ok(Some(match bans.find_ban(target).await? {
        Some(ban) => {
            let by =
                if ban.target == target { String::new() } else { format!(" by {}", ban.target) };
            Verdict {
                banned: true,
                text: format!("{target} is banned{by}, {}.", ban_end(ban.until, now)),
                href: Some(history_of(&ban.target.to_string())),
            }
        }
        None => Verdict {
            banned: false,
            text: format!("{target} is not banned."),
            href: bans.get_ban(target).await?.map(|ban| history_of(&ban.target.to_string())),
        },
    }))
}
