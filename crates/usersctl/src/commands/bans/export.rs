//! Writing the bans in force in a form that an import takes.

use systemprompt_users::{BannedIp, PageLimit, PageRequest};
use systemprompt_users_import::{BAN_EXPORT_COLUMNS, ban_cells, csv_row};

use super::super::now;
use crate::cli::{BanExportArgs, BanExportFormat, RowFormat};
use crate::exit::{Done, Failure, Outcome};
use crate::host::{Host, Services};
use crate::output::{BanRow, Object, Output};
use crate::progress::Progress;

pub(super) async fn run(services: &Services, host: &Host, args: &BanExportArgs) -> Outcome {
    let format = match args.format {
        Some(format) => format,
        None => RowFormat::of_export(None, host.format())?.into(),
    };
    let mut output = host.output();
    match format {
        BanExportFormat::Csv => output.writer().write_all(&csv_row(&BAN_EXPORT_COLUMNS))?,
        BanExportFormat::Json => output.writer().write_all(b"{\"items\": [")?,
        BanExportFormat::Jsonl | BanExportFormat::List => {}
    }
    let mut lead = "\n  ";
    let total = services.bans.count_active_bans().await?;
    let progress = Progress::items("exporting", args.source.is_none().then_some(total));
    let mut request = PageRequest { after: None, limit: PageLimit::MAX };
    loop {
        let page = match &args.source {
            Some(source) => services.bans.list_bans_by_source(source, &request).await?,
            None => services.bans.list_active_bans(&request).await?,
        };
        for ban in &page.items {
            if format == BanExportFormat::Json {
                output.writer().write_all(std::mem::replace(&mut lead, ",\n  ").as_bytes())?;
            }
            write(&mut output, format, ban)?;
            progress.add(1);
        }
        match page.next {
            Some(next) => request.after = Some(next),
            None => break,
        }
    }
    if format == BanExportFormat::Json {
        output.writer().write_all(b"\n], \"next\": null}\n")?;
    }
    output.writer().flush()?;
    Ok(Done::All)
}

impl From<RowFormat> for BanExportFormat {
    fn from(format: RowFormat) -> Self {
        match format {
            RowFormat::Csv => Self::Csv,
            RowFormat::Jsonl => Self::Jsonl,
            RowFormat::Json => Self::Json,
        }
    }
}

fn write(output: &mut Output, format: BanExportFormat, ban: &BannedIp) -> Result<(), Failure> {
    let row = BanRow { ban, now: now() };
    match format {
        BanExportFormat::List => writeln!(output.writer(), "{}", ban.target)?,
        BanExportFormat::Jsonl | BanExportFormat::Json => {
            serde_json::to_writer(output.writer(), &Object(&row)).map_err(std::io::Error::from)?;
            if format == BanExportFormat::Jsonl {
                writeln!(output.writer())?;
            }
        }
        BanExportFormat::Csv => output.writer().write_all(&csv_row(&ban_cells(ban)))?,
    }
    Ok(())
}
