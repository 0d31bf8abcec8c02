//! Writing users in a form that an import takes.

use futures_util::TryStreamExt;
use systemprompt_users::{UserExport, UserOrder};

use super::super::now;
use crate::cli::{Format, RowFormat, UserExportArgs};
use crate::exit::{Done, Failure, Outcome};
use crate::host::{Host, Services};
use crate::output::into_io;
use crate::progress::Progress;

pub(super) async fn run(services: &Services, host: &Host, args: &UserExportArgs) -> Outcome {
    let format = match (args.format, host.format()) {
        (Some(format), _) => format,
        (None, Some(Format::Jsonl)) => RowFormat::Jsonl,
        (None, Some(Format::Csv) | None) => RowFormat::Csv,
        (None, Some(Format::Table | Format::Json)) => {
            return Err(Failure::Usage("an export is csv or jsonl".into()));
        }
    };
    let filter = args.filter.to_filter(now())?;
    let progress = Progress::items("exporting", Some(services.users.count(&filter).await?));
    let mut output = host.output();
    let mut users = std::pin::pin!(services.users.list_all(filter, UserOrder::from(args.order)));
    match format {
        RowFormat::Csv => {
            let mut writer =
                csv::WriterBuilder::new().has_headers(false).from_writer(output.writer());
            writer.write_record(COLUMNS).map_err(into_io)?;
            while let Some(user) = users.try_next().await? {
                writer.serialize(UserExport::from(&user)).map_err(into_io)?;
                progress.add(1);
            }
            writer.flush()?;
        }
        RowFormat::Jsonl => {
            while let Some(user) = users.try_next().await? {
                let out = output.writer();
                serde_json::to_writer(&mut *out, &UserExport::from(&user))
                    .map_err(std::io::Error::from)?;
                out.write_all(b"\n")?;
                progress.add(1);
            }
        }
    }
    output.writer().flush()?;
    Ok(Done::All)
}

/// The columns in the order of the fields of [`UserExport`]; they are there also without a user.
const COLUMNS: [&str; 16] = [
    "id",
    "name",
    "email",
    "full_name",
    "display_name",
    "avatar_url",
    "status",
    "roles",
    "email_verified",
    "is_bot",
    "created_at",
    "updated_at",
    "last_active_at",
    "deleted_at",
    "merged_into",
    "legal_hold",
];
