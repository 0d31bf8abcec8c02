//! Rows of an import in batches: read on a thread of their own, stored and answered while the next ones come.

use std::convert::Infallible;
use std::io;

use axum::body::{Body, HttpBody};
use axum::http::StatusCode;
use bytes::Bytes;
use futures_util::stream;
use serde::Serialize;
use systemprompt_users_import::{HeaderError, Row, Rows};
use tokio::sync::{Semaphore, SemaphorePermit, mpsc};

use super::upload::{Upload, UploadError, cause};
use crate::{Problem, Web};

/// How many rows are stored in one unit of work.
const BATCH: usize = 1000;

/// How many imports run at once; each holds a thread.
const IMPORTS: usize = 16;

/// How many parsed batches wait to be stored.
const WAITING_BATCHES: usize = 2;

/// How many batches of answers wait for a client that sends everything before it reads: 256,000 rows.
const WAITING_ANSWERS: usize = 256;

static RUNNING: Semaphore = Semaphore::const_new(IMPORTS);

/// What an import does with rows that were read.
pub(crate) trait Importer: Send + 'static {
    /// What a row means.
    type Item: Send + 'static;

    /// A line of the answer.
    type Line: Serialize + Send;

    /// Stores a batch, and says of each row what became of it.
    fn store(
        &mut self,
        rows: Vec<Row<Self::Item>>,
    ) -> impl Future<Output = Result<Vec<Self::Line>, Problem>> + Send;

    /// The last line, when everything was read, with the columns that are known and not taken over.
    fn summary(&self, not_taken_over: Vec<&'static str>) -> Self::Line;

    /// The last line, when the import ended early.
    fn error(problem: Problem) -> Self::Line;
}

/// Runs an import whose rows `open` begins, on a thread that may block. Answers with the body of the answer, one JSON
/// object a line.
///
/// # Errors
/// 422 of `header` when the header is wrong; 503 while too many imports run; what is wrong with the body.
pub(crate) async fn run<I: Importer, R: Rows<Item = I::Item> + 'static>(
    importer: I,
    open: impl FnOnce() -> Result<R, HeaderError> + Send + 'static,
) -> Result<Body, Problem> {
    let permit = RUNNING.try_acquire().map_err(|_| busy())?;
    let (sender, mut batches) = mpsc::channel(WAITING_BATCHES);
    tokio::task::spawn_blocking(move || read(open(), &sender));
    // What is wrong with the header is answered as a problem: no row has been looked at.
    match batches.recv().await {
        Some(Batch::NotBegun(error)) => return Err(not_begun(&error)),
        Some(Batch::Begun) => {}
        _ => return Err(Problem::internal()),
    }
    let (sender, answers) = mpsc::channel(WAITING_ANSWERS);
    tokio::spawn(store_all(importer, batches, sender, permit));
    let answers = stream::unfold(answers, async |mut answers| {
        let answer: Bytes = answers.recv().await?;
        Some((Ok::<_, Infallible>(answer), answers))
    });
    Ok(Body::from_stream(answers))
}

/// The body of an import, for a thread that may block.
///
/// # Errors
/// 413 when the client says that it is larger than the host allows.
pub(crate) fn upload(web: &Web, body: Body) -> Result<Upload, Problem> {
    let options = web.options();
    let size = usize::try_from(body.size_hint().lower());
    if size.is_ok_and(|size| size <= options.max_import_body) {
        return Ok(Upload::new(body, options.max_import_body, options.request_timeout));
    }
    Err(UploadError::TooLarge.into())
}

/// What the parser hands on.
enum Batch<T> {
    /// The header is wrong, or could not be read: nothing follows.
    NotBegun(HeaderError),
    /// The header is right.
    Begun,
    /// The next rows.
    Rows(Vec<Row<T>>),
    /// All rows were handed on; with the columns that are not taken over.
    Over(Vec<&'static str>),
    /// The body can't be read on.
    Broken(io::Error),
}

/// Reads all rows and hands them on, until nobody takes them any more.
fn read<R: Rows>(rows: Result<R, HeaderError>, batches: &mpsc::Sender<Batch<R::Item>>) {
    let mut rows = match rows {
        Ok(rows) => rows,
        // Nobody is left to be told when this fails.
        Err(error) => return drop(batches.blocking_send(Batch::NotBegun(error))),
    };
    if batches.blocking_send(Batch::Begun).is_err() {
        return;
    }
    loop {
        let mut batch = Vec::new();
        let end = loop {
            match rows.next() {
                Ok(Some(row)) => batch.push(row),
                Ok(None) => break Some(Batch::Over(rows.not_taken_over())),
                Err(error) => break Some(Batch::Broken(error)),
            }
            if batch.len() == BATCH {
                break None;
            }
        };
        if batches.blocking_send(Batch::Rows(batch)).is_err() {
            return;
        }
        if let Some(end) = end {
            return drop(batches.blocking_send(end));
        }
    }
}

/// Stores batch after batch until the rows are over, or the client is gone.
async fn store_all<I: Importer>(
    mut importer: I,
    mut batches: mpsc::Receiver<Batch<I::Item>>,
    answers: mpsc::Sender<Bytes>,
    _permit: SemaphorePermit<'static>,
) {
    while let Some(batch) = batches.recv().await {
        let (lines, is_over) = match batch {
            Batch::Begun => continue,
            Batch::Rows(rows) => match importer.store(rows).await {
                Ok(lines) => (lines, false),
                Err(problem) => (vec![I::error(problem)], true),
            },
            Batch::Over(columns) => (vec![importer.summary(columns)], true),
            Batch::Broken(error) => (vec![I::error(cause(&error).into())], true),
            Batch::NotBegun(error) => (vec![I::error(not_begun(&error))], true),
        };
        if answers.send(ndjson(&lines)).await.is_err() || is_over {
            return;
        }
    }
}

fn not_begun(error: &HeaderError) -> Problem {
    match error {
        HeaderError::Io(error) => cause(error).into(),
        HeaderError::Refused(message) => {
            let title = "A value is not acceptable";
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "validation", title)
                .detail(message)
                .field("header")
        }
    }
}

fn busy() -> Problem {
    let title = "Too many imports run already";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "busy", title).retry_after(5)
}

fn ndjson<T: Serialize>(lines: &[T]) -> Bytes {
    let mut bytes = Vec::new();
    for line in lines {
        // These types have no map with keys that are no text, which is all that could fail.
        if serde_json::to_writer(&mut bytes, line).is_ok() {
            bytes.push(b'\n');
        }
    }
    bytes.into()
}
