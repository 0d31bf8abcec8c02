//! Users from JSONL: one object a line. Blank lines and lines that begin with `#` are passed over.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde_json::{Map, Value};

use crate::lines::{Line, Lines};
use crate::row::{ERROR_COLUMNS, Original, Row, RowError, Rows};
use crate::user_row::{COLUMNS, EXPORTED, UserRow};

/// Rows of a JSONL file.
pub struct UserJsonl {
    lines: Lines,
}

impl UserJsonl {
    /// The rows of a file.
    pub fn new(lines: Lines) -> Self {
        Self { lines }
    }
}

impl Rows for UserJsonl {
    type Item = UserRow;

    fn next(&mut self) -> io::Result<Option<Row<UserRow>>> {
        let line = loop {
            match self.lines.read_line()? {
                None => return Ok(None),
                Some(line) if line.is_blank() || line.starts_with(b'#') => {}
                Some(line) => break line,
            }
        };
        let parsed = parse(&line);
        Ok(Some(Row { original: Original { line: line.number, bytes: line.bytes }, parsed }))
    }

    fn bytes_read(&self) -> u64 {
        self.lines.bytes_read()
    }

    fn start_errors(&self, _: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }

    fn keep(&self, row: &Original, error: &RowError, out: &mut dyn Write) -> io::Result<()> {
        let values: [Value; 3] =
            [row.line.into(), error.field.clone().into(), error.reason.clone().into()];
        let errors = ERROR_COLUMNS.into_iter().zip(values);
        match serde_json::from_slice::<Map<String, Value>>(&row.bytes) {
            Ok(mut members) => {
                for (name, value) in errors {
                    members.insert(name.to_owned(), value);
                }
                serde_json::to_writer(&mut *out, &members)?;
            }
            Err(_) => {
                // It is no object that could hold members: what is wrong goes into a comment above it.
                out.write_all(b"#")?;
                for (name, value) in errors {
                    write!(out, " {name}={value}")?;
                }
                out.write_all(b"\n")?;
                out.write_all(&row.bytes)?;
            }
        }
        out.write_all(b"\n")
    }
}

fn parse(line: &Line) -> Result<UserRow, RowError> {
    if line.is_too_long() {
        return Err(RowError::too_long());
    }
    let text = std::str::from_utf8(&line.bytes).map_err(|_| RowError::row("is not valid UTF-8"))?;
    let members: Map<String, Value> = serde_json::from_str(text).map_err(|error| {
        RowError::row(format!("is not a JSON object, at column {}", error.column()))
    })?;
    let mut fields = BTreeMap::new();
    for (name, value) in members {
        let known = COLUMNS.contains(&name.as_str());
        if !known && !EXPORTED.contains(&name.as_str()) && !ERROR_COLUMNS.contains(&name.as_str()) {
            return Err(RowError::new(name, "is not a member that is known"));
        }
        if known && let Some(text) = plain(&name, value)? {
            fields.insert(name, text);
        }
    }
    UserRow::read(|name| {
        fields.get(name).map(String::as_str).filter(|text| !text.trim().is_empty())
    })
}

/// A member as the text that a CSV file would have; null is none.
fn plain(name: &str, value: Value) -> Result<Option<String>, RowError> {
    let is_flag = matches!(name, "email_verified" | "is_bot" | "legal_hold");
    match value {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text)),
        Value::Bool(yes) if is_flag => Ok(Some(yes.to_string())),
        Value::Array(words) if name == "roles" => {
            let words: Option<Vec<&str>> = words.iter().map(Value::as_str).collect();
            let words = words.ok_or_else(|| RowError::new(name, "expected a list of words"))?;
            Ok(Some(words.join(",")))
        }
        _ if is_flag => Err(RowError::new(name, "expected true or false")),
        _ => Err(RowError::new(name, "expected a text")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<Result<UserRow, RowError>> {
        let lines = Lines::new(Box::new(io::Cursor::new(text.as_bytes().to_vec())));
        let mut rows = UserJsonl::new(lines);
        std::iter::from_fn(|| rows.next().unwrap()).map(|row| row.parsed).collect()
    }

    fn error(text: &str) -> (String, String) {
        let error = read(text).pop().unwrap().unwrap_err();
        (error.field, error.reason)
    }

    #[test]
    fn an_object_is_a_user() {
        let text = r#"{"name": "ada", "email": "ada@example.com", "full_name": null,
            "roles": ["admin", "user"], "is_bot": true, "error_line": 7, "id": "whatever"}"#;
        let rows = read(&format!("# a comment\n\n{}\n", text.replace('\n', " ")));
        let row = rows[0].as_ref().unwrap();
        assert_eq!((row.params.roles.len(), row.params.is_bot), (2, true));
        assert_eq!(row.params.full_name, None);
    }

    #[test]
    fn the_member_at_fault_is_named() {
        assert_eq!(error(r#"{"name": "ada"}"#).0, "email");
        assert_eq!(error(r#"{"name": 7, "email": "a@b.example"}"#).0, "name");
        assert_eq!(error(r#"{"name": "a", "phone": 1}"#).0, "phone");
        assert_eq!(
            error(r#"{"name": "a", "email": "a@b.example", "is_bot": "perhaps"}"#).0,
            "is_bot"
        );
        assert_eq!(error(r#"{"name": "a", "email": "a@b.example", "roles": ["root"]}"#).0, "roles");
        assert_eq!(error("[1]").0, "row");
        assert_eq!(error(r#"{"name": "#).0, "row");
    }

    #[test]
    fn refused_lines_are_kept_so_that_they_can_be_read_again() {
        let rows = UserJsonl::new(Lines::new(Box::new(io::empty())));
        let mut kept = Vec::new();
        for bytes in [r#"{"name":"ada","error_line":1}"#, "{oops"] {
            let original = Original { line: 3, bytes: bytes.into() };
            rows.keep(&original, &RowError::new("email", "is \"missing\""), &mut kept).unwrap();
        }
        assert_eq!(
            String::from_utf8(kept).unwrap(),
            "{\"error_field\":\"email\",\"error_line\":3,\"error_reason\":\"is \\\"missing\\\"\",\"name\":\"ada\"}\n\
             # error_line=3 error_field=\"email\" error_reason=\"is \\\"missing\\\"\"\n{oops\n"
        );
    }
}
