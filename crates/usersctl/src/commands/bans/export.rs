//! Writing the bans in force in a form that an import takes.

use systemprompt_users::{BannedIp, PageLimit, PageRequest};
use systemprompt_users_import::BAN_EXPORT_COLUMNS;

use super::super::now;
use crate::cli::{BanExportArgs, BanExportFormat, Format};
use crate::exit::{Done, Failure, Outcome};
use crate::host::{Host, Services};
use crate::output::{BanRow, Object, Output, Record, into_io};
use crate::progress::Progress;

pub(super) async fn run(services: &Services, host: &Host, args: &BanExportArgs) -> Outcome {
    let format = match (args.format, host.format()) {
        (Some(format), _) => format,
        (None, Some(Format::Jsonl)) => BanExportFormat::Jsonl,
        (None, Some(Format::Csv) | None) => BanExportFormat::Csv,
        (None, Some(Format::Table | Format::Json)) => {
            return Err(Failure::Usage("an export is csv, jsonl or list".into()));
        }
    };
    let mut output = host.output();
    if format == BanExportFormat::Csv {
        write_csv(&mut output, &BAN_EXPORT_COLUMNS.map(str::to_owned))?;
    }
    let total = services.bans.count_active_bans().await?;
    let progress = Progress::items("exporting", args.source.is_none().then_some(total));
    let mut request = PageRequest { after: None, limit: PageLimit::MAX };
    loop {
        let page = match &args.source {
            Some(source) => services.bans.list_bans_by_source(source, &request).await?,
            None => services.bans.list_active_bans(&request).await?,
        };
        for ban in &page.items {
            write(&mut output, format, ban)?;
            progress.add(1);
        }
        match page.next {
            Some(next) => request.after = Some(next),
            None => break,
        }
    }
    output.writer().flush()?;
    Ok(Done::All)
}

fn write(output: &mut Output, format: BanExportFormat, ban: &BannedIp) -> Result<(), Failure> {
    let row = BanRow { ban, now: now() };
    match format {
        BanExportFormat::List => writeln!(output.writer(), "{}", ban.target)?,
        BanExportFormat::Jsonl => {
            serde_json::to_writer(output.writer(), &Object(&row)).map_err(std::io::Error::from)?;
            writeln!(output.writer())?;
        }
        BanExportFormat::Csv => {
            let values = row.values();
            let named = BanRow::COLUMNS.iter().zip(&values);
            let fields = BAN_EXPORT_COLUMNS.map(|wanted| {
                let value = named.clone().find(|(column, _)| column.name == wanted);
                value.map(|(_, value)| value.to_plain()).unwrap_or_default()
            });
            write_csv(output, &fields)?;
        }
    }
    Ok(())
}

fn write_csv(output: &mut Output, fields: &[String]) -> Result<(), Failure> {
    let mut writer = csv::Writer::from_writer(output.writer());
    writer.write_record(fields).map_err(into_io)?;
    writer.flush()?;
    Ok(())
}
