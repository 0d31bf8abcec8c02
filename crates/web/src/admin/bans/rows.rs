//! The rows of an uploaded file: a list of addresses and networks, or CSV with a header.

use chrono::{DateTime, Utc};
use systemprompt_users_domain::{
    BanDuration, BanIpParams, BanIpWithMetadataParams, IpTarget, Result, UserError,
};

use super::duration;

/// What holds for rows that do not say otherwise.
pub(super) struct Defaults {
    pub(super) duration: BanDuration,
    pub(super) reason: Option<String>,
    pub(super) source: String,
    pub(super) now: DateTime<Utc>,
}

/// A row: where it stands, what it says, and what it means or what is wrong with it.
pub(super) struct Row {
    pub(super) line: u64,
    pub(super) text: String,
    pub(super) ban: Result<(IpTarget, BanIpWithMetadataParams)>,
}

/// Reads every row.
///
/// # Errors
/// `Validation` of `file` when it is no text.
pub(super) fn read(file: &[u8], defaults: &Defaults) -> Result<Vec<Row>> {
    let file = std::str::from_utf8(file)
        .map_err(|_| UserError::validation("file", "must be a text file in UTF-8"))?;
    let file = file.trim_start_matches('\u{feff}');
    let header = file.lines().find(|line| !line.trim().is_empty()).unwrap_or("").to_lowercase();
    let is_csv = header.split(',').any(|column| column.trim().trim_matches('"') == "target");
    Ok(if is_csv { csv_rows(file, defaults) } else { list_rows(file, defaults) })
}

/// One address or network a line; what follows `#` is a comment.
fn list_rows(file: &str, defaults: &Defaults) -> Vec<Row> {
    let lines = (1..).zip(file.lines()).filter_map(|(line, text)| {
        let target = text.split('#').next().unwrap_or("").trim();
        let ban = || defaults.ban(target, defaults.duration, None, None);
        (!target.is_empty()).then(|| Row { line, text: shorten(target), ban: ban() })
    });
    lines.collect()
}

fn csv_rows(file: &str, defaults: &Defaults) -> Vec<Row> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(file.as_bytes());
    let header = reader.headers().cloned().unwrap_or_default();
    let header: Vec<String> = header.iter().map(|column| column.trim().to_lowercase()).collect();
    let rows = reader.records().map(|record| match record {
        Ok(record) => {
            let line = record.position().map_or(0, csv::Position::line);
            let text = shorten(&record.iter().collect::<Vec<_>>().join(", "));
            Row { line, text, ban: csv_row(&header, &record, defaults) }
        }
        Err(error) => Row {
            line: error.position().map_or(0, csv::Position::line),
            text: String::new(),
            ban: Err(UserError::validation("row", "is no CSV")),
        },
    });
    rows.collect()
}

fn csv_row(
    header: &[String],
    record: &csv::StringRecord,
    defaults: &Defaults,
) -> Result<(IpTarget, BanIpWithMetadataParams)> {
    let field = |name: &str| {
        let place = header.iter().position(|column| column == name)?;
        record.get(place).map(str::trim).filter(|text| !text.is_empty())
    };
    let length = match (field("duration"), field("until")) {
        (Some(_), Some(_)) => {
            let message = "a row has either a duration or an end, not both";
            return Err(UserError::validation("until", message));
        }
        (Some(text), None) => duration(text)?,
        (None, Some("permanent")) => BanDuration::Permanent,
        (None, Some(until)) => {
            let end = DateTime::parse_from_rfc3339(until).map_err(|_| {
                UserError::validation("until", "expected a time such as 2026-01-31T12:00:00Z")
            })?;
            BanDuration::For(end.to_utc() - defaults.now)
        }
        (None, None) => defaults.duration,
    };
    defaults.ban(field("target").unwrap_or(""), length, field("reason"), field("source"))
}

impl Defaults {
    fn ban(
        &self,
        target: &str,
        duration: BanDuration,
        reason: Option<&str>,
        source: Option<&str>,
    ) -> Result<(IpTarget, BanIpWithMetadataParams)> {
        let ban = BanIpParams {
            ip: target.to_owned(),
            duration,
            reason: reason.map(str::to_owned).or_else(|| self.reason.clone()),
            source: Some(source.unwrap_or(&self.source).to_owned()),
        };
        let ban = BanIpWithMetadataParams::from(ban);
        let offence = ban.parse(self.now)?;
        Ok((offence.target, ban))
    }
}

fn shorten(text: &str) -> String {
    text.chars().take(120).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(file: &str) -> Vec<(u64, Result<String, Option<&'static str>>)> {
        let defaults = Defaults {
            duration: BanDuration::Days(7),
            reason: None,
            source: "file".into(),
            now: DateTime::UNIX_EPOCH,
        };
        let rows = read(file.as_bytes(), &defaults).unwrap().into_iter();
        rows.map(|row| {
            let ban = row.ban.map(|(target, ban)| format!("{target} {:?}", ban.ban.duration));
            (row.line, ban.map_err(|error| error.field()))
        })
        .collect()
    }

    #[test]
    fn a_list_is_read_line_by_line_with_comments() {
        let rows = rows("# bad ones\n10.0.0.1\n\n 10.1.0.0/16 # a network\nnonsense\n");
        let seven = "Days(7)";
        assert_eq!(
            rows,
            [
                (2, Ok(format!("10.0.0.1 {seven}"))),
                (4, Ok(format!("10.1.0.0/16 {seven}"))),
                (5, Err(Some("ip"))),
            ]
        );
    }

    #[test]
    fn a_table_says_more_of_each_row() {
        let rows = rows(
            "Target,duration,until\n10.0.0.1,permanent,\n10.0.0.2,,1960-01-01T00:00:00Z\n10.0.0.3,7x,\n,,\n10.0.0.4,7d,permanent\n",
        );
        assert_eq!(
            rows,
            [
                (2, Ok("10.0.0.1 Permanent".into())),
                (3, Err(Some("duration"))),
                (4, Err(Some("duration"))),
                (5, Err(Some("ip"))),
                (6, Err(Some("until"))),
            ]
        );
    }
}
