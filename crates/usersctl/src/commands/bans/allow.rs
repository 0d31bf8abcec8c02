//! The allow-list.

use systemprompt_users::{AllowedNetwork, IpTarget, PageRequest, UserError};

use super::super::lookup::done;
use super::super::pages;
use super::change::parse_targets;
use crate::cli::AllowCommand;
use crate::exit::Outcome;
use crate::host::{Host, Services};
use crate::output::{AllowRow, Column, Output, Record, Tone, Value};

pub(super) async fn run(services: &Services, host: &Host, command: AllowCommand) -> Outcome {
    let bans = &services.bans;
    let mut output = host.output();
    match command {
        AllowCommand::Add { targets, note } => {
            let mut rows = Vec::new();
            for target in parse_targets(&targets)? {
                let outcome = bans.allow(target, note.as_deref()).await;
                if let Err(error @ UserError::Validation { .. }) = outcome {
                    return Err(error.into());
                }
                rows.push(AllowChange { target, outcome });
            }
            shown(&mut output, &rows)
        }
        AllowCommand::Remove { targets } => {
            let mut rows = Vec::new();
            for target in parse_targets(&targets)? {
                let outcome = bans.disallow(target).await.map(|()| true);
                rows.push(AllowChange { target, outcome });
            }
            shown(&mut output, &rows)
        }
        AllowCommand::List { list } => {
            let shown = output.list(AllowRow::COLUMNS);
            let fetch = async |request: &PageRequest| bans.list_allowed(request).await;
            let push = |list: &mut crate::output::List<'_>, network: &AllowedNetwork| {
                list.push(&AllowRow(network))
            };
            pages::show(&list, shown, fetch, push).await
        }
    }
}

fn shown(output: &mut Output, rows: &[AllowChange]) -> Outcome {
    output.all(rows)?;
    Ok(done(rows.iter().filter_map(|row| row.outcome.as_ref().err())))
}

/// What became of one network.
struct AllowChange {
    target: IpTarget,
    outcome: Result<bool, UserError>,
}

impl Record for AllowChange {
    const COLUMNS: &'static [Column] =
        &[Column::always("target"), Column::always("outcome"), Column::always("reason")];

    fn values(&self) -> Vec<Value> {
        let (word, tone) = match &self.outcome {
            Ok(true) => ("done", Tone::Good),
            Ok(false) => ("unchanged", Tone::Quiet),
            Err(_) => ("refused", Tone::Bad),
        };
        vec![
            Value::text(self.target),
            Value::Word(word.into(), tone),
            Value::optional(self.outcome.as_ref().err()),
        ]
    }
}
