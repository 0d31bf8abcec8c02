//! Removing deleted users for good.

use chrono::Duration;
use systemprompt_users::{PurgePreview, format_duration};

use super::super::lookup::{Named, done};
use crate::cli::{ConfirmArgs, PurgeArgs};
use crate::confirm::preview;
use crate::exit::{Done, Outcome};
use crate::host::{Host, Services};
use crate::output::{NamedCount, PurgeRow, UserRow};
use crate::progress::Progress;

pub(super) async fn run(services: &Services, host: &Host, args: &PurgeArgs) -> Outcome {
    match args.older_than {
        Some(retention) => purge_old(services, host, retention, args.confirm).await,
        None => purge_named(services, host, &args.users, args.confirm).await,
    }
}

async fn purge_named(
    services: &Services,
    host: &Host,
    users: &[String],
    confirm: ConfirmArgs,
) -> Outcome {
    let named = Named::find(services, users).await?;
    named.note_missing();
    let mut output = host.output();
    let mut rows = Vec::new();
    for user in named.users() {
        let rows_of_user = services.users.preview_purge(user.id).await;
        rows.push(PurgeRow { user: user.name.to_string(), id: Some(user.id), rows: rows_of_user });
    }
    preview(&mut output, confirm, "These rows are to be removed for good:", &rows)?;
    let possible = rows.iter().filter(|row| row.rows.is_ok()).count();
    let refused = done(rows.iter().filter_map(|row| row.rows.as_ref().err()));
    if possible == 0 || !confirm.goes_on(&format!("Purge {possible} users for good?"))? {
        return Ok(refused.max(named.missing()));
    }
    let mut purged = Vec::new();
    for row in rows {
        let rows = match (row.rows, row.id) {
            (Ok(_), Some(id)) => services.users.purge(id).await,
            (rows, _) => rows,
        };
        purged.push(PurgeRow { rows, ..row });
    }
    output.all(&purged)?;
    let refused = done(purged.iter().filter_map(|row| row.rows.as_ref().err()));
    Ok(refused.max(named.missing()))
}

async fn purge_old(
    services: &Services,
    host: &Host,
    retention: Duration,
    confirm: ConfirmArgs,
) -> Outcome {
    let mut output = host.output();
    let first = services.users.list_purgeable(retention).await?;
    let title = format!(
        "Users deleted {} ago are to be removed for good; the first of them are:",
        format_duration(retention)
    );
    preview(&mut output, confirm, &title, &first.iter().map(UserRow).collect::<Vec<_>>())?;
    if !confirm.goes_on("Purge all users deleted that long ago?")? {
        return Ok(Done::All);
    }
    let progress = Progress::items("purging", None);
    let mut purged = PurgePreview::default();
    loop {
        let batch = services.users.purge_deleted(retention).await?;
        if batch == 0 {
            break;
        }
        purged.users += batch;
        progress.add(batch);
    }
    drop(progress);
    output.one(&NamedCount { what: "purged users", count: purged.users })?;
    Ok(Done::All)
}
