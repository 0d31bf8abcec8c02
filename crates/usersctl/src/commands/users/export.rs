//! Writing users in a form that an import takes.

use futures_util::TryStreamExt;
use systemprompt_users::{UserExport, UserOrder};
use systemprompt_users_import::{USER_EXPORT_COLUMNS, csv_row, user_cells};

use super::super::now;
use crate::cli::{RowFormat, UserExportArgs};
use crate::exit::{Done, Outcome};
use crate::host::{Host, Services};
use crate::progress::Progress;

pub(super) async fn run(services: &Services, host: &Host, args: &UserExportArgs) -> Outcome {
    let format = RowFormat::of_export(args.format, host.format())?;
    let filter = args.filter.to_filter(now())?;
    let progress = Progress::items("exporting", Some(services.users.count(&filter).await?));
    let mut output = host.output();
    let out = output.writer();
    let mut users = std::pin::pin!(services.users.list_all(filter, UserOrder::from(args.order)));
    match format {
        RowFormat::Csv => out.write_all(&csv_row(&USER_EXPORT_COLUMNS))?,
        RowFormat::Json => out.write_all(b"{\"items\": [")?,
        RowFormat::Jsonl => {}
    }
    let mut lead = "\n  ";
    while let Some(user) = users.try_next().await? {
        match format {
            RowFormat::Csv => out.write_all(&csv_row(&user_cells(&user)))?,
            RowFormat::Json | RowFormat::Jsonl => {
                if format == RowFormat::Json {
                    out.write_all(std::mem::replace(&mut lead, ",\n  ").as_bytes())?;
                }
                serde_json::to_writer(&mut *out, &UserExport::from(&user))
                    .map_err(std::io::Error::from)?;
                if format == RowFormat::Jsonl {
                    out.write_all(b"\n")?;
                }
            }
        }
        progress.add(1);
    }
    if format == RowFormat::Json {
        out.write_all(b"\n], \"next\": null}\n")?;
    }
    out.flush()?;
    Ok(Done::All)
}
