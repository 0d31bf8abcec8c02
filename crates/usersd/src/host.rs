//! The daemon's life: open the storage, serve and run jobs, stop.

use std::pin::pin;

use systemprompt_users::{
    Actor, BackendKind, Context, DbPool, JobRunner, SchemaVersion, registered_jobs,
};
use systemprompt_users_web::Web;
use systemprompt_users_web::health::{self, MeteredStorage};
use tokio::sync::watch;

use crate::config::Config;
use crate::failure::Failure;
use crate::serve::{Listening, Site};
use crate::{first_start, logs, signals};

/// Runs until a signal says to stop.
pub(crate) fn run(config: Config) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(Failure::because("starting the runtime"))?;
    let log = logs::start(&config, runtime.handle())?;
    connections_allowed();
    let ended = runtime.block_on(async {
        let listening = if config.jobs_only { None } else { Some(Listening::begin(&config)?) };
        let pool = open(&config).await?;
        let lived = live(&config, &pool, listening).await;
        let closed = pool.close().await;
        lived?;
        Ok(closed?)
    });
    log.finish();
    ended
}

/// Everything between the opening of the storage and its end.
async fn live(config: &Config, pool: &DbPool, listening: Option<Listening>) -> Result<(), Failure> {
    let stop = signals::stop_asked()?;
    let (stopping, stopped) = watch::channel(false);
    let context = Context::new(&MeteredStorage::new(pool.clone()))
        .as_actor(Actor::System)
        .with_policy(config.policy.clone())?;
    let jobs =
        config.jobs.then(|| JobRunner::of(context.clone(), registered_jobs())).transpose()?;
    let run_jobs = async {
        if let Some(jobs) = jobs {
            jobs.run_until(until(stopped.clone())).await;
        }
    };
    let wait = async {
        stop.await;
        tracing::info!("stopping: requests and jobs that run are finished");
        stopping.send_replace(true);
    };
    let Some(listening) = listening else {
        println!("usersd: running jobs");
        tokio::join!(wait, run_jobs);
        return Ok(());
    };
    let metrics = if config.metrics { Some(install_recorder()?) } else { None };
    let web = Web::with_context(context, config.web.clone()).await?;
    let new_admin = match config.admin_pages {
        true => first_start::make_admin(pool, config).await?,
        false => None,
    };
    let site = Site { config, pool, web: &web, metrics, new_admin };
    let serve = site.serve(listening, until(stopped.clone()));
    let served = {
        let mut wait = pin!(async { tokio::join!(wait, run_jobs) });
        let mut serve = pin!(serve);
        tokio::select! {
            // It ends before it is told to only when it could not begin.
            served = &mut serve => {
                if served.is_ok() {
                    wait.await;
                }
                served
            }
            _ = &mut wait => serve.await,
        }
    };
    web.shutdown().await;
    served
}

async fn until(mut stopped: watch::Receiver<bool>) {
    // A sender that is gone means the end as well.
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

async fn open(config: &Config) -> Result<DbPool, Failure> {
    let opened = match &config.replica {
        Some(replica) => DbPool::connect_with_replica(&config.database, replica).await,
        None => DbPool::connect(&config.database).await,
    };
    let failed = |error| Failure::of_database(&config.shown_database(), error);
    let pool = opened.map_err(failed)?;
    let version = pool.schema_version().await.map_err(failed)?;
    if needs_migration(pool.kind(), version, config.migrate)? {
        pool.migrate().await.map_err(failed)?;
        tracing::info!(from = version.current, to = version.latest, "the schema is up to date");
    }
    Ok(pool)
}

/// Whether the schema is to be brought up to date.
///
/// A file or an empty database is, by itself. A database that several hosts share is not: their operator says
/// when.
fn needs_migration(
    kind: BackendKind,
    version: SchemaVersion,
    told_to: bool,
) -> Result<bool, Failure> {
    let SchemaVersion { current, latest } = version;
    if current > latest {
        return Err(Failure::Failed(format!(
            "the schema is at version {current}, newer than the {latest} that this program knows: \
             use a newer usersd"
        )));
    }
    let is_shared = kind == BackendKind::Postgres && current > 0;
    if current < latest && is_shared && !told_to {
        return Err(Failure::Failed(format!(
            "the schema is at version {current} and this program needs {latest}: \
             start it with --migrate, or run `usersctl migrate`"
        )));
    }
    Ok(current < latest)
}

fn install_recorder() -> Result<health::PrometheusHandle, Failure> {
    let recorder = health::recorder();
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder)
        .map_err(|error| Failure::Failed(format!("installing the recorder of figures: {error}")))?;
    health::describe();
    Ok(handle)
}

/// Each connection is an open file: takes as many as the system lets this process have.
fn connections_allowed() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::debug!(%error, "the limit of open files stays as it is");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_nobody_shares_is_migrated_unasked() {
        let check = |kind, current, told_to| {
            needs_migration(kind, SchemaVersion { current, latest: 6 }, told_to)
        };
        assert!(check(BackendKind::Sqlite, 5, false).unwrap());
        assert!(check(BackendKind::Postgres, 0, false).unwrap(), "it is empty");
        assert!(check(BackendKind::Postgres, 5, true).unwrap());
        assert!(!check(BackendKind::Postgres, 6, true).unwrap());
        let refused = |kind, current, told_to| match check(kind, current, told_to) {
            Err(Failure::Failed(message)) => message,
            other => panic!("{other:?}"),
        };
        assert!(refused(BackendKind::Postgres, 5, false).contains("--migrate"));
        assert!(refused(BackendKind::Sqlite, 7, true).contains("newer"));
    }
}
