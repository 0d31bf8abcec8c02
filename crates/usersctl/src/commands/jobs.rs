//! `usersctl jobs ...`

use systemprompt_users::{JobInfo, JobOutcome, JobRun, JobRunFilter, PageRequest, UserError};

use super::pages;
use crate::cli::{ConfirmArgs, JobHistoryArgs, JobsCommand};
use crate::confirm::preview;
use crate::exit::{Done, Failure, Outcome};
use crate::host::{Host, Services};
use crate::output::{JobRow, Record, RunRow};
use crate::progress::Progress;

pub(super) async fn run(command: JobsCommand, host: &Host) -> Outcome {
    let services = host.connect().await?;
    match command {
        JobsCommand::List => {
            let jobs = services.runner()?.list().await?;
            host.output().all(&jobs.iter().map(JobRow).collect::<Vec<_>>())?;
            Ok(Done::All)
        }
        JobsCommand::Run { job, confirm } => run_now(&services, host, &job, confirm).await,
        JobsCommand::History(args) => history(&services, host, &args).await,
    }
}

async fn run_now(services: &Services, host: &Host, name: &str, confirm: ConfirmArgs) -> Outcome {
    let runner = services.runner()?;
    let job: JobInfo = runner
        .list()
        .await?
        .into_iter()
        .find(|job| job.name == name)
        .ok_or_else(|| UserError::not_found("job", name))?;
    let mut output = host.output();
    preview(&mut output, confirm, job.description, &[JobRow(&job)])?;
    if !confirm.goes_on(&format!("Run {name} now?"))? {
        return Ok(Done::All);
    }
    let progress = Progress::unknown("running");
    let run = runner.run_now(name).await?;
    drop(progress);
    output.one(&RunRow(&run))?;
    match run.outcome {
        Some(JobOutcome::Succeeded) => Ok(Done::All),
        _ => Err(Failure::Failed(format!(
            "job `{name}` failed: {}",
            run.error.as_deref().unwrap_or("it did not say why")
        ))),
    }
}

async fn history(services: &Services, host: &Host, args: &JobHistoryArgs) -> Outcome {
    let runner = services.runner()?;
    let filter = JobRunFilter { job: args.job.clone(), outcome: args.outcome };
    let mut output = host.output();
    let list = output.list(RunRow::COLUMNS);
    let fetch = async |request: &PageRequest| runner.history(&filter, request).await;
    pages::show(&args.list, list, fetch, |list, run: &JobRun| list.push(&RunRow(run))).await
}
