//! The formats in which users are imported and exported as streams.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::Problem;
use crate::body::{media_type, unsupported};

/// The media type of [`RowFormat::Ndjson`].
pub(crate) const NDJSON: &str = "application/x-ndjson";

/// The media type of [`RowFormat::Csv`].
pub(crate) const CSV: &str = "text/csv";

/// A format of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RowFormat {
    /// One JSON object a line.
    Ndjson,
    /// Comma-separated values with a header.
    Csv,
}

impl RowFormat {
    /// The value of `Content-Type`.
    pub(crate) const fn content_type(self) -> HeaderValue {
        match self {
            Self::Ndjson => HeaderValue::from_static(NDJSON),
            Self::Csv => HeaderValue::from_static("text/csv; charset=utf-8; header=present"),
        }
    }

    /// The format that `Accept` asks for; without one, or where all will do, NDJSON.
    ///
    /// # Errors
    /// 406 when neither will do.
    pub(crate) fn accepted(headers: &HeaderMap) -> Result<Self, Problem> {
        let lines: Vec<&str> =
            headers.get_all(header::ACCEPT).iter().filter_map(|line| line.to_str().ok()).collect();
        if lines.is_empty() {
            return Ok(Self::Ndjson);
        }
        let ranges = lines.iter().flat_map(|line| line.split(',')).filter_map(media_range);
        // The most wanted one; of two as much wanted the first.
        let mut best: Option<(Self, f32)> = None;
        for (format, quality) in ranges {
            if quality > 0.0 && best.is_none_or(|(_, known)| quality > known) {
                best = Some((format, quality));
            }
        }
        best.map(|(format, _)| format).ok_or_else(|| {
            let title = "No such format";
            Problem::new(StatusCode::NOT_ACCEPTABLE, "not_acceptable", title)
                .detail(format!("there are {NDJSON} and {CSV}"))
                .field("Accept")
        })
    }

    /// The format that `Content-Type` names.
    ///
    /// # Errors
    /// 415 when it is neither.
    pub(crate) fn sent(headers: &HeaderMap) -> Result<Self, Problem> {
        let expected = format!("{NDJSON} or {CSV}");
        match media_type(headers, &expected)?.as_str() {
            NDJSON | "application/ndjson" | "application/jsonl" | "application/x-jsonlines" => {
                Ok(Self::Ndjson)
            }
            CSV => Ok(Self::Csv),
            _ => Err(unsupported(&format!("the body must be {expected}"))),
        }
    }
}

/// A format of ours and how much it is wanted, from one part of `Accept`.
fn media_range(part: &str) -> Option<(RowFormat, f32)> {
    let mut words = part.split(';').map(str::trim);
    let format = match words.next()?.to_ascii_lowercase().as_str() {
        NDJSON | "application/ndjson" | "application/jsonl" | "application/*" | "*/*" => {
            RowFormat::Ndjson
        }
        CSV | "text/*" => RowFormat::Csv,
        _ => return None,
    };
    let quality = words.find_map(|word| word.strip_prefix("q="));
    Some((format, quality.map_or(Some(1.0), |quality| quality.parse().ok())?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepted(accept: &'static str) -> Option<RowFormat> {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
        RowFormat::accepted(&headers).ok()
    }

    #[test]
    fn the_most_wanted_format_is_taken() {
        assert_eq!(RowFormat::accepted(&HeaderMap::new()).ok(), Some(RowFormat::Ndjson));
        assert_eq!(accepted("*/*"), Some(RowFormat::Ndjson));
        assert_eq!(accepted("text/csv"), Some(RowFormat::Csv));
        assert_eq!(accepted("application/x-ndjson;q=0.5, text/csv;q=0.9"), Some(RowFormat::Csv));
        assert_eq!(accepted("text/csv;q=0, */*;q=0.1"), Some(RowFormat::Ndjson));
        assert_eq!(accepted("image/png"), None);
    }
}
