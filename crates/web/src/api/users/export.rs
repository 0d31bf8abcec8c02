//! All users of a filter as a stream, in a form that an import takes.

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, StreamExt, TryStreamExt};
use systemprompt_users_domain::{Result, User, UserExport};
use systemprompt_users_import::{USER_EXPORT_COLUMNS, csv_row, user_cells};

use super::filter::{Order, filtered_query};
use crate::api::errors::AnyProblem;
use crate::api::rows::RowFormat;
use crate::auth::{Authorized, Read};
use crate::layers::LongRunning;
use crate::{Problem, QueryParams, Web};

/// How many users are sent in one piece at the most.
const PIECE: usize = 500;

filtered_query! {
    /// Which users are exported, in which order and format.
    ExportQuery {
        /// In which format; without it `Accept` decides.
        #[param(inline)]
        format: Option<RowFormat>,
        /// In which order.
        #[serde(default)]
        #[param(inline, default = "newest")]
        order: Order,
    }
}

/// All users of a filter as a stream: one JSON object a line, or CSV. A cell of CSV that a spreadsheet would run as a
/// formula has an apostrophe in front, which an import takes away. Where the storage fails on the way, the
/// connection is cut, so that half an export never looks whole.
#[utoipa::path(
    get,
    path = "/users/export",
    tag = "bulk",
    params(ExportQuery),
    responses(
        (status = 200, description = "The users", content((String = "application/x-ndjson"), (String = "text/csv"))),
        (status = 406, body = Problem, content_type = "application/problem+json", description = "No such format"),
        AnyProblem,
    ),
)]
pub(super) async fn export_users(
    who: Authorized<Read>,
    _: LongRunning,
    State(web): State<Web>,
    QueryParams(query): QueryParams<ExportQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let format = query.format.map_or_else(|| RowFormat::accepted(&headers), Ok)?;
    let users = web.users(who.actor()).list_all(query.filter(), query.order.into());
    let rows =
        users.map(move |user| user.map_err(Failed::Storage).and_then(|user| row(format, &user)));
    let mut pieces = rows
        .try_ready_chunks(PIECE)
        .map_ok(|rows| Bytes::from(rows.concat()))
        .map_err(|error| error.1)
        .boxed();
    // What fails at once is answered as a problem.
    let first = match pieces.next().await {
        Some(Err(Failed::Storage(error))) => return Err(error.into()),
        Some(Err(Failed::Format(_))) => return Err(Problem::internal()),
        first => first,
    };
    let lead = match format {
        RowFormat::Ndjson => None,
        RowFormat::Csv => Some(Ok(Bytes::from(csv_row(&USER_EXPORT_COLUMNS)))),
    };
    let body = Body::from_stream(stream::iter(lead).chain(stream::iter(first)).chain(pieces));
    let name = match format {
        RowFormat::Ndjson => "attachment; filename=\"users.ndjson\"",
        RowFormat::Csv => "attachment; filename=\"users.csv\"",
    };
    let headers = [
        (header::CONTENT_TYPE, format.content_type()),
        (header::CONTENT_DISPOSITION, axum::http::HeaderValue::from_static(name)),
    ];
    Ok((headers, body).into_response())
}

/// Why an export ends before its end.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error("the storage failed")]
    Storage(#[source] systemprompt_users_domain::UserError),
    #[error("a row could not be written")]
    Format(#[source] Box<dyn std::error::Error + Send + Sync>),
}

fn row(format: RowFormat, user: &User) -> Result<Vec<u8>, Failed> {
    match format {
        RowFormat::Ndjson => {
            let mut line = serde_json::to_vec(&UserExport::from(user))
                .map_err(|error| Failed::Format(Box::new(error)))?;
            line.push(b'\n');
            Ok(line)
        }
        RowFormat::Csv => Ok(csv_row(&user_cells(user))),
    }
}
