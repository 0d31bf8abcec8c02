//! What happened to one address or network.

use askama::Template;
use axum::extract::State;
use axum::http::Uri;
use chrono::{DateTime, Utc};
use systemprompt_users_domain::{
    Actor, BanFact, BanFactKind, IpTarget, PageRequest, Result, UserError, UserRef,
};

use super::super::error::{PageError, PageResult};
use super::super::form::Fields;
use super::super::layout::{Layout, Section, page};
use super::super::session::Admin;
use super::super::text::{Moment, ban_end};
use super::history_of;
use super::list::BanRow;
use crate::Web;

const FACTS: i64 = 50;

#[derive(Template)]
#[template(path = "admin/ban.html")]
struct BanPage {
    layout: Layout,
    target: String,
    ban: Option<BanRow>,
    facts: Vec<FactRow>,
    next: Option<String>,
}

struct FactRow {
    what: String,
    reason: String,
    source: String,
    offence: String,
    user_agent: String,
    user: Option<String>,
    actor: String,
    at: Moment,
}

pub(super) async fn show(State(web): State<Web>, admin: Admin, uri: Uri) -> PageResult {
    let query = Fields::of_query(&uri);
    let target: IpTarget = query.get("target").parse()?;
    let now = web.now();
    let bans = web.bans(Actor::System);
    let after = query.filled("after").map(str::parse).transpose()?;
    let history = bans.ban_history(target, &PageRequest::new(FACTS)?.after(after)).await;
    let history = match history {
        // A cursor of another list can only come from an address that was made up.
        Err(UserError::Validation { .. }) => {
            return Err(PageError::not_found("There is no such page of the history."));
        }
        history => history?,
    };
    let mut facts = Vec::with_capacity(history.items.len());
    for fact in &history.items {
        facts.push(FactRow::new(&web, fact, now).await?);
    }
    let target = target.to_string();
    page(&BanPage {
        layout: Layout::new(target.clone(), Section::Bans, &admin),
        ban: bans.get_ban(&target).await?.map(|ban| BanRow::new(&ban, now)),
        facts,
        next: history.next.map(|next| format!("{}&after={next}", history_of(&target))),
        target,
    })
}

impl FactRow {
    async fn new(web: &Web, fact: &BanFact, now: DateTime<Utc>) -> Result<Self> {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let actor = match &fact.actor {
            Actor::User(id) => {
                let found = web.users(Actor::System).find_by_reference(&UserRef::Id(*id)).await?;
                found.map_or_else(|| id.to_string(), |user| user.name.to_string())
            }
            other => other.to_string(),
        };
        Ok(Self {
            what: match fact.kind {
                BanFactKind::Banned { until } => format!("Banned {}", ban_end(until, now)),
                BanFactKind::Lifted => "Lifted".into(),
            },
            reason: text(&fact.reason),
            source: text(&fact.source),
            offence: text(&fact.offence_path),
            user_agent: text(&fact.user_agent),
            user: fact.user_id.map(|id| id.to_string()),
            actor,
            at: Moment::new(fact.at, now),
        })
    }
}
