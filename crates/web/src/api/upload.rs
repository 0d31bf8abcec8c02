//! A body that is read piece by piece by a parser that knows nothing of runtimes.

use std::io::{self, BufRead, Read};
use std::time::Duration;

use axum::body::Body;
use axum::http::StatusCode;
use bytes::{Buf, Bytes};
use futures_util::StreamExt;
use tokio::sync::mpsc;

use crate::Problem;

/// How many pieces wait for the parser at the most.
const PIECES: usize = 4;

/// Why a body can't be read on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UploadError {
    /// The client has stopped sending in the middle.
    #[error("the body ended before its end")]
    Broken,
    /// The body is larger than the host allows.
    #[error("the body is too large")]
    TooLarge,
    /// Nothing came for longer than a request may take.
    #[error("the body came too slowly")]
    TooSlow,
}

impl From<UploadError> for Problem {
    fn from(error: UploadError) -> Self {
        match error {
            UploadError::Broken => Self::bad_request(error.to_string()),
            UploadError::TooLarge => {
                let title = "The body is too large";
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", title)
            }
            UploadError::TooSlow => {
                let title = "The body came too slowly";
                Self::new(StatusCode::REQUEST_TIMEOUT, "body_too_slow", title)
            }
        }
    }
}

/// The error of an [`Upload`] behind an error of reading.
pub(crate) fn cause(error: &io::Error) -> UploadError {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<UploadError>());
    inner.copied().unwrap_or(UploadError::Broken)
}

/// A body as a reader, for a thread that may block.
pub(crate) struct Upload {
    pieces: mpsc::Receiver<Result<Bytes, UploadError>>,
    piece: Bytes,
}

impl Upload {
    /// Reads at most `max` bytes, and waits at most `patience` for each piece. Whoever drops the reader ends the
    /// reading of the body.
    pub(crate) fn new(body: Body, max: usize, patience: Duration) -> Self {
        let (sender, pieces) = mpsc::channel(PIECES);
        tokio::spawn(forward(body, max, patience, sender));
        Self { pieces, piece: Bytes::new() }
    }
}

async fn forward(
    body: Body,
    max: usize,
    patience: Duration,
    sender: mpsc::Sender<Result<Bytes, UploadError>>,
) {
    let mut pieces = body.into_data_stream();
    let mut left = max;
    loop {
        let piece = match tokio::time::timeout(patience, pieces.next()).await {
            Ok(None) => return,
            Ok(Some(Ok(piece))) => match left.checked_sub(piece.len()) {
                Some(rest) => {
                    left = rest;
                    Ok(piece)
                }
                None => Err(UploadError::TooLarge),
            },
            Ok(Some(Err(_))) => Err(UploadError::Broken),
            Err(_) => Err(UploadError::TooSlow),
        };
        let is_last = piece.is_err();
        if sender.send(piece).await.is_err() || is_last {
            return;
        }
    }
}

impl BufRead for Upload {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.piece.is_empty() {
            match self.pieces.blocking_recv() {
                None => break,
                Some(Ok(piece)) => self.piece = piece,
                Some(Err(error)) => return Err(io::Error::other(error)),
            }
        }
        Ok(&self.piece)
    }

    fn consume(&mut self, amount: usize) {
        self.piece.advance(amount.min(self.piece.len()));
    }
}

impl Read for Upload {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(buffer)?;
        self.consume(read);
        Ok(read)
    }
}
