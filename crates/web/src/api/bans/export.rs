//! The bans in force as a stream, in forms that an import takes.

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use futures_util::stream;
use serde::Deserialize;
use systemprompt_users_application::BanService;
use systemprompt_users_domain::{BannedIp, Page, PageLimit, PageRequest, Result};
use systemprompt_users_import::{BAN_EXPORT_COLUMNS, ban_cells, csv_row};
use utoipa::{IntoParams, ToSchema};

use super::dto::BanBody;
use crate::api::errors::AnyProblem;
use crate::api::schema::FilledLine;
use crate::auth::{Authorized, Bans};
use crate::layers::LongRunning;
use crate::{Problem, QueryParams, Web};

/// How bans are written.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum ExportFormat {
    /// One JSON object a line.
    #[default]
    Ndjson,
    /// CSV with a header.
    Csv,
    /// One address or network a line.
    List,
}

/// What is exported.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ExportParams {
    /// One JSON object a line, CSV with a header, or one address or network a line.
    #[serde(default)]
    #[param(inline, default = "ndjson")]
    format: ExportFormat,
    /// Only those that this source reported.
    #[param(value_type = Option<FilledLine>)]
    source: Option<String>,
}

/// All bans in force, as a stream that can be imported again. A cell of CSV that a spreadsheet would run as a formula has
/// an apostrophe in front, which an import takes away. When the storage fails half way, the
/// connection is closed before the stream has ended.
#[utoipa::path(
    get,
    path = "/bans/export",
    tag = "bans",
    params(ExportParams),
    responses(
        (status = 200, description = "The bans", content(
            (BanBody = "application/x-ndjson"),
            (String = "text/csv"),
            (String = "text/plain"),
        )),
        AnyProblem,
    ),
)]
pub(super) async fn export_bans(
    who: Authorized<Bans>,
    _: LongRunning,
    State(web): State<Web>,
    QueryParams(params): QueryParams<ExportParams>,
) -> std::result::Result<Response, Problem> {
    let (format, now) = (params.format, web.now());
    let export = Export { bans: web.bans(who.actor()), source: params.source };
    // The first page is read before the answer begins, so that what is wrong gets its status.
    let first = export.page(None).await?;
    let head =
        if matches!(format, ExportFormat::Csv) { csv_row(&BAN_EXPORT_COLUMNS) } else { Vec::new() };
    let pages = stream::try_unfold(Some((export, first, head)), move |state| async move {
        let Some((export, page, mut bytes)) = state else { return Ok::<_, axum::Error>(None) };
        page.items.into_iter().for_each(|ban| write(&mut bytes, format, ban, now));
        let next = match page.next {
            None => None,
            next => {
                let page = export.page(next).await.map_err(axum::Error::new)?;
                Some((export, page, Vec::new()))
            }
        };
        Ok(Some((Bytes::from(bytes), next)))
    });
    let media_type = match format {
        ExportFormat::Ndjson => "application/x-ndjson",
        ExportFormat::Csv => "text/csv; charset=utf-8",
        ExportFormat::List => "text/plain; charset=utf-8",
    };
    Ok(([(header::CONTENT_TYPE, media_type)], Body::from_stream(pages)).into_response())
}

struct Export {
    bans: BanService,
    source: Option<String>,
}

impl Export {
    async fn page(
        &self,
        after: Option<systemprompt_users_domain::Cursor>,
    ) -> Result<Page<BannedIp>> {
        let request = PageRequest { after, limit: PageLimit::MAX };
        match &self.source {
            Some(source) => self.bans.list_bans_by_source(source, &request).await,
            None => self.bans.list_active_bans(&request).await,
        }
    }
}

fn write(bytes: &mut Vec<u8>, format: ExportFormat, ban: BannedIp, now: DateTime<Utc>) {
    match format {
        ExportFormat::List => bytes.extend(format!("{}\n", ban.target).into_bytes()),
        ExportFormat::Ndjson => {
            // A ban is plain data, and a vector takes all that is written to it.
            let _ = serde_json::to_writer(&mut *bytes, &BanBody::new(ban, now));
            bytes.push(b'\n');
        }
        ExportFormat::Csv => bytes.extend(csv_row(&ban_cells(&ban))),
    }
}
