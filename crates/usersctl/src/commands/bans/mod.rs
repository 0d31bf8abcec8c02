//! `usersctl bans ...`

mod allow;
mod change;
mod check;
mod export;
mod import;
mod list;

use crate::cli::BansCommand;
use crate::exit::Outcome;
use crate::host::Host;

pub(super) async fn run(command: BansCommand, host: &Host) -> Outcome {
    // A dry run touches no storage, so it opens none.
    if let BansCommand::Import(args) = &command {
        return import::run(args, host).await;
    }
    let services = &host.connect().await?;
    match command {
        BansCommand::Add(args) => change::add(services, host, &args).await,
        BansCommand::Remove { targets, reason, confirm } => {
            change::remove(services, host, &targets, reason.as_deref(), confirm).await
        }
        BansCommand::Check { addresses, banned } => {
            check::run(services, host, &addresses, banned).await
        }
        BansCommand::Show { target } => list::show(services, host, &target).await,
        BansCommand::List(args) => list::list(services, host, &args).await,
        BansCommand::History { target, list } => {
            list::history(services, host, &target, &list).await
        }
        BansCommand::Import(args) => import::run(&args, host).await,
        BansCommand::Export(args) => export::run(services, host, &args).await,
        BansCommand::Allow(command) => allow::run(services, host, command).await,
    }
}
