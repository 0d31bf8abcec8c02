//! Banning everything in an uploaded file, with a report per bad row.

use std::net::IpAddr;

use askama::Template;
use axum::extract::State;
use axum::extract::multipart::{Multipart, MultipartError, MultipartRejection};
use axum::http::StatusCode;
use systemprompt_users_application::{BulkBanOutcome, MAX_BULK_ITEMS};
use systemprompt_users_domain::{Result, UserError};
use systemprompt_users_import::BanDefaults;

use super::super::error::{PageError, PageResult};
use super::super::form::{Fields, FormView, check_csrf, too_large};
use super::super::layout::{Layout, Section, page};
use super::super::session::Admin;
use super::super::text::{counted, grouped, sentence, size};
use super::list::{self, Forms};
use super::rows::{self, Row};
use crate::{ClientIp, Problem, Web};

/// So many bad rows are shown one by one.
const MAX_SHOWN: usize = 200;

#[derive(Template)]
#[template(path = "admin/ban_import.html")]
struct ReportPage {
    layout: Layout,
    summary: Vec<String>,
    bad: Vec<BadRow>,
    unshown: String,
}

struct BadRow {
    line: u64,
    text: String,
    problem: String,
}

/// A form with a file.
struct Upload {
    fields: Fields,
    file: Vec<u8>,
}

pub(super) async fn import(
    State(web): State<Web>,
    admin: Admin,
    address: Result<ClientIp, Problem>,
    body: Result<Multipart, MultipartRejection>,
) -> PageResult {
    let body = body.map_err(|_| {
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        PageError::new(status, "This is no form", "Go back and send the form of the page.")
    })?;
    let (address, mut upload) = (address?, Upload::read(body).await?);
    check_csrf(&admin, &upload.fields)?;
    match try_import(&web, &admin, address, &mut upload).await {
        Ok(report) => page(&report),
        Err(error) => {
            let names = [("duration", "duration"), ("reason", "reason"), ("file", "file")];
            let (status, form) = FormView::refused(upload.fields, error, &names)?;
            let forms = Forms { import: form, ..Forms::default() };
            list::render(&web, &admin, address, (status, forms), &Fields::default()).await
        }
    }
}

impl Upload {
    async fn read(mut body: Multipart) -> Result<Self, PageError> {
        let mut upload = Self { fields: Fields::default(), file: Vec::new() };
        while let Some(part) = body.next_field().await.map_err(|error| unread(&error))? {
            let name = part.name().unwrap_or("").to_owned();
            let content = part.bytes().await.map_err(|error| unread(&error))?;
            match name.as_str() {
                "file" => upload.file = content.into(),
                name => upload.fields.push(name, String::from_utf8_lossy(&content)),
            }
        }
        Ok(upload)
    }
}

fn unread(error: &MultipartError) -> PageError {
    match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => too_large(),
        _ => Problem::bad_request("send the form again").into(),
    }
}

async fn try_import(
    web: &Web,
    admin: &Admin,
    ClientIp(address): ClientIp,
    upload: &mut Upload,
) -> Result<ReportPage> {
    let defaults = BanDefaults {
        duration: upload.fields.get("duration").parse()?,
        reason: upload.fields.filled("reason").map(str::to_owned),
        source: Some("admin pages".into()),
        now: web.now(),
    };
    // A reason that can't be kept is no fault of any row.
    defaults.ban("192.0.2.1".into()).parse(defaults.now)?;
    let rows = rows::read(std::mem::take(&mut upload.file), defaults)?;
    if rows.is_empty() {
        return Err(UserError::validation("file", "choose a file with at least one address"));
    }
    if rows.len() > MAX_BULK_ITEMS {
        let message = format!("holds more than {MAX_BULK_ITEMS} rows; import it in parts");
        return Err(UserError::validation("file", message));
    }
    // What has to be confirmed is refused row by row.
    let own = (!upload.fields.is_ticked("confirm")).then_some(address);
    store(web, admin, rows, own).await
}

async fn store(
    web: &Web,
    admin: &Admin,
    rows: Vec<Row>,
    unconfirmed_from: Option<IpAddr>,
) -> Result<ReportPage> {
    let (mut bad, mut bans, mut places) = (Vec::new(), Vec::new(), Vec::new());
    let notes = rows.iter().filter(|row| row.note.is_some()).count();
    for row in rows {
        let (line, text) = (row.line, row.text);
        if let Some(note) = row.note {
            bad.push(BadRow { line, text: text.clone(), problem: sentence(note) });
        }
        match row.ban {
            Ok(ban) => {
                bans.push(ban);
                places.push((line, text));
            }
            Err(error) => {
                let problem = sentence(format!("{}: {}", error.field, error.reason));
                bad.push(BadRow { line, text, problem });
            }
        }
    }
    let service = web.bans(admin.actor());
    let report = match unconfirmed_from {
        Some(own) => service.bulk_ban_unconfirmed(&bans, Some(own)).await?,
        None => service.bulk_ban(&bans).await?,
    };
    let (mut banned, mut extended, mut existing) = (0, 0, 0);
    for (item, (line, text)) in report.items.iter().zip(places) {
        match &item.outcome {
            BulkBanOutcome::Banned(_) => banned += 1,
            BulkBanOutcome::Extended(_) => extended += 1,
            BulkBanOutcome::Existing(_) => existing += 1,
            BulkBanOutcome::Refused(error) => {
                bad.push(BadRow { line, text, problem: sentence(error.to_string()) });
            }
        }
    }
    bad.sort_by_key(|row| row.line);
    let count = bad.len() - notes;
    let told = bad.len();
    bad.truncate(MAX_SHOWN);
    Ok(ReportPage {
        layout: Layout::new("Import of bans", Section::Bans, admin),
        summary: vec![
            format!("{} banned", counted(banned, "target")),
            format!("{} banned for longer", grouped(extended)),
            format!("{} banned already", grouped(existing)),
            format!("{} left out", counted(size(count), "row")),
        ],
        unshown: if told > bad.len() { grouped(size(told - bad.len())) } else { String::new() },
        bad,
    })
}
