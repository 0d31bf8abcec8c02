//! Lines of a body, whatever is in them: bounded, numbered, and put back when they were read too far.

use std::collections::VecDeque;

use axum::body::{Body, BodyDataStream};
use bytes::{Buf, Bytes, BytesMut};
use futures_util::StreamExt;

/// The longest line that is understood, in bytes.
pub(crate) const MAX_LINE: usize = 64 * 1024;

/// The mark that some programs put before UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Why a body can't be read on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReadError {
    /// The client has stopped sending in the middle.
    Broken,
    /// The body is larger than the host allows.
    TooLarge,
}

/// One line without its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    /// Its number, from 1.
    pub(crate) number: u64,
    /// What is in it; nothing when it is too long.
    pub(crate) bytes: Vec<u8>,
    /// Whether it is too long to be understood.
    pub(crate) is_too_long: bool,
}

impl Line {
    /// Whether nothing is in it.
    pub(crate) fn is_blank(&self) -> bool {
        !self.is_too_long && self.bytes.iter().all(u8::is_ascii_whitespace)
    }

    /// Whether it begins with that character, blanks aside.
    pub(crate) fn starts_with(&self, wanted: u8) -> bool {
        self.bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&wanted)
    }
}

/// Reads lines that end with LF or CRLF, and never holds more than a line and a piece of the body.
pub(crate) struct Lines {
    body: BodyDataStream,
    piece: Bytes,
    bytes_left: usize,
    number: u64,
    put_back: VecDeque<Line>,
}

impl Lines {
    /// The lines of a body of at most `max` bytes.
    pub(crate) fn new(body: Body, max: usize) -> Self {
        Self {
            body: body.into_data_stream(),
            piece: Bytes::new(),
            bytes_left: max,
            number: 0,
            put_back: VecDeque::new(),
        }
    }

    /// The next line.
    pub(crate) async fn next(&mut self) -> Result<Option<Line>, ReadError> {
        match self.put_back.pop_front() {
            Some(line) => Ok(Some(line)),
            None => self.read().await,
        }
    }

    /// Takes lines back that were read last; they come again in the same order.
    pub(crate) fn put_back(&mut self, lines: Vec<Line>) {
        for line in lines.into_iter().rev() {
            self.put_back.push_front(line);
        }
    }

    async fn read(&mut self) -> Result<Option<Line>, ReadError> {
        let mut bytes = BytesMut::new();
        let (mut has_read, mut is_too_long) = (false, false);
        loop {
            if self.piece.is_empty() && !self.fill().await? {
                break;
            }
            has_read = true;
            let end = self.piece.iter().position(|byte| *byte == b'\n');
            let part = self.piece.split_to(end.unwrap_or(self.piece.len()));
            // One more than fits is the CR of a line that just fits.
            is_too_long |= bytes.len() + part.len() > MAX_LINE + 1;
            if is_too_long {
                bytes.clear();
            } else {
                bytes.extend_from_slice(&part);
            }
            if end.is_some() {
                self.piece.advance(1);
                break;
            }
        }
        if !has_read {
            return Ok(None);
        }
        self.number += 1;
        let mut bytes: Vec<u8> = bytes.into();
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
        if self.number == 1 && bytes.starts_with(BYTE_ORDER_MARK) {
            bytes.drain(..BYTE_ORDER_MARK.len());
        }
        is_too_long |= bytes.len() > MAX_LINE;
        Ok(Some(Line { number: self.number, bytes, is_too_long }))
    }

    /// Takes the next piece of the body. Answers whether there was one.
    async fn fill(&mut self) -> Result<bool, ReadError> {
        while self.piece.is_empty() {
            match self.body.next().await {
                None => return Ok(false),
                Some(Err(_)) => return Err(ReadError::Broken),
                Some(Ok(piece)) => self.piece = piece,
            }
        }
        let left = self.bytes_left.checked_sub(self.piece.len());
        self.bytes_left = left.ok_or(ReadError::TooLarge)?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A body in pieces of that size.
    pub(crate) fn body(text: &[u8], piece: usize) -> Body {
        let pieces: Vec<Result<Vec<u8>, std::io::Error>> =
            text.chunks(piece).map(|piece| Ok(piece.to_vec())).collect();
        Body::from_stream(futures_util::stream::iter(pieces))
    }

    async fn lines(text: &[u8], piece: usize) -> Vec<(u64, Vec<u8>)> {
        let mut lines = Lines::new(body(text, piece), 1024 * 1024);
        let mut all = Vec::new();
        while let Some(line) = lines.next().await.unwrap() {
            all.push((line.number, line.bytes));
        }
        all
    }

    #[tokio::test]
    async fn ends_and_marks_are_no_content_wherever_the_pieces_end() {
        let expected: Vec<(u64, Vec<u8>)> =
            vec![(1, b"a".into()), (2, vec![]), (3, b"b\r".into()), (4, b"c".into())];
        for piece in 1..12 {
            assert_eq!(lines(b"\xEF\xBB\xBFa\r\n\nb\r\r\nc", piece).await, expected, "{piece}");
        }
        assert_eq!(lines(b"", 1).await, []);
        assert_eq!(lines(b"\n", 1).await, [(1, vec![])]);
    }

    #[tokio::test]
    async fn a_line_too_long_is_known_and_not_held() {
        let mut text = vec![b'x'; MAX_LINE];
        text.extend(b"\r\n");
        text.extend(vec![b'x'; MAX_LINE + 1]);
        text.extend(b"\nnext");
        let mut lines = Lines::new(body(&text, 1000), 1024 * 1024);
        let mut next = async || lines.next().await.unwrap().unwrap();
        assert!(!next().await.is_too_long);
        assert!(next().await.is_too_long);
        assert_eq!(next().await.bytes, b"next");
    }

    #[tokio::test]
    async fn a_body_has_its_bound() {
        let mut lines = Lines::new(body(b"1\n2\n3\n", 2), 4);
        assert_eq!(lines.next().await.unwrap().unwrap().number, 1);
        assert_eq!(lines.next().await.unwrap().unwrap().number, 2);
        assert_eq!(lines.next().await.unwrap_err(), ReadError::TooLarge);
    }
}
