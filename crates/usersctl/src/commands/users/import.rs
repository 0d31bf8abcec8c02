//! Creating users from a file.

use systemprompt_users::{
    BulkCreateOutcome, CreateUserParams, OnExisting, User, UserError, UserStatus,
};

use crate::cli::{ImportArgs, RowFormat};
use crate::exit::{Failure, Outcome};
use crate::host::{Host, Services};
use crate::import::{Import, Input, RowError, Rows, Sink, Stored, UserCsv, UserJsonl, UserRow};
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
        return import.run::<R, UserSink<'_>>(rows, None, output).await;
    }
    let services = &host.connect().await?;
    let on_existing = if args.update { OnExisting::Update } else { OnExisting::Keep };
    import.run(rows, Some(&UserSink { services, on_existing }), output).await
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
struct UserSink<'a> {
    services: &'a Services,
    on_existing: OnExisting,
}

impl Sink<UserRow> for UserSink<'_> {
    async fn store(&self, rows: Vec<UserRow>) -> Result<Vec<Stored>, UserError> {
        let plain: Vec<CreateUserParams> =
            rows.iter().filter(|row| row.is_plain()).map(|row| row.params.clone()).collect();
        let mut created = self.create(&plain).await?.into_iter();
        let mut stored = Vec::with_capacity(rows.len());
        for row in &rows {
            stored.push(match row.is_plain() {
                true => created.next().unwrap_or(Stored::Refused(RowError::row("was passed over"))),
                false => self.store_special(row).await?,
            });
        }
        Ok(stored)
    }
}

impl UserSink<'_> {
    async fn create(&self, rows: &[CreateUserParams]) -> Result<Vec<Stored>, UserError> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let report = self.services.users.bulk_create(rows, self.on_existing).await?;
        let outcomes = report.items.into_iter().map(|item| item.outcome);
        Ok(outcomes
            .map(|outcome| match outcome {
                BulkCreateOutcome::Created(_) => Stored::Created,
                BulkCreateOutcome::Existing(_) => Stored::Existing,
                BulkCreateOutcome::Changed(_) => Stored::Changed,
                BulkCreateOutcome::Refused(error) => Stored::Refused(error.into()),
            })
            .collect())
    }

    /// Stores a user who is suspended, deleted or on hold, as rows of an export may be.
    ///
    /// An existing user keeps status and hold; where the row says otherwise it is refused, so that nobody
    /// stays active, or unprotected, unnoticed.
    async fn store_special(&self, row: &UserRow) -> Result<Stored, UserError> {
        let users = &self.services.users;
        if row.status == UserStatus::Deleted {
            return self.find_deleted(row).await;
        }
        if let Some(user) = users.find_by_name(&row.params.name).await? {
            if let Some(difference) = difference(&user, row) {
                return Ok(Stored::Refused(difference));
            }
            return self.create_one(&row.params).await;
        }
        let report = users.bulk_create(std::slice::from_ref(&row.params), OnExisting::Keep).await?;
        match report.items.into_iter().next().map(|item| item.outcome) {
            Some(BulkCreateOutcome::Created(id)) => {
                if row.legal_hold {
                    users.set_legal_hold(id, true).await?;
                }
                if row.status == UserStatus::Suspended {
                    users.update_status(id, UserStatus::Suspended).await?;
                }
                Ok(Stored::Created)
            }
            Some(BulkCreateOutcome::Refused(error)) => Ok(Stored::Refused(error.into())),
            _ => Ok(Stored::Refused(RowError::row("somebody else created it meanwhile"))),
        }
    }

    async fn create_one(&self, params: &CreateUserParams) -> Result<Stored, UserError> {
        let stored = self.create(std::slice::from_ref(params)).await?.pop();
        Ok(stored.unwrap_or(Stored::Refused(RowError::row("was passed over"))))
    }

    /// A user who is deleted here too is as the row says; nobody is created only to be deleted.
    async fn find_deleted(&self, row: &UserRow) -> Result<Stored, UserError> {
        let known = self.services.admin.find_any_status(&row.params.name).await?;
        let email = systemprompt_users::Email::parse(&row.params.email)?;
        let is_same = known.is_some_and(|user| !user.is_live() && user.email == Some(email));
        if is_same {
            return Ok(Stored::Existing);
        }
        let reason = "is deleted; an import creates no deleted users";
        Ok(Stored::Refused(RowError::new("status", reason)))
    }
}

/// Where an existing user is not what the row says.
fn difference(user: &User, row: &UserRow) -> Option<RowError> {
    if user.status != row.status {
        let reason = format!(
            "the user is there and {}; an import changes no status: use `users suspend` or `users activate`",
            user.status
        );
        return Some(RowError::new("status", reason));
    }
    if user.legal_hold != row.legal_hold {
        let reason =
            "the user is there with another legal hold; an import changes none: use `users hold`";
        return Some(RowError::new("legal_hold", reason));
    }
    None
}
