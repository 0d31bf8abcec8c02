//! `usersctl users ...`

mod change;
mod export;
mod find;
mod import;
mod lifecycle;
mod merge;
mod purge;
mod roles;
mod stats;

use crate::cli::UsersCommand;
use crate::exit::Outcome;
use crate::host::Host;

pub(super) async fn run(command: UsersCommand, host: &Host) -> Outcome {
    // A dry run makes no storage where there is none, so an import opens its own.
    if let UsersCommand::Import(args) = &command {
        return import::run(args, host).await;
    }
    let services = &host.connect().await?;
    match command {
        UsersCommand::List(args) => find::list(services, host, &args).await,
        UsersCommand::Search { query, filter, list } => {
            find::search(services, host, &query, &filter, &list).await
        }
        UsersCommand::Show { user } => find::show(services, host, &user).await,
        UsersCommand::Activity { user } => find::activity(services, host, &user).await,
        UsersCommand::Sessions { user, list } => {
            super::sessions::list_sessions(services, host, Some(&user), &list).await
        }
        UsersCommand::Create(args) => change::create(services, host, args).await,
        UsersCommand::Update(args) => change::update(services, host, args).await,
        UsersCommand::Suspend { users, confirm } => {
            lifecycle::suspend(services, host, &users, confirm).await
        }
        UsersCommand::Activate { users, confirm } => {
            lifecycle::activate(services, host, &users, confirm).await
        }
        UsersCommand::Delete { users, confirm } => {
            lifecycle::delete(services, host, &users, confirm).await
        }
        UsersCommand::Restore { user, confirm } => {
            lifecycle::restore(services, host, &user, confirm).await
        }
        UsersCommand::Hold { user, hold, confirm } => {
            lifecycle::hold(services, host, &user, hold, confirm).await
        }
        UsersCommand::Purge(args) => purge::run(services, host, &args).await,
        UsersCommand::Promote { user, confirm } => {
            roles::promote(services, host, &user, confirm).await
        }
        UsersCommand::Demote { user, confirm } => {
            roles::demote(services, host, &user, confirm).await
        }
        UsersCommand::Roles(command) => roles::run(services, host, command).await,
        UsersCommand::Merge(args) => merge::run(services, host, &args).await,
        UsersCommand::Export(args) => export::run(services, host, &args).await,
        UsersCommand::Import(args) => import::run(&args, host).await,
        UsersCommand::Stats(args) => stats::run(services, host, &args).await,
    }
}
