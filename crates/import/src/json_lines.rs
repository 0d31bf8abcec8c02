//! The objects of a JSON file: one a line, or the items of a list, however they are laid out.

use std::io;

use crate::json_object;
use crate::lines::{Line, Lines, MAX_LINE};
use crate::row::RowError;

/// Reads object after object, as lines.
pub(crate) struct JsonLines {
    lines: Lines,
    layout: Layout,
}

enum Layout {
    /// One object a line, blank lines and comments between them.
    Lines,
    /// A list `[...]`, a document `{"items": [...]}`, or objects over several lines.
    Spread(Scanner),
}

impl JsonLines {
    /// Looks at how the file begins.
    pub(crate) fn open(mut lines: Lines) -> io::Result<Self> {
        let layout = match depth_of_items(&mut lines)? {
            None => Layout::Lines,
            Some(depth) => Layout::Spread(Scanner::new(depth)),
        };
        Ok(Self { lines, layout })
    }

    /// The first line that is not blank and no comment.
    pub(crate) fn peek(&mut self) -> io::Result<Option<Line>> {
        self.lines.peek(is_comment)
    }

    /// The next object, or whatever stands in its place, on the line that it begins on.
    pub(crate) fn next(&mut self) -> io::Result<Option<(Line, Result<(), RowError>)>> {
        match &mut self.layout {
            Layout::Spread(scanner) => scanner.next(&mut self.lines),
            Layout::Lines => loop {
                match self.lines.read_line()? {
                    None => return Ok(None),
                    Some(line) if line.is_blank() || is_comment(&line) => {}
                    Some(line) => return Ok(Some((line, Ok(())))),
                }
            },
        }
    }

    pub(crate) fn bytes_read(&self) -> u64 {
        self.lines.bytes_read()
    }
}

fn is_comment(line: &Line) -> bool {
    line.starts_with(b'#')
}

/// How deep in brackets the objects stand, where they are not one a line.
fn depth_of_items(lines: &mut Lines) -> io::Result<Option<usize>> {
    let Some(first) = lines.peek(is_comment)? else { return Ok(None) };
    let mut start = compact(&first.bytes);
    if start.starts_with(b"[") {
        return Ok(Some(1));
    }
    if start != b"{" && start != b"{\"items\":" {
        return Ok(start.starts_with(b"{\"items\":[").then_some(2));
    }
    // An object that goes on in the next lines.
    let mut read = Vec::new();
    while start.len() < 10
        && let Some(line) = lines.read_line()?
    {
        if line.number > first.number {
            start.extend(compact(&line.bytes));
        }
        read.push(line);
    }
    lines.put_back(read);
    Ok(Some(if start.starts_with(b"{\"items\":[") { 2 } else { 0 }))
}

/// The bytes without blanks, as far as it takes to tell what they begin.
fn compact(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().filter(|byte| !byte.is_ascii_whitespace()).take(16).copied().collect()
}

/// Finds where objects begin and end, without understanding them.
struct Scanner {
    /// How many brackets are open around the objects.
    items_at: usize,
    depth: usize,
    in_string: bool,
    is_escaped: bool,
    /// The line that is read, and how far.
    line: Line,
    at: usize,
    /// What of an object has been read.
    item: Option<Line>,
    is_over: bool,
}

impl Scanner {
    fn new(items_at: usize) -> Self {
        Self {
            items_at,
            depth: 0,
            in_string: false,
            is_escaped: false,
            line: Line { number: 0, bytes: Vec::new() },
            at: 0,
            item: None,
            is_over: false,
        }
    }

    fn next(&mut self, lines: &mut Lines) -> io::Result<Option<(Line, Result<(), RowError>)>> {
        if self.is_over {
            return Ok(None);
        }
        loop {
            let Some(byte) = self.line.bytes.get(self.at).copied() else {
                let Some(line) = lines.read_line()? else { return Ok(self.end()) };
                self.push(b'\n');
                let is_between = self.item.is_none() && self.depth <= self.items_at;
                self.at = if is_between && is_comment(&line) { line.bytes.len() } else { 0 };
                self.line = line;
                continue;
            };
            self.at += 1;
            if self.in_string {
                self.push(byte);
                self.in_string = self.is_escaped || byte != b'"';
                self.is_escaped = !self.is_escaped && byte == b'\\';
                continue;
            }
            match byte {
                b',' if self.depth == self.items_at => {
                    if let Some(item) = self.item.take() {
                        return Ok(Some((item, Ok(()))));
                    }
                }
                b'{' | b'[' => {
                    if self.depth >= self.items_at {
                        self.push(byte);
                    }
                    self.depth += 1;
                }
                b'}' | b']' => {
                    if self.depth <= self.items_at && self.items_at > 0 {
                        return self.close(lines);
                    }
                    self.push(byte);
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth == 0
                        && let Some(item) = self.item.take()
                    {
                        return Ok(Some((item, Ok(()))));
                    }
                }
                b'"' => {
                    self.in_string = true;
                    self.push(byte);
                }
                byte => self.push(byte),
            }
        }
    }

    /// Adds a byte to the object that is read; an object begins with what is no blank.
    fn push(&mut self, byte: u8) {
        if self.item.is_none() {
            if self.depth < self.items_at || byte.is_ascii_whitespace() {
                return;
            }
            self.item = Some(Line { number: self.line.number, bytes: Vec::new() });
        }
        if let Some(item) = self.item.as_mut().filter(|item| item.bytes.len() <= MAX_LINE) {
            item.bytes.push(byte);
        }
    }

    /// The end of the list; what follows it says whether it is the whole list.
    fn close(&mut self, lines: &mut Lines) -> io::Result<Option<(Line, Result<(), RowError>)>> {
        if let Some(item) = self.item.take() {
            // The bracket is read again, behind the last object.
            self.at -= 1;
            return Ok(Some((item, Ok(()))));
        }
        self.is_over = true;
        let number = self.line.number;
        let mut rest = self.line.bytes.get(self.at..).unwrap_or_default().to_vec();
        while rest.len() <= MAX_LINE
            && let Some(line) = lines.read_line()?
        {
            rest.extend(line.bytes);
        }
        let rest = String::from_utf8_lossy(&rest).trim().to_owned();
        let reason = if self.items_at == 1 {
            if rest.is_empty() {
                return Ok(None);
            } else {
                "something stands behind the end of the list"
            }
        } else {
            let members = format!("{{{}", rest.trim_start_matches(','));
            match json_object::parse(members.as_bytes()) {
                Ok(members) if members.get("next").is_none_or(serde_json::Value::is_null) => {
                    return Ok(None);
                }
                Ok(_) => {
                    "the file is one page of a longer list, the rest is missing: export all of it"
                }
                Err(_) => "something stands behind the end of the list",
            }
        };
        Ok(Some((Line { number, bytes: rest.into_bytes() }, Err(RowError::row(reason)))))
    }

    /// The end of the file.
    fn end(&mut self) -> Option<(Line, Result<(), RowError>)> {
        self.is_over = true;
        let is_whole = self.depth == 0 && self.items_at == 0 && self.item.is_none();
        let line = self.item.take().unwrap_or(Line { number: self.line.number, bytes: Vec::new() });
        (!is_whole).then(|| {
            (line, Err(RowError::row("the file ends in the middle of a list or an object")))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(u64, String)> {
        let reader = io::BufReader::with_capacity(5, io::Cursor::new(text.as_bytes().to_vec()));
        let mut all = JsonLines::open(Lines::new(Box::new(reader))).unwrap();
        let mut rows = Vec::new();
        while let Some((line, outcome)) = all.next().unwrap() {
            let text = match outcome {
                Ok(()) => String::from_utf8(line.bytes).unwrap().replace('\n', ""),
                Err(error) => error.reason,
            };
            rows.push((line.number, text.trim().to_owned()));
        }
        rows
    }

    #[test]
    fn objects_are_found_in_every_layout() {
        let (a, b) = (r#"{"a": "[}\"{", "c": [{}]}"#, r#"{"b": {"d": [1, 2]}}"#);
        for text in [
            format!("# remark\n\n{a}\n{b}\n"),
            format!("[{a},{b}]"),
            format!("[\n  {a},\n  {b}\n]\n"),
            format!("{{\"items\": [\n  {a},\n  {b}\n], \"next\": null}}\n"),
            format!("{{\"items\":[{a},{b}]}}"),
            format!("{{\n \"items\":\n [{a},{b}],\n \"next\": null, \"x\": {{}}\n}}"),
        ] {
            let found: Vec<String> = read(&text).into_iter().map(|(_, text)| text).collect();
            assert_eq!(found, [a, b], "{text}");
        }
        assert_eq!(
            read("{\n \"a\": 1\n}\n{\n\"b\": 2}\n"),
            [(1, "{ \"a\": 1}".into()), (4, "{\"b\": 2}".into())]
        );
        assert_eq!(read("[]"), []);
        assert_eq!(read("{\"items\": [], \"next\": null}\n"), []);
    }

    #[test]
    fn nothing_is_left_out_unsaid() {
        let last = |text: &str| read(text).pop().unwrap().1;
        assert!(last("{\"items\": [{}], \"next\": \"abc\"}").contains("one page of a longer list"));
        assert!(last("[{}] [{}]").contains("behind the end"));
        assert!(last("[{},").contains("ends in the middle"));
        assert!(last("[{\"a\": \"").contains("ends in the middle"));
        assert_eq!(
            read("[1, {}, \"x\"]"),
            [(1, "1".into()), (1, "{}".into()), (1, "\"x\"".into())]
        );
    }
}
