//! Banning everything in a list, while the list comes: a line of the answer for each row, and a summary.

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde::{Deserialize, Serialize};
use systemprompt_users_application::{BanService, BulkBanOutcome};
use systemprompt_users_domain::{BanDuration, UserError};
use utoipa::{IntoParams, ToSchema};

use super::rows::{COLUMNS, Defaults, Row, Rows};
use super::{duration, refused};
use crate::api::errors::{AnyProblem, BodyProblem, ChangeProblem};
use crate::api::input::{CsvTable, Lines, ReadError, RowError};
use crate::api::schema::Line;
use crate::auth::{Authorized, Bans};
use crate::layers::LongRunning;
use crate::{Problem, QueryParams, Web};

/// How many rows are stored in one unit.
const BATCH: usize = 1000;

/// What holds for rows that do not say otherwise.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ImportParams {
    /// How long: `12h`, `7d`, `1d12h`, `permanent`.
    #[param(default = "permanent", pattern = "^([1-9][0-9]{0,4}[wdhms]|permanent)$")]
    duration: Option<String>,
    /// Why.
    #[param(value_type = Option<Line>)]
    reason: Option<String>,
    /// What reported them, such as the name of the list.
    #[param(value_type = Option<Line>)]
    source: Option<String>,
}

/// One line of the answer.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum BanImportLine {
    /// What became of a row.
    Row {
        /// The line that it begins on, from 1.
        line: u64,
        /// `banned`, `extended`, `existing` (a ban that says no less was in force) or `refused`.
        outcome: &'static str,
        /// What is banned, in canonical form.
        #[serde(skip_serializing_if = "Option::is_none")]
        target: Option<String>,
        /// The field at fault of a refused row.
        #[serde(skip_serializing_if = "Option::is_none")]
        field: Option<String>,
        /// What is wrong with a refused row.
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// The last line: everything was read.
    Summary(Counts),
    /// The last line when the import ended early. Rows without a line of their own may not be in; the same list can
    /// be sent again.
    Error {
        /// What went wrong.
        problem: Problem,
    },
}

/// What became of all rows.
#[derive(Debug, Default, Clone, Copy, Serialize, ToSchema)]
#[schema(as = BanImportSummary)]
pub(super) struct Counts {
    /// Rows that were read.
    rows: u64,
    /// Targets that are banned now.
    banned: u64,
    /// Bans that last longer now, or have another reason.
    extended: u64,
    /// Bans that were in force already.
    existing: u64,
    /// Rows that were left out.
    refused: u64,
}

/// Bans everything in a list, of any length: `text/plain` with one address or network a line and comments behind `#`
/// or `;`, or `text/csv` with a header of `target` and any of `duration` or `until`, `reason`, `source`, `fingerprint`,
/// `offence_path`, `user_agent`.
///
/// The list is read and stored in batches while it comes, and the answer comes as it is stored: one JSON object a
/// line, one line for each row in the order of each batch, and at the end a summary. A row that can't be read is
/// refused by itself. When the connection breaks, batches that were answered are in; the list can be sent again.
#[utoipa::path(
    post,
    path = "/bans/import",
    tag = "bans",
    params(ImportParams),
    request_body(content(
        (String = "text/plain", example = "# bad networks\n203.0.113.0/24 ; scraping\n2001:db8::1\n"),
        (String = "text/csv", example = "target,duration,reason\n203.0.113.0/24,7d,scraping\n"),
    )),
    responses(
        (status = 200, body = BanImportLine, content_type = "application/x-ndjson", description = "One object a line"),
        AnyProblem, BodyProblem, ChangeProblem,
    ),
)]
pub(super) async fn import_bans(
    who: Authorized<Bans>,
    _: LongRunning,
    State(web): State<Web>,
    QueryParams(params): QueryParams<ImportParams>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let duration = params.duration.as_deref().map_or(Ok(BanDuration::Permanent), duration::parse);
    let defaults = Defaults {
        duration: duration.map_err(|reason| UserError::validation("duration", reason))?,
        reason: params.reason,
        source: params.source,
        now: web.now(),
    };
    // What is wrong with the defaults is no fault of any row.
    defaults.ban("192.0.2.1".into()).parse(defaults.now).map_err(refused)?;
    let lines = Lines::new(body, web.options().max_import_body);
    let rows = rows(&headers, lines).await?;
    let (bans, counts) = (web.bans(who.actor()), Counts::default());
    let import = Import { web, bans, rows, defaults, counts };
    let answer = stream::unfold(Some(import), |import| async {
        let (piece, import) = import?.step().await;
        Some((Ok::<_, std::convert::Infallible>(piece), import))
    });
    let headers =
        [(header::CONTENT_TYPE, "application/x-ndjson"), (header::CACHE_CONTROL, "no-store")];
    Ok((headers, Body::from_stream(answer)).into_response())
}

/// The rows of the body, by its media type.
async fn rows(headers: &HeaderMap, mut lines: Lines) -> Result<Rows, Problem> {
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = media_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if media_type.eq_ignore_ascii_case("text/plain") {
        return Ok(Rows::List(lines));
    }
    if !media_type.eq_ignore_ascii_case("text/csv") {
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        let title = "The body must be text/plain or text/csv";
        return Err(Problem::new(status, "unsupported_media_type", title));
    }
    let opened = CsvTable::open(&mut lines, &COLUMNS, &["target"]).await.map_err(unreadable)?;
    let table = opened.map_err(|wrong| UserError::validation("body", wrong))?;
    Ok(Rows::Csv(table, lines))
}

fn unreadable(error: ReadError) -> Problem {
    match error {
        ReadError::Broken => Problem::bad_request("the body breaks off"),
        ReadError::TooLarge => {
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", "The body is too large")
        }
    }
}

/// An import on its way.
struct Import {
    web: Web,
    bans: BanService,
    rows: Rows,
    defaults: Defaults,
    counts: Counts,
}

impl Import {
    /// Reads and stores a batch. Answers with its lines, and itself unless they are the last.
    async fn step(mut self) -> (Bytes, Option<Self>) {
        let mut batch = Vec::new();
        // What ends at a given time is stored with the time that is left now.
        self.defaults.now = self.web.now();
        let end = loop {
            match self.rows.next(&self.defaults).await {
                Ok(Some(row)) => batch.push(row),
                Ok(None) => break Some(Ok(())),
                Err(error) => break Some(Err(unreadable(error))),
            }
            if batch.len() == BATCH {
                break None;
            }
        };
        let mut answer = match self.store(batch).await {
            Ok(lines) => lines,
            Err(problem) => return (ndjson(&[BanImportLine::Error { problem }]), None),
        };
        match end {
            None => return (ndjson(&answer), Some(self)),
            Some(Ok(())) => answer.push(BanImportLine::Summary(self.counts)),
            Some(Err(problem)) => answer.push(BanImportLine::Error { problem }),
        }
        (ndjson(&answer), None)
    }

    async fn store(&mut self, batch: Vec<Row>) -> Result<Vec<BanImportLine>, Problem> {
        let mut good = Vec::new();
        let rows: Vec<(u64, Option<RowError>)> = batch
            .into_iter()
            .map(|(line, row)| match row {
                Ok(ban) => {
                    good.push(ban);
                    (line, None)
                }
                Err(error) => (line, Some(error)),
            })
            .collect();
        let stored = match good.as_slice() {
            [] => Vec::new(),
            good => self.bans.bulk_ban(good).await?.items,
        };
        let mut stored = stored.into_iter();
        let mut lines = Vec::with_capacity(rows.len());
        for (line, error) in rows {
            let outcome = match error {
                Some(error) => Err(error),
                None => stored.next().map(|item| item.outcome).ok_or_else(unanswered),
            };
            lines.push(self.count(line, outcome));
        }
        Ok(lines)
    }

    fn count(&mut self, line: u64, outcome: Result<BulkBanOutcome, RowError>) -> BanImportLine {
        let counts = &mut self.counts;
        counts.rows += 1;
        let (count, outcome, target, error) = match outcome {
            Ok(BulkBanOutcome::Banned(target)) => {
                (&mut counts.banned, "banned", Some(target), None)
            }
            Ok(BulkBanOutcome::Extended(target)) => {
                (&mut counts.extended, "extended", Some(target), None)
            }
            Ok(BulkBanOutcome::Existing(target)) => {
                (&mut counts.existing, "existing", Some(target), None)
            }
            Ok(BulkBanOutcome::Refused(error)) => {
                (&mut counts.refused, "refused", None, Some(error.into()))
            }
            Err(error) => (&mut counts.refused, "refused", None, Some(error)),
        };
        *count += 1;
        let (field, reason) = error.map(|error: RowError| (error.field, error.reason)).unzip();
        let target = target.map(|target| target.to_string());
        BanImportLine::Row { line, outcome, target, field, reason }
    }
}

fn unanswered() -> RowError {
    RowError::row("the storage said nothing about it")
}

fn ndjson(lines: &[BanImportLine]) -> Bytes {
    let mut text = Vec::new();
    for line in lines {
        // A line is plain data, and a vector takes all that is written to it.
        let _ = serde_json::to_writer(&mut text, line);
        text.push(b'\n');
    }
    text.into()
}
