//! The allow-list.

use systemprompt_users::{AllowedNetwork, IpTarget, PageRequest, UserError};
use systemprompt_users_import::{AllowRow as AllowedRow, AllowRows, TableFormat};

use super::super::lists::Targets;
use super::super::lookup::done;
use super::super::pages;
use super::import::format_of;
use crate::cli::{AllowCommand, AllowImportArgs, BanImportFormat, ConfirmArgs};
use crate::exit::{Failure, Outcome};
use crate::host::{Host, Services};
use crate::import::{Import, Input, Sink, Stored};
use crate::output::{AllowRow, Column, Output, Record, Tone, Value};

pub(super) async fn run(services: &Services, host: &Host, command: AllowCommand) -> Outcome {
    let bans = &services.bans;
    let mut output = host.output();
    match command {
        AllowCommand::Import(args) => import_all(services, host, &args).await,
        AllowCommand::Add { targets, note, confirm } => {
            let targets = Targets::read(&targets)?;
            if shows_only(&mut output, confirm, "These are to be allowed:", &targets)? {
                return Ok(targets.done());
            }
            let mut rows = Vec::new();
            for &target in &targets.all {
                let outcome = bans.allow(target, note.as_deref()).await;
                if let Err(error @ UserError::Validation { .. }) = outcome {
                    return Err(error.into());
                }
                rows.push(AllowChange { target, outcome });
            }
            Ok(shown(&mut output, &rows)?.max(targets.done()))
        }
        AllowCommand::Remove { targets, confirm } => {
            let targets = Targets::read(&targets)?;
            let title = "These are to be taken off the allow-list:";
            if shows_only(&mut output, confirm, title, &targets)? {
                return Ok(targets.done());
            }
            let mut rows = Vec::new();
            for &target in &targets.all {
                let outcome = bans.disallow(target).await.map(|()| true);
                rows.push(AllowChange { target, outcome });
            }
            Ok(shown(&mut output, &rows)?.max(targets.done()))
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

fn shows_only(
    output: &mut Output,
    confirm: ConfirmArgs,
    title: &str,
    targets: &Targets,
) -> Result<bool, Failure> {
    let rows: Vec<_> = targets.all.iter().map(|target| TargetRow(*target)).collect();
    confirm.only_shows(output, title, &rows)
}

async fn import_all(services: &Services, host: &Host, args: &AllowImportArgs) -> Outcome {
    let mut input = Input::open(&args.file)?;
    let format = match args.format {
        Some(format) => format,
        None => format_of(&args.file, &mut input)?,
    };
    let format = match format {
        BanImportFormat::List => None,
        BanImportFormat::Csv => Some(TableFormat::Csv),
        BanImportFormat::Jsonl | BanImportFormat::Json => Some(TableFormat::Json),
    };
    let import = Import {
        name: input.name,
        size: input.size,
        file: &args.file,
        errors: args.errors.as_deref(),
        is_dry_run: false,
    };
    let rows = AllowRows::open(input.lines, format)?;
    import.run(rows, AllowSink(services), &mut host.output()).await
}

/// Allows one network after the other.
struct AllowSink<'a>(&'a Services);

impl Sink<AllowedRow> for AllowSink<'_> {
    async fn store(&mut self, rows: Vec<AllowedRow>) -> Result<Vec<Stored>, UserError> {
        let mut stored = Vec::with_capacity(rows.len());
        for row in rows {
            stored.push(match self.0.bans.allow(row.target, row.note.as_deref()).await {
                Ok(true) => Stored::Created,
                Ok(false) => Stored::Existing(None),
                Err(error @ UserError::Validation { .. }) => Stored::Refused(error.into()),
                Err(error) => return Err(error),
            });
        }
        Ok(stored)
    }
}

/// An address or a network.
struct TargetRow(IpTarget);

impl Record for TargetRow {
    const COLUMNS: &'static [Column] = &[Column::always("target")];

    fn values(&self) -> Vec<Value> {
        vec![Value::text(self.0)]
    }
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
