//! `usersctl anonymous ...`

use chrono::Duration;
use systemprompt_users::{
    AnonymousScope, Cursor, PageRequest, User, UserFilter, UserOrder, format_duration,
};

use super::pages;
use crate::cli::{AnonymousCommand, ConfirmArgs};
use crate::confirm::preview;
use crate::exit::{Done, Failure, Outcome};
use crate::host::{Host, Services};
use crate::output::{NamedCount, Record, UserRow};
use crate::progress::Progress;

pub(super) async fn run(command: AnonymousCommand, host: &Host) -> Outcome {
    let services = host.connect().await?;
    match command {
        AnonymousCommand::List { order, list } => {
            let filter = UserFilter { anonymous: AnonymousScope::Only, ..UserFilter::default() };
            let order = UserOrder::from(order);
            let mut output = host.output();
            let shown = output.list(UserRow::COLUMNS).hiding(&["email", "full_name", "id"]);
            let fetch =
                async |request: &PageRequest| services.users.list(&filter, order, request).await;
            pages::show(&list, shown, fetch, |list, user| list.push(&UserRow(user))).await
        }
        AnonymousCommand::Cleanup { older_than, confirm } => {
            let retention = older_than.unwrap_or(services.policy().anonymous_retention);
            cleanup(&services, host, retention, confirm).await
        }
    }
}

async fn cleanup(
    services: &Services,
    host: &Host,
    retention: Duration,
    confirm: ConfirmArgs,
) -> Outcome {
    let mut output = host.output();
    let idle = find_idle(services, retention).await?;
    let title = format!(
        "{} anonymous visitors were not seen for {} and are to be deleted:",
        idle.len(),
        format_duration(retention)
    );
    let rows: Vec<_> = idle.iter().map(UserRow).collect();
    preview(&mut output, confirm, &title, &rows)?;
    if !confirm.goes_on(&format!("Delete {} anonymous visitors?", idle.len()))? {
        return Ok(Done::All);
    }
    let total = u64::try_from(idle.len()).ok();
    let progress = Progress::items("deleting", total);
    let mut deleted = 0;
    loop {
        let batch = services.users.cleanup_anonymous(retention).await?;
        if batch == 0 {
            break;
        }
        deleted += batch;
        progress.add(batch);
    }
    drop(progress);
    output.one(&NamedCount { what: "deleted anonymous visitors", count: deleted })?;
    Ok(Done::All)
}

/// All that a clean-up would delete now.
async fn find_idle(services: &Services, retention: Duration) -> Result<Vec<User>, Failure> {
    let mut all: Vec<User> = Vec::new();
    let mut after = None;
    loop {
        let batch = services.users.list_idle_anonymous(retention, after).await?;
        let Some(last) = batch.last() else { return Ok(all) };
        after = Some(Cursor::at_time(last.last_active_at, last.id.as_uuid()));
        all.extend(batch);
    }
}
