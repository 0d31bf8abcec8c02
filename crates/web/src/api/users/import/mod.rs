//! Creating users from a stream of rows, with an answer for each row while the next ones are read.

mod answer;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use systemprompt_users_domain::{ApiScope, OnExisting};
use systemprompt_users_import::{
    Lines, Row, RowError, TableFormat, UserRow, UserRows, UserStore, UserStored,
};
use utoipa::{IntoParams, ToSchema};

use self::answer::{Counts, UserImportLine};
use super::users_of;
use crate::api::batches::{self, Importer};
use crate::api::errors::{AnyProblem, BodyProblem, ChangeProblem};
use crate::api::rows::{NDJSON, RowFormat};
use crate::auth::{Authorized, Write};
use crate::layers::LongRunning;
use crate::{Problem, QueryParams, Web};

/// How rows are imported.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ImportQuery {
    /// What to do with users who are there.
    #[serde(default)]
    #[param(inline, default = "keep")]
    on_existing: ExistingUsers,
    /// Do all that the import would, and keep nothing of it: a row that the import would refuse is refused.
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
/// `is_bot`, `status` and `legal_hold` may be there, and what else an export writes; the summary names what of that is
/// not taken over. CSV may be of commas, semicolons or tabs; JSON may also be a list of objects. A cell of an export that
/// begins with an apostrophe, so that no spreadsheet runs it, is read without it.
///
/// Rows are stored in batches while they come, each row whole: a user comes into being with its status, its hold and
/// its roles. The answer is one JSON object a line: one for each row, in the order of
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
    let upload = batches::upload(&web, body)?;
    let on_existing = match query.on_existing {
        ExistingUsers::Keep => OnExisting::Keep,
        ExistingUsers::Update => OnExisting::Update,
    };
    let store = UserStore::new(users_of(&web, &who), web.admin(who.actor()), on_existing);
    let import = Import {
        store: if query.dry_run { store.rehearsing() } else { store },
        may_hold: who.principal.allows(ApiScope::Admin),
        counts: Counts::default(),
    };
    let format = match format {
        RowFormat::Ndjson => TableFormat::Json,
        RowFormat::Csv => TableFormat::Csv,
    };
    let open = move || UserRows::open(Lines::new(Box::new(upload)), format);
    let body = batches::run(import, open).await?;
    let headers = [(header::CONTENT_TYPE, HeaderValue::from_static(NDJSON))];
    Ok((headers, body).into_response())
}

/// What is done with the rows.
struct Import {
    store: UserStore,
    may_hold: bool,
    counts: Counts,
}

impl Importer for Import {
    type Item = UserRow;
    type Line = UserImportLine;

    async fn store(&mut self, batch: Vec<Row<UserRow>>) -> Result<Vec<UserImportLine>, Problem> {
        let mut places = Vec::with_capacity(batch.len());
        let mut good = Vec::with_capacity(batch.len());
        for row in batch {
            let checked = row.parsed.and_then(|user| self.check(user));
            places.push((row.original.line, checked.map(|user| good.push(user))));
        }
        let mut stored = self.store.store(&good).await?.into_iter();
        let is_dry_run = self.store.is_rehearsing();
        let lines = places.into_iter().map(|(line, place)| match place {
            Err(error) => UserImportLine::refused(line, error),
            Ok(()) => {
                let passed_over = || UserStored::Refused(RowError::row("was passed over"));
                let stored = stored.next().unwrap_or_else(passed_over);
                UserImportLine::stored(line, stored, is_dry_run)
            }
        });
        let lines: Vec<UserImportLine> = lines.collect();
        self.counts.add(&lines);
        Ok(lines)
    }

    fn summary(&self, not_taken_over: Vec<&'static str>) -> UserImportLine {
        UserImportLine::Summary { counts: self.counts, not_taken_over }
    }

    fn error(problem: Problem) -> UserImportLine {
        UserImportLine::Error { problem }
    }
}

impl Import {
    fn check(&self, user: UserRow) -> Result<UserRow, RowError> {
        if user.legal_hold == Some(true) && !self.may_hold {
            return Err(RowError::new("legal_hold", "takes the scope `admin`"));
        }
        Ok(user)
    }
}
