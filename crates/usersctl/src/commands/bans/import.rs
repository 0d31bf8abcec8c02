//! Banning everything in a file.

use systemprompt_users::{BanIpWithMetadataParams, BulkBanOutcome, UserError};
use systemprompt_users_import::{BanCsv, BanDefaults, BanList, Rows};

use super::super::now;
use crate::cli::{BanImportArgs, BanImportFormat};
use crate::exit::{Failure, Outcome};
use crate::host::{Host, Services};
use crate::import::{Import, Input, Sink, Stored};
use crate::output::Output;

pub(super) async fn run(args: &BanImportArgs, host: &Host) -> Outcome {
    let mut input = Input::open(&args.file)?;
    let format = match args.format {
        Some(format) => format,
        None => format_of(args, &mut input)?,
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
    };
    let mut output = host.output();
    match format {
        BanImportFormat::List => {
            store(&import, BanList::new(input.lines, defaults), args, host, &mut output).await
        }
        BanImportFormat::Csv => {
            store(&import, BanCsv::open(input.lines, defaults)?, args, host, &mut output).await
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
        return import.run::<R, BanSink<'_>>(rows, None, output).await;
    }
    let services = &host.connect().await?;
    import.run(rows, Some(&BanSink { services }), output).await
}

/// By the name of the file, or else by what it begins with: a list never begins with a header.
fn format_of(args: &BanImportArgs, input: &mut Input) -> Result<BanImportFormat, Failure> {
    if Input::extension(&args.file).as_deref() == Some("csv") {
        return Ok(BanImportFormat::Csv);
    }
    let start = input.peek()?.to_lowercase();
    let is_header = start.lines().next().is_some_and(|line| {
        line.split(',').any(|column| column.trim().trim_matches('"') == "target")
    });
    Ok(if is_header { BanImportFormat::Csv } else { BanImportFormat::List })
}

/// Bans, a batch in one unit.
struct BanSink<'a> {
    services: &'a Services,
}

impl Sink<BanIpWithMetadataParams> for BanSink<'_> {
    async fn store(&self, rows: Vec<BanIpWithMetadataParams>) -> Result<Vec<Stored>, UserError> {
        let report = self.services.bans.bulk_ban(&rows).await?;
        let outcomes = report.items.into_iter().map(|item| item.outcome);
        Ok(outcomes
            .map(|outcome| match outcome {
                BulkBanOutcome::Banned(_) => Stored::Created,
                BulkBanOutcome::Extended(_) => Stored::Changed,
                BulkBanOutcome::Existing(_) => Stored::Existing,
                BulkBanOutcome::Refused(error) => Stored::Refused(error.into()),
            })
            .collect())
    }
}
