//! `usersctl events ...`

use std::time::Duration;

use systemprompt_users::{EventFilter, EventPosition, IpTarget, MAX_PAGE_LIMIT};

use super::lookup;
use crate::cli::{EventsCommand, FollowArgs, Start};
use crate::exit::{Done, Failure, Outcome};
use crate::host::{Host, Services};
use crate::output::{EventRow, Record};

pub(super) async fn run(command: EventsCommand, host: &Host) -> Outcome {
    let services = host.connect().await?;
    match command {
        EventsCommand::List { user, target, before, limit } => {
            list(&services, host, user.as_deref(), target, before.map(EventPosition), limit).await
        }
        EventsCommand::Follow(args) => follow(&services, host, &args).await,
    }
}

async fn list(
    services: &Services,
    host: &Host,
    user: Option<&str>,
    target: Option<IpTarget>,
    before: Option<EventPosition>,
    limit: i64,
) -> Outcome {
    let user_id = match user {
        // The events of a user who was purged can still be found by the id.
        Some(user) => match user.parse() {
            Ok(id) => Some(id),
            Err(_) => Some(lookup::any_user(services, user).await?.id),
        },
        None => None,
    };
    let filter = EventFilter { user_id, target };
    services.events.catch_up().await?;
    let events = services.events.list(&filter, before, limit).await?;
    let mut output = host.output();
    let mut list = output.list(EventRow::COLUMNS).going_on_by("--before");
    for event in &events {
        list.push(&EventRow(event))?;
    }
    let is_full = i64::try_from(events.len()) == Ok(limit);
    // Positions begin with 1: there is nothing before that.
    let next = events.last().map(|last| last.position.0).filter(|last| is_full && *last > 1);
    list.finish(next.map(|next| next.to_string()))?;
    Ok(Done::All)
}

/// Prints what happens until somebody presses Ctrl-C, or nobody reads it any more.
async fn follow(services: &Services, host: &Host, args: &FollowArgs) -> Outcome {
    let mut position = match args.from {
        Start::Now => services.events.catch_up().await?,
        Start::Behind(position) => position,
    };
    let every = args.every.to_std().unwrap_or(Duration::from_secs(1));
    let mut output = host.output();
    let mut list = output.list(EventRow::COLUMNS);
    let mut stop = std::pin::pin!(tokio::signal::ctrl_c());
    loop {
        let events = services.events.read(position, i64::from(MAX_PAGE_LIMIT)).await?;
        for event in &events {
            list.push(&EventRow(event))?;
            position = event.position;
        }
        list.flush()?;
        let wait = if events.is_empty() { every } else { Duration::ZERO };
        tokio::select! {
            stopped = &mut stop => {
                stopped.map_err(Failure::io("Ctrl-C"))?;
                list.finish(None)?;
                return Ok(Done::All);
            }
            () = tokio::time::sleep(wait) => {}
        }
    }
}
