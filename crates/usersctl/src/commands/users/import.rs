//! Creating users from a file.

use systemprompt_users::{OnExisting, UserError};
use systemprompt_users_import::{Rows, UserCsv, UserJsonl, UserRow, UserStore, UserStored};

use crate::cli::{ImportArgs, RowFormat};
use crate::exit::{Failure, Outcome};
use crate::host::Host;
use crate::import::{Import, Input, Sink, Stored};
use crate::output::Output;

pub(super) async fn run(args: &ImportArgs, host: &Host) -> Outcome {
    let mut input = Input::open(&args.file)?;
    let format = match args.format {
        Some(format) => format,
        None => format_of(args, &mut input)?,
    };
    let import = Import {
        name: input.name,
        size: input.size,
        file: &args.file,
        errors: args.errors.as_deref(),
    };
    let mut output = host.output();
    match format {
        RowFormat::Csv => {
            store(&import, UserCsv::open(input.lines)?, args, host, &mut output).await
        }
        RowFormat::Jsonl => {
            store(&import, UserJsonl::new(input.lines), args, host, &mut output).await
        }
    }
}

async fn store<R: Rows<Item = UserRow>>(
    import: &Import<'_>,
    rows: R,
    args: &ImportArgs,
    host: &Host,
    output: &mut Output,
) -> Outcome {
    if args.dry_run {
        return import.run::<R, UserSink>(rows, None, output).await;
    }
    let services = host.connect().await?;
    let on_existing = if args.update { OnExisting::Update } else { OnExisting::Keep };
    let store = UserStore { users: services.users, admin: services.admin, on_existing };
    import.run(rows, Some(&UserSink(store)), output).await
}

/// By the name of the file, or else by what it begins with.
fn format_of(args: &ImportArgs, input: &mut Input) -> Result<RowFormat, Failure> {
    match Input::extension(&args.file).as_deref() {
        Some("csv") => Ok(RowFormat::Csv),
        Some("jsonl" | "ndjson") => Ok(RowFormat::Jsonl),
        _ if input.peek()?.starts_with(['{', '#']) => Ok(RowFormat::Jsonl),
        _ => Ok(RowFormat::Csv),
    }
}

/// Creates users, a batch in one unit.
struct UserSink(UserStore);

impl Sink<UserRow> for UserSink {
    async fn store(&self, rows: Vec<UserRow>) -> Result<Vec<Stored>, UserError> {
        let stored = self.0.store(&rows).await?;
        Ok(stored
            .into_iter()
            .map(|stored| match stored {
                UserStored::Created(_) => Stored::Created,
                UserStored::Existing(_) => Stored::Existing,
                UserStored::Changed(_) => Stored::Changed,
                UserStored::Refused(error) => Stored::Refused(error),
            })
            .collect())
    }
}
