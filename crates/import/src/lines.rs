//! Lines of a file, whatever is in them: bounded, numbered, and put back when they were read too far.

use std::collections::VecDeque;
use std::io::{self, BufRead};

/// The longest line that is understood, in bytes.
pub const MAX_LINE: usize = 64 * 1024;

/// How much of a line that is too long is kept for the file of errors, in bytes.
const MAX_KEPT: usize = 16 * 1024 * 1024;

/// The mark that some programs put before UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// One line without its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its number, from 1.
    pub number: u64,
    /// What is in it.
    pub bytes: Vec<u8>,
}

impl Line {
    /// Whether it is too long to be understood.
    pub fn is_too_long(&self) -> bool {
        self.bytes.len() > MAX_LINE
    }

    /// Whether nothing is in it.
    pub fn is_blank(&self) -> bool {
        self.bytes.iter().all(u8::is_ascii_whitespace)
    }

    /// Whether it begins with that character, blanks aside.
    pub fn starts_with(&self, wanted: u8) -> bool {
        self.bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&wanted)
    }
}

/// Reads lines that end with LF or CRLF.
pub struct Lines {
    reader: Box<dyn BufRead>,
    number: u64,
    bytes_read: u64,
    put_back: VecDeque<Line>,
}

impl Lines {
    /// The lines of what `reader` reads.
    pub fn new(reader: Box<dyn BufRead>) -> Self {
        Self { reader, number: 0, bytes_read: 0, put_back: VecDeque::new() }
    }

    /// How much of the file has been read, in bytes.
    pub const fn bytes_read(&self) -> u64 {
        self.bytes_read
    }

    /// What the file begins with, without reading it.
    pub fn peek(&mut self) -> io::Result<&[u8]> {
        let bytes = self.reader.fill_buf()?;
        Ok(bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes))
    }

    /// The next line.
    pub fn read_line(&mut self) -> io::Result<Option<Line>> {
        match self.put_back.pop_front() {
            Some(line) => Ok(Some(line)),
            None => self.read(),
        }
    }

    /// Takes lines back that were read last; they come again in the same order.
    pub fn put_back(&mut self, lines: Vec<Line>) {
        for line in lines.into_iter().rev() {
            self.put_back.push_front(line);
        }
    }

    fn read(&mut self) -> io::Result<Option<Line>> {
        let mut bytes = Vec::new();
        let mut has_read = false;
        loop {
            let available = match self.reader.fill_buf() {
                Ok(available) => available,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if available.is_empty() {
                break;
            }
            has_read = true;
            let end = available.iter().position(|byte| *byte == b'\n');
            let part = end.and_then(|end| available.get(..end)).unwrap_or(available);
            let room = MAX_KEPT.saturating_sub(bytes.len());
            bytes.extend(part.iter().take(room));
            let used = end.map_or(available.len(), |end| end + 1);
            self.reader.consume(used);
            self.bytes_read += u64::try_from(used).unwrap_or_default();
            if end.is_some() {
                break;
            }
        }
        if !has_read {
            return Ok(None);
        }
        self.number += 1;
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
        if self.number == 1 && bytes.starts_with(BYTE_ORDER_MARK) {
            bytes.drain(..BYTE_ORDER_MARK.len());
        }
        Ok(Some(Line { number: self.number, bytes }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &[u8]) -> Vec<(u64, Vec<u8>)> {
        let mut lines = Lines::new(Box::new(io::Cursor::new(text.to_vec())));
        let mut all = Vec::new();
        while let Some(line) = lines.read_line().unwrap() {
            all.push((line.number, line.bytes));
        }
        all
    }

    #[test]
    fn ends_and_marks_are_no_content() {
        let expected: Vec<(u64, Vec<u8>)> =
            vec![(1, b"a".into()), (2, vec![]), (3, b"b\r".into()), (4, b"c".into())];
        assert_eq!(lines(b"\xEF\xBB\xBFa\r\n\nb\r\r\nc"), expected);
        assert_eq!(lines(b""), []);
        assert_eq!(lines(b"\n"), [(1, vec![])]);
    }

    #[test]
    fn a_line_too_long_is_kept_and_known() {
        let long = vec![b'x'; MAX_LINE + 1];
        let mut text = long.clone();
        text.extend(b"\nnext");
        let mut lines =
            Lines::new(Box::new(io::BufReader::with_capacity(7, io::Cursor::new(text))));
        let line = lines.read_line().unwrap().unwrap();
        assert!(line.is_too_long());
        assert_eq!(line.bytes, long);
        assert_eq!(lines.read_line().unwrap().unwrap(), Line { number: 2, bytes: b"next".into() });
    }

    #[test]
    fn what_is_put_back_comes_again_in_order() {
        let mut lines = Lines::new(Box::new(io::Cursor::new(b"1\n2\n3\n4\n".to_vec())));
        let read: Vec<Line> = (0..3).map(|_| lines.read_line().unwrap().unwrap()).collect();
        lines.put_back(read.iter().skip(1).cloned().collect());
        let numbers: Vec<u64> =
            std::iter::from_fn(|| lines.read_line().unwrap()).map(|line| line.number).collect();
        assert_eq!(numbers, [2, 3, 4]);
    }
}
