//! Banning everything in a list, while the list comes: a line of the answer for each row, and a summary.

use std::net::IpAddr;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use systemprompt_users_application::{BanService, BulkBanOutcome};
use systemprompt_users_domain::{BanDuration, BanIpWithMetadataParams};
use systemprompt_users_import::{BanDefaults, BanList, BanRows, Lines, Row, RowError, TableFormat};
use utoipa::{IntoParams, ToSchema};

use super::refused;
use crate::api::batches::{self, Importer};
use crate::api::errors::{AnyProblem, BodyProblem, ChangeProblem};
use crate::api::rows::{CSV, NDJSON};
use crate::api::schema::Line;
use crate::auth::{Authorized, Bans};
use crate::body::{media_type, unsupported};
use crate::layers::LongRunning;
use crate::{ClientIp, Problem, QueryParams, Web};

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
    /// Ban also what hits the address that the request comes from, admins who are signed in, or a network wider than /8
    /// (IPv4) or /16 (IPv6). Otherwise such rows are refused, naming the field `confirm`.
    #[serde(default)]
    #[param(default = false)]
    confirm: bool,
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
        /// Which network was meant, where the row writes it by an address inside of it, such as `203.0.113.7/8`.
        #[serde(skip_serializing_if = "Option::is_none")]
        note: Option<String>,
    },
    /// The last line: everything was read.
    Summary {
        #[serde(flatten)]
        counts: Counts,
        /// Columns or members of the file that an import knows and does not take over, such as `ban_count`.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        not_taken_over: Vec<&'static str>,
    },
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
/// `offence_path`, `user_agent`, or `application/x-ndjson` with the same members. All that an export writes is taken; the
/// summary names what of it is not taken over.
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
        (String = "application/x-ndjson", example = "{\"target\": \"203.0.113.0/24\", \"duration\": \"7d\"}\n"),
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
    client: Option<Extension<ClientIp>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let duration = params.duration.as_deref().map_or(Ok(BanDuration::Permanent), str::parse)?;
    let (reason, source) = (params.reason, params.source);
    let defaults = BanDefaults { duration, reason, source, now: web.now() };
    // What is wrong with the defaults is no fault of any row.
    defaults.ban("192.0.2.1".into()).parse(defaults.now).map_err(refused)?;
    let format = format(&headers)?;
    let upload = batches::upload(&web, body)?;
    let import = Import {
        bans: web.bans(who.actor()),
        is_confirmed: params.confirm,
        own: client.map(|client| client.0.0),
        counts: Counts::default(),
    };
    let body = match format {
        Format::List => {
            let open = move || BanList::open(Lines::new(Box::new(upload)), defaults);
            batches::run(import, open).await?
        }
        Format::Table(format) => {
            let open = move || BanRows::open(Lines::new(Box::new(upload)), format, defaults);
            batches::run(import, open).await?
        }
    };
    Ok(([(header::CONTENT_TYPE, NDJSON), (header::CACHE_CONTROL, "no-store")], body)
        .into_response())
}

enum Format {
    List,
    Table(TableFormat),
}

fn format(headers: &HeaderMap) -> Result<Format, Problem> {
    let expected = "text/plain, text/csv or application/x-ndjson";
    match media_type(headers, expected)?.as_str() {
        "text/plain" => Ok(Format::List),
        CSV => Ok(Format::Table(TableFormat::Csv)),
        NDJSON | "application/ndjson" | "application/jsonl" | "application/x-jsonlines" => {
            Ok(Format::Table(TableFormat::Json))
        }
        _ => Err(unsupported(&format!("the body must be {expected}"))),
    }
}

/// An import on its way.
struct Import {
    bans: BanService,
    is_confirmed: bool,
    /// The address that the request comes from.
    own: Option<IpAddr>,
    counts: Counts,
}

impl Importer for Import {
    type Item = BanIpWithMetadataParams;
    type Line = BanImportLine;

    async fn store(&mut self, batch: Vec<Row<Self::Item>>) -> Result<Vec<Self::Line>, Problem> {
        let mut good = Vec::with_capacity(batch.len());
        let mut rows = Vec::with_capacity(batch.len());
        for row in batch {
            rows.push((row.original.line, row.note, row.parsed.map(|ban| good.push(ban))));
        }
        let mut stored = match good.as_slice() {
            [] => Vec::new(),
            good if self.is_confirmed => self.bans.bulk_ban(good).await?.items,
            good => self.bans.bulk_ban_unconfirmed(good, self.own).await?.items,
        }
        .into_iter();
        let passed_over = || RowError::row("was passed over");
        let lines = rows.into_iter().map(|(line, note, row)| {
            let stored = row.and_then(|()| stored.next().ok_or_else(passed_over));
            self.counts.line(line, note, stored.map(|item| item.outcome))
        });
        Ok(lines.collect())
    }

    fn summary(&self, not_taken_over: Vec<&'static str>) -> BanImportLine {
        BanImportLine::Summary { counts: self.counts, not_taken_over }
    }

    fn error(problem: Problem) -> BanImportLine {
        BanImportLine::Error { problem }
    }
}

impl Counts {
    /// Counts a row, and says what became of it.
    fn line(
        &mut self,
        line: u64,
        note: Option<String>,
        outcome: Result<BulkBanOutcome, RowError>,
    ) -> BanImportLine {
        let (count, outcome, result) = match outcome {
            Ok(BulkBanOutcome::Banned(target)) => (&mut self.banned, "banned", Ok(target)),
            Ok(BulkBanOutcome::Extended(target)) => (&mut self.extended, "extended", Ok(target)),
            Ok(BulkBanOutcome::Existing(target)) => (&mut self.existing, "existing", Ok(target)),
            Ok(BulkBanOutcome::Refused(error)) => {
                (&mut self.refused, "refused", Err(RowError::from(error)))
            }
            Err(error) => (&mut self.refused, "refused", Err(error)),
        };
        *count += 1;
        self.rows += 1;
        let (target, field, reason) = match result {
            Ok(target) => (Some(target.to_string()), None, None),
            Err(error) => (None, Some(error.field), Some(error.reason)),
        };
        BanImportLine::Row { line, outcome, target, field, reason, note }
    }
}
