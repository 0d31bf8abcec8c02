//! `usersctl sessions ...`

use systemprompt_users::{
    EndReason, MAX_BULK_ITEMS, PageLimit, PageRequest, Result, SessionId, UserError, UserSession,
    format_duration,
};

use super::{lists, lookup, now, pages};
use crate::cli::{ConfirmArgs, SessionListArgs, SessionsCommand};
use crate::confirm::preview;
use crate::exit::{Done, Failure, Outcome, note};
use crate::host::{Host, Services};
use crate::output::{NamedCount, Record, SessionRow, printable};
use crate::progress::Progress;

pub(super) async fn run(command: SessionsCommand, host: &Host) -> Outcome {
    let services = host.connect().await?;
    match command {
        SessionsCommand::List { user, list } => {
            list_sessions(&services, host, user.as_deref(), &list).await
        }
        SessionsCommand::End { sessions, confirm } => {
            end(&services, host, &sessions, confirm).await
        }
        SessionsCommand::EndAll { user, except, confirm } => {
            end_all(&services, host, &user, except, confirm).await
        }
        SessionsCommand::Cleanup { confirm } => cleanup(&services, host, confirm).await,
    }
}

/// Lists the sessions of a user, or of all.
pub(super) async fn list_sessions(
    services: &Services,
    host: &Host,
    user: Option<&str>,
    args: &SessionListArgs,
) -> Outcome {
    let user = match user {
        Some(user) => Some(lookup::any_user(services, user).await?.id),
        None => None,
    };
    let (sessions, now) = (&services.sessions, now());
    let mut output = host.output();
    let list = output.list(SessionRow::COLUMNS);
    let list = if user.is_some() { list.hiding(&["user_id"]) } else { list };
    let fetch = async |request: &PageRequest| match (user, args.active) {
        (Some(user), false) => sessions.list(user, request).await,
        (Some(user), true) => sessions.list_active(user, request).await,
        (None, false) => sessions.list_recent(request).await,
        (None, true) => sessions.list_all_active(request).await,
    };
    pages::show(&args.list, list, fetch, |list, session: &UserSession| {
        list.push(&SessionRow { session, now })
    })
    .await
}

async fn end(services: &Services, host: &Host, ids: &[String], confirm: ConfirmArgs) -> Outcome {
    let (ids, refused) = session_ids(ids)?;
    let mut found = Vec::new();
    let mut missing = Vec::new();
    for id in &ids {
        match services.sessions.find_by_id(*id).await? {
            Some(session) => found.push(session),
            None => missing.push(*id),
        }
    }
    for id in &missing {
        note(&UserError::not_found("session", id).to_string());
    }
    let (mut output, now) = (host.output(), now());
    let rows: Vec<_> = found.iter().map(|session| SessionRow { session, now }).collect();
    let done = if missing.is_empty() { refused } else { refused.max(Done::SomeNotFound) };
    if found.len() > 1 || confirm.dry_run {
        preview(&mut output, confirm, "These sessions are to be ended:", &rows)?;
        if !confirm.goes_on(&format!("End {} sessions?", found.len()))? {
            return Ok(done);
        }
    }
    let ids: Vec<SessionId> = found.iter().map(|session| session.id).collect();
    let mut ended = Vec::new();
    for chunk in ids.chunks(MAX_BULK_ITEMS) {
        ended.extend(services.sessions.end_many(chunk, EndReason::Revoked).await?);
    }
    output.one(&counted("ended sessions", ended.len()))?;
    Ok(done)
}

/// The ids that were named. A line of stdin that is none is told of and left out; an argument ends the command.
fn session_ids(arguments: &[String]) -> std::result::Result<(Vec<SessionId>, Done), Failure> {
    let (mut ids, mut done) = (Vec::new(), Done::All);
    for word in lists::words(arguments)? {
        let id = match word.fault {
            Some(error) => Err(error.reason),
            None => word
                .text
                .parse()
                .map_err(|_| format!("`{}` is not an id: expected the id of a session", word.text)),
        };
        match (id, word.line) {
            (Ok(id), _) => ids.push(id),
            (Err(reason), None) => return Err(Failure::Usage(reason)),
            (Err(reason), Some(line)) => {
                note(&printable(&format!("line {line}: {reason}")));
                done = Done::SomeRefused;
            }
        }
    }
    Ok((ids, done))
}

async fn end_all(
    services: &Services,
    host: &Host,
    user: &str,
    except: Option<SessionId>,
    confirm: ConfirmArgs,
) -> Outcome {
    let user = lookup::live_user(services, user).await?;
    let page = PageRequest { after: None, limit: PageLimit::MAX };
    let live = services.sessions.list_active(user.id, &page).await?.items;
    let (mut output, now) = (host.output(), now());
    let rows: Vec<_> = live
        .iter()
        .filter(|session| Some(session.id) != except)
        .map(|session| SessionRow { session, now })
        .collect();
    let title = format!("These live sessions of {} are to be ended:", user.name);
    preview(&mut output, confirm, &title, &rows)?;
    if !confirm.goes_on(&format!("End all sessions of {}?", user.name))? {
        return Ok(Done::All);
    }
    let ended = services.sessions.end_all_except(user.id, except, EndReason::Revoked).await?;
    output.one(&counted("ended sessions", ended.len()))?;
    Ok(Done::All)
}

async fn cleanup(services: &Services, host: &Host, confirm: ConfirmArgs) -> Outcome {
    let mut output = host.output();
    let kept = format_duration(services.policy().session_retention);
    let title = format!(
        "Sessions that ran out are to be marked as ended, those ended {kept} ago to be removed:"
    );
    let rows = if confirm.yes { Vec::new() } else { count_spent(services).await?.into() };
    preview(&mut output, confirm, &title, &rows)?;
    if !confirm.goes_on("Clean up sessions?")? {
        return Ok(Done::All);
    }
    let progress = Progress::items("cleaning up", None);
    let (mut expired, mut deleted) = (0, 0);
    loop {
        let cleaned = services.sessions.cleanup().await?;
        expired += cleaned.expired;
        deleted += cleaned.deleted;
        progress.add(cleaned.expired + cleaned.deleted);
        if cleaned.expired + cleaned.deleted == 0 {
            break;
        }
    }
    drop(progress);
    output.all(&spent(expired, deleted))?;
    Ok(Done::All)
}

/// What a clean-up would find, by a walk over all sessions.
async fn count_spent(services: &Services) -> Result<[NamedCount; 2], Failure> {
    let progress = Progress::items("looking at sessions", None);
    let now = now();
    let retention = services.policy().session_retention;
    let mut request = PageRequest { after: None, limit: PageLimit::MAX };
    let (mut expired, mut deleted) = (0, 0);
    loop {
        let page = services.sessions.list_recent(&request).await?;
        for session in &page.items {
            match session.ended_at {
                None if !session.is_open(now) => expired += 1,
                Some(ended) if ended < now - retention => deleted += 1,
                _ => {}
            }
        }
        progress.add(u64::try_from(page.items.len()).unwrap_or_default());
        match page.next {
            Some(next) => request.after = Some(next),
            None => return Ok(spent(expired, deleted)),
        }
    }
}

fn spent(expired: u64, deleted: u64) -> [NamedCount; 2] {
    [
        NamedCount { what: "marked as ended", count: expired },
        NamedCount { what: "removed", count: deleted },
    ]
}

fn counted(what: &'static str, count: usize) -> NamedCount {
    NamedCount { what, count: u64::try_from(count).unwrap_or(u64::MAX) }
}
