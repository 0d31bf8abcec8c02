//! Suspending, activating, deleting, restoring, and legal holds.

use systemprompt_users::UserStatus;

use super::super::lookup::{self, Named};
use crate::cli::{ConfirmArgs, Hold};
use crate::confirm::preview;
use crate::exit::{Done, Failure, Outcome};
use crate::host::{Host, Services};
use crate::output::{Output, UserRow};

pub(super) async fn suspend(
    services: &Services,
    host: &Host,
    users: &[String],
    confirm: ConfirmArgs,
) -> Outcome {
    let named = Named::find(services, users).await?;
    let mut output = host.output();
    if named.count() > 1 || confirm.dry_run {
        let go_on = ask(&mut output, confirm, &named, "suspended", "Suspend")?;
        if !go_on {
            return Ok(named.missing());
        }
    }
    let report = named
        .change(async |ids| services.users.bulk_update_status(ids, UserStatus::Suspended).await)
        .await?;
    show(&mut output, named, report)
}

pub(super) async fn activate(
    services: &Services,
    host: &Host,
    users: &[String],
    confirm: ConfirmArgs,
) -> Outcome {
    let named = Named::find(services, users).await?;
    let mut output = host.output();
    let rows: Vec<_> = named.users().map(UserRow).collect();
    if confirm.only_shows(&mut output, "These users are to be activated:", &rows)? {
        named.note_missing();
        return Ok(named.missing());
    }
    let report = named
        .change(async |ids| services.users.bulk_update_status(ids, UserStatus::Active).await)
        .await?;
    show(&mut output, named, report)
}

pub(super) async fn delete(
    services: &Services,
    host: &Host,
    users: &[String],
    confirm: ConfirmArgs,
) -> Outcome {
    let named = Named::find(services, users).await?;
    let mut output = host.output();
    if !ask(&mut output, confirm, &named, "deleted", "Delete")? {
        return Ok(named.missing());
    }
    let report = named.change(async |ids| services.users.bulk_delete(ids).await).await?;
    show(&mut output, named, report)
}

pub(super) async fn restore(
    services: &Services,
    host: &Host,
    user: &str,
    confirm: ConfirmArgs,
) -> Outcome {
    let user = lookup::any_user(services, user).await?;
    let title = "This user is to be restored:";
    if confirm.only_shows(&mut host.output(), title, &[UserRow(&user)])? {
        return Ok(Done::All);
    }
    let user = services.users.restore(user.id).await?;
    host.output().one(&UserRow(&user))?;
    Ok(Done::All)
}

pub(super) async fn hold(
    services: &Services,
    host: &Host,
    user: &str,
    hold: Hold,
    confirm: ConfirmArgs,
) -> Outcome {
    let user = lookup::any_user(services, user).await?;
    let title = match hold {
        Hold::On => "This user is to be put under a legal hold:",
        Hold::Off => "The legal hold of this user is to be lifted:",
    };
    if confirm.only_shows(&mut host.output(), title, &[UserRow(&user)])? {
        return Ok(Done::All);
    }
    let user = services.users.set_legal_hold(user.id, hold == Hold::On).await?;
    host.output().one(&UserRow(&user))?;
    Ok(Done::All)
}

/// Shows who will be touched, and asks whether that is meant.
fn ask(
    output: &mut Output,
    confirm: ConfirmArgs,
    named: &Named,
    done: &str,
    verb: &str,
) -> Result<bool, Failure> {
    named.note_missing();
    let rows: Vec<_> = named.users().map(UserRow).collect();
    let title = format!("These users are to be {done}, and their sessions to be ended:");
    preview(output, confirm, &title, &rows)?;
    if rows.is_empty() {
        return Ok(!confirm.dry_run);
    }
    let what = if rows.len() == 1 { "this user".into() } else { format!("{} users", rows.len()) };
    confirm.goes_on(&format!("{verb} {what}?"))
}

/// Shows what became of everybody.
fn show(
    output: &mut Output,
    named: Named,
    report: systemprompt_users::BulkReport<systemprompt_users::BulkItem>,
) -> Outcome {
    let (rows, done) = named.outcome(report);
    output.all(&rows)?;
    Ok(done)
}
