//! Figures about users.

use chrono::Duration;
use serde_json::json;
use systemprompt_users::{SignupDay, UserCountBreakdown, UserStats};

use super::super::now;
use crate::cli::{Format, StatsArgs};
use crate::exit::{Done, Outcome};
use crate::host::{Host, Services};
use crate::output::{StatRow, Value};

/// How many days of sign-ups are shown unless others are asked for.
const DEFAULT_DAYS: i64 = 30;

pub(super) async fn run(services: &Services, host: &Host, args: &StatsArgs) -> Outcome {
    let now = now();
    let last = args.until.map_or(Ok(now), |until| until.resolve(now))?.date_naive();
    let first = match args.from {
        Some(from) => from.resolve(now)?.date_naive(),
        None => last - Duration::days(DEFAULT_DAYS - 1),
    };
    let stats = services.users.get_stats().await?;
    let breakdown = services.users.count_with_breakdown().await?;
    let days = services.users.signups_per_day(first, last).await?;
    let mut output = host.output();
    if output.format == Format::Json {
        let all = json!({"stats": stats, "breakdown": breakdown, "signups": days});
        output.text(&format!("{all:#}\n"))?;
    } else {
        let skip_quiet_days = output.format == Format::Table;
        let days = days.iter().filter(|day| day.count > 0 || !skip_quiet_days);
        output.all(&rows(&stats, &breakdown, days))?;
    }
    Ok(Done::All)
}

fn rows<'a>(
    stats: &UserStats,
    breakdown: &UserCountBreakdown,
    days: impl Iterator<Item = &'a SignupDay>,
) -> Vec<StatRow> {
    let row = |group, name: String, value| StatRow { group, name, value };
    let figures = [
        ("total", Value::count(stats.total)),
        ("created_24h", Value::count(stats.created_24h)),
        ("created_7d", Value::count(stats.created_7d)),
        ("created_30d", Value::count(stats.created_30d)),
        ("active", Value::count(stats.active)),
        ("suspended", Value::count(stats.suspended)),
        ("admins", Value::count(stats.admins)),
        ("anonymous", Value::count(stats.anonymous)),
        ("bots", Value::count(stats.bots)),
        ("oldest", Value::time(stats.oldest)),
        ("newest", Value::time(stats.newest)),
    ];
    let mut rows: Vec<StatRow> =
        figures.into_iter().map(|(name, value)| row("users", name.to_owned(), value)).collect();
    for (status, count) in &breakdown.by_status {
        rows.push(row("status", status.to_string(), Value::count(*count)));
    }
    for (role, count) in &breakdown.by_role {
        rows.push(row("role", role.to_string(), Value::count(*count)));
    }
    rows.extend(days.map(|day| row("sign-ups", day.day.to_string(), Value::count(day.count))));
    rows
}
