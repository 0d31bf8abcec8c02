//! `usersctl migrate`, `doctor` and `completions`

use clap::CommandFactory;
use clap_complete::Shell;
use systemprompt_users::BackendKind;

use crate::cli::Cli;
use crate::exit::{Done, Outcome, note};
use crate::host::{Host, refuse_newer};
use crate::output::{FindingRow, SchemaRow};
use crate::progress::Progress;

/// Brings the schema up to date and says from where to where.
pub(super) async fn migrate(dry_run: bool, host: &Host) -> Outcome {
    let pool = host.open().await?;
    let before = pool.schema_version().await?;
    refuse_newer(before)?;
    if dry_run {
        note("nothing was changed: this is a dry run");
    } else {
        let progress = Progress::unknown("migrating");
        pool.migrate().await?;
        drop(progress);
    }
    let after = pool.schema_version().await?;
    let backend = match pool.kind() {
        BackendKind::Memory => "memory",
        BackendKind::Sqlite => "sqlite",
        BackendKind::Postgres => "postgres",
    };
    host.output().one(&SchemaRow {
        backend,
        before: before.current,
        after: after.current,
        latest: after.latest,
    })?;
    Ok(Done::All)
}

/// Checks the data and says what is off.
pub(super) async fn doctor(host: &Host) -> Outcome {
    let services = host.connect().await?;
    let progress = Progress::unknown("examining");
    let findings = services.doctor.examine().await?;
    drop(progress);
    host.output().all(&findings.iter().map(FindingRow).collect::<Vec<_>>())?;
    let broken = findings.iter().filter(|finding| finding.broken > 0).count();
    if broken > 0 {
        note(&format!("{broken} of {} promises are broken", findings.len()));
        return Ok(Done::SomeRefused);
    }
    Ok(Done::All)
}

/// Prints a completion script.
pub(super) fn completions(shell: Shell, host: &Host) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "usersctl", &mut script);
    host.output().text(&String::from_utf8_lossy(&script))?;
    Ok(Done::All)
}
