//! The rows of an import of bans: lists of addresses and networks, or CSV.

use chrono::{DateTime, Utc};
use systemprompt_users_domain::{BanDuration, BanIpParams, BanIpWithMetadataParams, IpTarget};

use super::duration;
use crate::api::input::{CsvTable, Fields, Line, Lines, ReadError, RowError};

/// The columns that an import understands; it takes no notice of the last two, which an export writes.
pub(super) const COLUMNS: [&str; 10] = [
    "target",
    "duration",
    "until",
    "reason",
    "source",
    "fingerprint",
    "offence_path",
    "user_agent",
    "ban_count",
    "banned_at",
];

/// A row: the line that it begins on, and what it means or what is wrong with it.
pub(super) type Row = (u64, Result<BanIpWithMetadataParams, RowError>);

/// Where rows come from.
pub(super) enum Rows {
    /// One address or network a line, with comments.
    List(Lines),
    /// CSV with a header.
    Csv(CsvTable, Lines),
}

impl Rows {
    /// The next row.
    pub(super) async fn next(&mut self, defaults: &Defaults) -> Result<Option<Row>, ReadError> {
        match self {
            Self::List(lines) => loop {
                let Some(line) = lines.next().await? else { return Ok(None) };
                let ban = match parse(&line) {
                    Ok(None) => continue,
                    Ok(Some(target)) => defaults.check(defaults.ban(target.to_string())),
                    Err(error) => Err(error),
                };
                return Ok(Some((line.number, ban)));
            },
            Self::Csv(table, lines) => {
                let Some((line, fields)) = table.next(lines).await? else { return Ok(None) };
                Ok(Some((line, fields.and_then(|fields| defaults.read(&fields)))))
            }
        }
    }
}

/// What holds for rows that do not say otherwise.
#[derive(Debug, Clone)]
pub(super) struct Defaults {
    pub(super) duration: BanDuration,
    pub(super) reason: Option<String>,
    pub(super) source: Option<String>,
    pub(super) now: DateTime<Utc>,
}

impl Defaults {
    /// A ban of `target` as the defaults say.
    pub(super) fn ban(&self, target: String) -> BanIpWithMetadataParams {
        BanIpWithMetadataParams::from(BanIpParams {
            ip: target,
            duration: self.duration,
            reason: self.reason.clone(),
            source: self.source.clone(),
        })
    }

    fn read(&self, fields: &Fields<'_>) -> Result<BanIpWithMetadataParams, RowError> {
        let text = |column: &str| fields.get(column).map(str::to_owned);
        let mut row = self.ban(text("target").unwrap_or_default());
        row.ban.duration = self.duration_of(fields)?;
        row.ban.reason = text("reason").or(row.ban.reason);
        row.ban.source = text("source").or(row.ban.source);
        row.fingerprint = text("fingerprint");
        row.offence_path = text("offence_path");
        row.user_agent = text("user_agent");
        self.check(row)
    }

    fn check(&self, row: BanIpWithMetadataParams) -> Result<BanIpWithMetadataParams, RowError> {
        let parsed = row.parse(self.now).map_err(RowError::from);
        parsed.map(|_| row).map_err(|error| match error.field.as_str() {
            "ip" => RowError { field: "target".into(), ..error },
            _ => error,
        })
    }

    fn duration_of(&self, fields: &Fields<'_>) -> Result<BanDuration, RowError> {
        let wrong = |reason| Err(RowError::new("until", reason));
        match (fields.get("until").map(str::trim), fields.get("duration")) {
            (Some(_), Some(_)) => wrong("a row has either a duration or an end, not both"),
            (Some("permanent"), None) => Ok(BanDuration::Permanent),
            (Some(until), None) => match DateTime::parse_from_rfc3339(until) {
                Err(_) => wrong("expected permanent, or a time such as 2026-01-31T12:00:00Z"),
                Ok(end) => match end.to_utc() - self.now {
                    rest if rest > chrono::Duration::zero() => Ok(BanDuration::For(rest)),
                    _ => wrong("is over already"),
                },
            },
            (None, Some(text)) => {
                duration::parse(text).map_err(|reason| RowError::new("duration", reason))
            }
            (None, None) => Ok(self.duration),
        }
    }
}

/// What a line of a list names; nothing when it is blank or a comment.
fn parse(line: &Line) -> Result<Option<IpTarget>, RowError> {
    if line.is_blank() || line.starts_with(b'#') || line.starts_with(b';') {
        return Ok(None);
    }
    if line.is_too_long {
        return Err(RowError::row("the line is longer than 64 KiB"));
    }
    let wrong = |reason| RowError::new("target", reason);
    let text = std::str::from_utf8(&line.bytes).map_err(|_| wrong("is not valid UTF-8"))?;
    let content = text.split(['#', ';']).next().unwrap_or_default();
    let mut words = content.split_whitespace();
    let target: IpTarget = words
        .next()
        .unwrap_or_default()
        .parse()
        .map_err(|error| RowError { field: "target".into(), ..RowError::from(error) })?;
    // Words behind it are a remark, unless they would change what is banned.
    if words.any(|word| word.starts_with('/') || word.parse::<IpTarget>().is_ok()) {
        return Err(wrong("expected one address or network a line"));
    }
    Ok(Some(target))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Option<String>, String> {
        let line = Line { number: 1, bytes: text.into(), is_too_long: false };
        parse(&line).map(|target| target.map(|t| t.to_string())).map_err(|error| error.reason)
    }

    #[test]
    fn remarks_are_passed_over() {
        for text in ["", "  ", "# all", " ; all", "#1.2.3.4"] {
            assert_eq!(read(text), Ok(None), "{text:?}");
        }
        for text in
            ["192.0.2.1", " 192.0.2.1\t", "192.0.2.1 # a", "192.0.2.1 ; SBL1", "192.0.2.1\t8"]
        {
            assert_eq!(read(text), Ok(Some("192.0.2.1".into())), "{text:?}");
        }
        assert_eq!(read("2001:DB8::/32 ; x"), Ok(Some("2001:db8::/32".into())));
    }

    #[test]
    fn two_targets_on_a_line_are_not_one() {
        for text in ["192.0.2.1 192.0.2.2", "192.0.2.0 255.255.255.0", "192.0.2.0 /24"] {
            assert!(read(text).unwrap_err().contains("one address"), "{text:?}");
        }
        for text in ["192.0.2.1-192.0.2.9", "192.0.2.256", "example.com"] {
            assert!(read(text).unwrap_err().contains("neither"), "{text:?}");
        }
    }
}
