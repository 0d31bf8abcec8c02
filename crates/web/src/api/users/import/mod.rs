//! Creating users from a stream of rows, with an answer for each row while the next ones are read.

mod answer;
mod parse;

use axum::body::{Body, HttpBody};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use serde::Deserialize;
use systemprompt_users_domain::OnExisting;
use systemprompt_users_import::{HeaderError, Row, RowError, UserRow, UserStore, UserStored};
use tokio::sync::{Semaphore, SemaphorePermit, mpsc};
use utoipa::{IntoParams, ToSchema};

use self::answer::{Counts, UserImportLine};
use self::parse::{Batch, parse};
use super::users_of;
use crate::api::errors::{AnyProblem, BodyProblem, ChangeProblem};
use crate::api::rows::{NDJSON, RowFormat};
use crate::api::upload::{Upload, UploadError, cause};
use crate::auth::{Authorized, Scope, Write};
use crate::layers::LongRunning;
use crate::{Problem, QueryParams, Web};

/// How many imports run at once; each holds a thread.
const IMPORTS: usize = 16;

/// How many batches of answers wait for a client that sends everything before it reads: 256,000 rows.
const WAITING_ANSWERS: usize = 256;

/// How many parsed batches wait to be stored.
const WAITING_BATCHES: usize = 2;

static RUNNING: Semaphore = Semaphore::const_new(IMPORTS);

/// How rows are imported.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ImportQuery {
    /// What to do with users who are there.
    #[serde(default)]
    #[param(inline, default = "keep")]
    on_existing: ExistingUsers,
    /// Only check the rows; nothing is stored.
    #[serde(default)]
    #[param(default = false)]
    dry_run: bool,
}

/// What to do with users who are there.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum ExistingUsers {
    /// Leave them as they are.
    #[default]
    Keep,
    /// Bring full name, display name, avatar and bot mark to what the row says, where it says something.
    Update,
}

/// Creates users from a stream of rows: `application/x-ndjson` with one object a line, or `text/csv` with a header in
/// any order. `name` and `email` are needed; `full_name`, `display_name`, `avatar_url`, `roles`, `email_verified`,
/// `is_bot`, `status` and `legal_hold` may be there, and what else an export writes.
///
/// Rows are stored in batches while they come. The answer is one JSON object a line: one for each row, in the order of
/// the rows, and a summary at the end. A broken row is refused by itself and never stops the others. Where the import
/// has to end early, the last line is an error; the same rows can be sent again, they pass over what is in. A row that
/// makes an admin or places a hold takes the scope `admin`.
#[utoipa::path(
    post,
    path = "/users/import",
    tag = "bulk",
    params(ImportQuery),
    request_body(content(
        (String = "application/x-ndjson", example = "{\"name\": \"ada\", \"email\": \"ada@example.com\"}\n"),
        (String = "text/csv", example = "name,email\nada,ada@example.com\n"),
    )),
    responses(
        (status = 200, body = UserImportLine, content_type = "application/x-ndjson", description = "One object a line"),
        AnyProblem, BodyProblem, ChangeProblem,
    ),
)]
pub(super) async fn import_users(
    who: Authorized<Write>,
    _: LongRunning,
    State(web): State<Web>,
    QueryParams(query): QueryParams<ImportQuery>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let format = RowFormat::sent(&headers)?;
    let options = web.options();
    let is_too_large = usize::try_from(body.size_hint().lower())
        .map_or(true, |size| size > options.max_import_body);
    if is_too_large {
        return Err(UploadError::TooLarge.into());
    }
    let permit = RUNNING.try_acquire().map_err(|_| busy())?;
    let upload = Upload::new(body, options.max_import_body, options.request_timeout);
    let (sender, mut batches) = mpsc::channel(WAITING_BATCHES);
    tokio::task::spawn_blocking(move || parse(format, upload, &sender));
    // What is wrong with the header is answered as a problem: no row has been looked at.
    let first = match batches.recv().await {
        Some(Batch::NotBegun(HeaderError::Refused(message))) => {
            let title = "A value is not acceptable";
            return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "validation", title)
                .detail(message)
                .field("header"));
        }
        Some(Batch::NotBegun(HeaderError::Io(error))) => return Err(cause(&error).into()),
        first => first,
    };
    let on_existing = match query.on_existing {
        ExistingUsers::Keep => OnExisting::Keep,
        ExistingUsers::Update => OnExisting::Update,
    };
    let store =
        UserStore { users: users_of(&web, &who), admin: web.admin(who.actor()), on_existing };
    let import = Import {
        store: (!query.dry_run).then_some(store),
        may_hold: who.principal.allows(Scope::Admin),
        counts: Counts::default(),
        _permit: permit,
    };
    let (sender, answers) = mpsc::channel(WAITING_ANSWERS);
    tokio::spawn(import.run(first, batches, sender));
    let answers = stream::unfold(answers, async |mut answers| {
        let answer: Bytes = answers.recv().await?;
        Some((Ok::<_, std::convert::Infallible>(answer), answers))
    });
    let headers = [(header::CONTENT_TYPE, HeaderValue::from_static(NDJSON))];
    Ok((headers, Body::from_stream(answers)).into_response())
}

fn busy() -> Problem {
    let title = "Too many imports run already";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "busy", title).retry_after(5)
}

/// An import that runs until its rows are over, or its client is gone.
struct Import {
    /// Nothing is stored without it.
    store: Option<UserStore>,
    may_hold: bool,
    counts: Counts,
    _permit: SemaphorePermit<'static>,
}

impl Import {
    async fn run(
        mut self,
        first: Option<Batch>,
        mut batches: mpsc::Receiver<Batch>,
        answers: mpsc::Sender<Bytes>,
    ) {
        let mut next = first;
        while let Some(batch) = next {
            let (answer, is_over) = self.step(batch).await;
            if answers.send(answer).await.is_err() || is_over {
                return;
            }
            next = batches.recv().await;
        }
    }

    /// Stores a batch. Answers its lines, and whether they are the last.
    async fn step(&mut self, batch: Batch) -> (Bytes, bool) {
        match batch {
            Batch::Rows(rows) => match self.store(rows).await {
                Ok(lines) => (answer::lines(&lines), false),
                Err(problem) => (answer::lines(&[UserImportLine::Error { problem }]), true),
            },
            Batch::Over => (answer::lines(&[UserImportLine::Summary(self.counts)]), true),
            Batch::NotBegun(HeaderError::Io(error)) | Batch::Broken(error) => {
                let problem = cause(&error).into();
                (answer::lines(&[UserImportLine::Error { problem }]), true)
            }
            Batch::NotBegun(HeaderError::Refused(message)) => {
                let problem = Problem::bad_request(message);
                (answer::lines(&[UserImportLine::Error { problem }]), true)
            }
        }
    }

    async fn store(&mut self, batch: Vec<Row<UserRow>>) -> Result<Vec<UserImportLine>, Problem> {
        let mut places = Vec::with_capacity(batch.len());
        let mut good = Vec::with_capacity(batch.len());
        for row in batch {
            let checked = row.parsed.and_then(|user| self.check(user));
            places.push((row.original.line, checked.map(|user| good.push(user))));
        }
        let mut stored = match &self.store {
            Some(store) => store.store(&good).await?.into_iter(),
            None => Vec::new().into_iter(),
        };
        let lines = places.into_iter().map(|(line, place)| match place {
            Err(error) => UserImportLine::refused(line, error),
            Ok(()) if self.store.is_none() => UserImportLine::valid(line),
            Ok(()) => {
                let passed_over = || UserStored::Refused(RowError::row("was passed over"));
                UserImportLine::stored(line, stored.next().unwrap_or_else(passed_over))
            }
        });
        let lines: Vec<UserImportLine> = lines.collect();
        self.counts.add(&lines);
        Ok(lines)
    }

    fn check(&self, user: UserRow) -> Result<UserRow, RowError> {
        if user.legal_hold && !self.may_hold {
            return Err(RowError::new("legal_hold", "takes the scope `admin`"));
        }
        Ok(user)
    }
}
