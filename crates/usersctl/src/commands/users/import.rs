//! Creating users from a file.

use systemprompt_users::{OnExisting, UserError};
use systemprompt_users_import::{TableFormat, UserRow, UserRows, UserStore, UserStored};

use crate::cli::{ImportArgs, RowFormat};
use crate::exit::{Failure, Outcome};
use crate::host::Host;
use crate::import::{Import, Input, Sink, Stored};

pub(super) async fn run(args: &ImportArgs, host: &Host) -> Outcome {
    let mut input = Input::open(&args.file)?;
    let format = match args.format {
        Some(RowFormat::Csv) => TableFormat::Csv,
        Some(RowFormat::Jsonl | RowFormat::Json) => TableFormat::Json,
        None => format_of(args, &mut input)?,
    };
    let import = Import {
        name: input.name,
        size: input.size,
        file: &args.file,
        errors: args.errors.as_deref(),
        is_dry_run: args.dry_run,
    };
    let rows = UserRows::open(input.lines, format)?;
    // A dry run does all that the import would, in units that are rolled back.
    let services =
        if args.dry_run { host.connect_untouched().await? } else { host.connect().await? };
    let on_existing = if args.update { OnExisting::Update } else { OnExisting::Keep };
    let store = UserStore::new(services.users, services.admin, on_existing);
    let store = if args.dry_run { store.rehearsing() } else { store };
    import.run(rows, UserSink(store), &mut host.output()).await
}

/// By the name of the file, or else by what it begins with.
fn format_of(args: &ImportArgs, input: &mut Input) -> Result<TableFormat, Failure> {
    match Input::extension(&args.file).as_deref() {
        Some("csv" | "tsv") => Ok(TableFormat::Csv),
        Some("jsonl" | "ndjson" | "json") => Ok(TableFormat::Json),
        _ => Ok(TableFormat::guess(&mut input.lines)?),
    }
}

/// Creates users, a batch in one unit.
struct UserSink(UserStore);

impl Sink<UserRow> for UserSink {
    async fn store(&mut self, rows: Vec<UserRow>) -> Result<Vec<Stored>, UserError> {
        let stored = self.0.store(&rows).await?;
        Ok(stored
            .into_iter()
            .map(|stored| match stored {
                UserStored::Created(_) => Stored::Created,
                UserStored::Existing(_, note) => Stored::Existing(note),
                UserStored::Changed(_, note) => Stored::Changed(note),
                UserStored::Refused(error) => Stored::Refused(error),
            })
            .collect())
    }
}
