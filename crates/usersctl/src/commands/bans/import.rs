//! Banning everything in a file.

use std::path::Path;

use systemprompt_users::{BanIpWithMetadataParams, BulkBanOutcome, UserError};
use systemprompt_users_import::{BanDefaults, BanList, BanRows, RowError, Rows, TableFormat};

use super::super::now;
use super::change::own_address;
use crate::cli::{BanImportArgs, BanImportFormat};
use crate::exit::{Failure, Outcome};
use crate::host::{Host, Services};
use crate::import::{Import, Input, Sink, Stored};
use crate::output::Output;

pub(super) async fn run(args: &BanImportArgs, host: &Host) -> Outcome {
    let mut input = Input::open(&args.file)?;
    let format = match args.format {
        Some(format) => format,
        None => format_of(&args.file, &mut input)?,
    };
    let defaults = BanDefaults {
        duration: args.duration,
        reason: args.reason.clone(),
        source: args.source.clone(),
        now: now(),
    };
    // What is wrong with the defaults is no fault of any row.
    defaults.ban("192.0.2.1".into()).parse(defaults.now)?;
    let import = Import {
        name: input.name,
        size: input.size,
        file: &args.file,
        errors: args.errors.as_deref(),
        is_dry_run: args.dry_run,
    };
    let mut output = host.output();
    match format {
        BanImportFormat::List => {
            store(&import, BanList::open(input.lines, defaults)?, args, host, &mut output).await
        }
        BanImportFormat::Csv => {
            let rows = BanRows::open(input.lines, TableFormat::Csv, defaults)?;
            store(&import, rows, args, host, &mut output).await
        }
        BanImportFormat::Jsonl | BanImportFormat::Json => {
            let rows = BanRows::open(input.lines, TableFormat::Json, defaults)?;
            store(&import, rows, args, host, &mut output).await
        }
    }
}

async fn store<R: Rows<Item = BanIpWithMetadataParams>>(
    import: &Import<'_>,
    rows: R,
    args: &BanImportArgs,
    host: &Host,
    output: &mut Output,
) -> Outcome {
    if args.dry_run {
        return import.run(rows, Checked, output).await;
    }
    let services = &host.connect().await?;
    import.run(rows, BanSink { services, is_confirmed: args.yes }, output).await
}

/// By the name of the file, or else by what it begins with: a list never begins with a header.
pub(super) fn format_of(path: &Path, input: &mut Input) -> Result<BanImportFormat, Failure> {
    Ok(match Input::extension(path).as_deref() {
        Some("csv" | "tsv") => BanImportFormat::Csv,
        Some("jsonl" | "ndjson" | "json") => BanImportFormat::Jsonl,
        _ => match input.looks_like("target")? {
            Some(TableFormat::Csv) => BanImportFormat::Csv,
            Some(TableFormat::Json) => BanImportFormat::Jsonl,
            None => BanImportFormat::List,
        },
    })
}

/// Where a row that makes sense by itself is one that is stored.
struct Checked;

impl Sink<BanIpWithMetadataParams> for Checked {
    async fn store(
        &mut self,
        rows: Vec<BanIpWithMetadataParams>,
    ) -> Result<Vec<Stored>, UserError> {
        Ok(rows.iter().map(|_| Stored::Created).collect())
    }
}

/// Bans, a batch in one unit.
struct BanSink<'a> {
    services: &'a Services,
    is_confirmed: bool,
}

impl Sink<BanIpWithMetadataParams> for BanSink<'_> {
    async fn store(
        &mut self,
        rows: Vec<BanIpWithMetadataParams>,
    ) -> Result<Vec<Stored>, UserError> {
        let bans = &self.services.bans;
        let report = match self.is_confirmed {
            true => bans.bulk_ban(&rows).await?,
            false => bans.bulk_ban_unconfirmed(&rows, own_address()).await?,
        };
        let outcomes = report.items.into_iter().map(|item| item.outcome);
        Ok(outcomes
            .map(|outcome| match outcome {
                BulkBanOutcome::Banned(_) => Stored::Created,
                BulkBanOutcome::Extended(_) => Stored::Changed(None),
                BulkBanOutcome::Existing(_) => Stored::Existing(None),
                BulkBanOutcome::Refused(UserError::Unconfirmed(impact)) => Stored::Refused(
                    RowError::new("target", format!("{impact}; pass --yes to ban it all the same")),
                ),
                BulkBanOutcome::Refused(error) => Stored::Refused(error.into()),
            })
            .collect())
    }
}
