//! The first page: figures, charts, what happened last, and what went wrong.

use askama::Template;
use axum::extract::State;
use chrono::{DateTime, Duration, Utc};
use systemprompt_users_domain::{
    Actor, EventFilter, JobOutcome, JobRunFilter, PageLimit, PageRequest, Result, UserSession,
};

use super::chart::Chart;
use super::error::PageResult;
use super::event_row::{self, EventRow};
use super::jobs::RunRow;
use super::layout::{Layout, Section, page};
use super::session::Admin;
use super::text::{counted, grouped, size};
use crate::Web;

/// Sign-ups are shown of so many days.
const DAYS: i64 = 30;
/// Sessions are shown of so many steps of six hours: a week.
const STEPS: i32 = 28;
const HOURS_A_STEP: i32 = 6;
const EVENTS: i64 = 12;
const FAILURES: i64 = 5;

#[derive(Template)]
#[template(path = "admin/overview.html")]
struct OverviewPage {
    layout: Layout,
    figures: Vec<Figure>,
    signups: Chart,
    sessions: Chart,
    events: Vec<EventRow>,
    failures: Vec<RunRow>,
    /// How far this host may be behind a revocation elsewhere.
    lag: String,
}

/// One number of the overview.
struct Figure {
    label: &'static str,
    value: String,
    under: String,
    href: &'static str,
}

pub(super) async fn show(State(web): State<Web>, admin: Admin) -> PageResult {
    let now = web.now();
    let recent = Recent::read(&web).await?;
    let events = web.events().list(&EventFilter::default(), None, EVENTS).await?;
    let failed = JobRunFilter { job: None, outcome: Some(JobOutcome::Failed) };
    let jobs = web.jobs(admin.actor())?;
    let failures = jobs.history(&failed, &PageRequest::new(FAILURES)?).await?;
    let lag = web.enforcer().revocation_lag().as_secs_f64();
    page(&OverviewPage {
        layout: Layout::new("Overview", Section::Overview, &admin),
        figures: figures(&web, &recent, now).await?,
        signups: signups(&web, now).await?,
        sessions: recent.chart(now),
        events: event_row::rows(&web, &events).await?,
        failures: failures.items.iter().map(|run| RunRow::new(run, now)).collect(),
        lag: format!("{:.1}", lag.max(0.1)),
    })
}

async fn figures(web: &Web, recent: &Recent, now: DateTime<Utc>) -> Result<Vec<Figure>> {
    let stats = web.users(Actor::System).get_stats().await?;
    let bans = web.bans(Actor::System).count_active_bans().await?;
    let figure = |label, value: u64, under: String, href| Figure {
        label,
        value: grouped(value),
        under,
        href,
    };
    let live = recent.open_at(now);
    let mut sessions =
        figure("Live sessions", live, "signed in now".into(), "/admin/users?order=active");
    if recent.is_cut {
        sessions.value.push('+');
    }
    Ok(vec![
        figure(
            "Users",
            stats.total,
            format!("{} this week", grouped(stats.created_7d)),
            "/admin/users",
        ),
        figure(
            "Active",
            stats.active,
            format!("{} today", counted(stats.created_24h, "sign-up")),
            "/admin/users?status=active",
        ),
        figure("Suspended", stats.suspended, "kept out".into(), "/admin/users?status=suspended"),
        figure("Admins", stats.admins, "may be here".into(), "/admin/users?role=admin"),
        figure("Visitors", stats.anonymous, "not registered".into(), "/admin/anonymous"),
        sessions,
        figure("Bans", bans, "in force".into(), "/admin/bans"),
    ])
}

async fn signups(web: &Web, now: DateTime<Utc>) -> Result<Chart> {
    let last = now.date_naive();
    let first = last - Duration::days(DAYS - 1);
    let days = web.users(Actor::System).signups_per_day(first, last).await?;
    let total: u64 = days.iter().map(|day| day.count).sum();
    let series: Vec<(String, u64)> =
        days.iter().map(|day| (day.day.format("%-d %b").to_string(), day.count)).collect();
    let caption = format!("{} in the last {DAYS} days, by day in UTC.", counted(total, "sign-up"));
    Ok(Chart::bars("signups", "Sign-ups per day", caption, &series))
}

/// The sessions that were begun or used last: as many as one page holds of each.
struct Recent {
    sessions: Vec<UserSession>,
    is_cut: bool,
}

impl Recent {
    async fn read(web: &Web) -> Result<Self> {
        let all = PageRequest { after: None, limit: PageLimit::MAX };
        let service = web.sessions(Actor::System);
        let newest = service.list_recent(&all).await?;
        let live = service.list_all_active(&all).await?;
        let is_cut = newest.next.is_some() && live.next.is_some();
        let mut sessions = newest.items;
        sessions.extend(live.items);
        sessions.sort_by_key(|session| session.id);
        sessions.dedup_by_key(|session| session.id);
        Ok(Self { sessions, is_cut })
    }

    fn open_at(&self, at: DateTime<Utc>) -> u64 {
        let open = self.sessions.iter().filter(|session| {
            let over = session.ended_at.unwrap_or_else(|| session.live_until());
            session.started_at <= at && at < over
        });
        size(open.count())
    }

    fn chart(&self, now: DateTime<Utc>) -> Chart {
        let step = |back: i32| now - Duration::hours(i64::from(back * HOURS_A_STEP));
        let series: Vec<(String, u64)> = (0..=STEPS)
            .rev()
            .map(|back| (step(back).format("%-d %b %H:00").to_string(), self.open_at(step(back))))
            .collect();
        let of = if self.is_cut {
            format!(
                " Out of the {} begun or used last.",
                counted(size(self.sessions.len()), "session")
            )
        } else {
            String::new()
        };
        let caption = format!("Sessions that were open, over a week, every six hours.{of}");
        Chart::curve("sessions", "Open sessions", caption, &series)
    }
}
