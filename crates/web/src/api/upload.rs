//! A body that is read piece by piece by a parser that knows nothing of runtimes.

use std::io::{self, BufRead, Read};
use std::time::Duration;

use axum::body::Body;
use axum::http::StatusCode;
use bytes::{Buf, Bytes};
use futures_util::StreamExt;
use tokio::sync::mpsc;
use tokio::time::error::Elapsed;
use tokio::time::{Instant, timeout};

use crate::Problem;

/// How many pieces wait for the parser at the most.
const PIECES: usize = 4;

/// How many bytes a second a client must send on the whole, so that one that dribbles makes room for others.
const SLOWEST: u32 = 256;

/// Why a body can't be read on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UploadError {
    /// The client has stopped sending in the middle.
    #[error("the body ended before its end")]
    Broken,
    /// The body is larger than the host allows.
    #[error("the body is too large")]
    TooLarge,
    /// Nothing came for longer than a request may take, or too little on the whole.
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
    /// Reads at most `max` bytes, and waits at most `patience` for each piece; for all of them together so long, and
    /// a second more for every [`SLOWEST`] bytes that came. Whoever drops the reader ends the reading of the body.
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
    let mut waits = Waits { patience, left: patience };
    loop {
        let piece = match waits.wait(pieces.next()).await {
            Ok(None) => return,
            Ok(Some(Ok(piece))) => match left.checked_sub(piece.len()) {
                Some(rest) => {
                    left = rest;
                    waits.earn(piece.len());
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

/// How long is still waited for a client. What the parser or the storage takes does not count.
struct Waits {
    patience: Duration,
    left: Duration,
}

impl Waits {
    async fn wait<T>(&mut self, next: impl Future<Output = T>) -> Result<T, Elapsed> {
        let began = Instant::now();
        let next = timeout(self.patience.min(self.left), next).await;
        self.left = self.left.saturating_sub(began.elapsed());
        next
    }

    fn earn(&mut self, bytes: usize) {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        self.left = self.left.saturating_add(Duration::from_secs(1) * bytes / SLOWEST);
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

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    /// How an upload of `count` pieces ends, one every `pause`.
    async fn dribbled(count: usize, piece: &'static [u8], pause: Duration) -> io::Result<usize> {
        let pieces = stream::iter(0..count).then(move |_| async move {
            tokio::time::sleep(pause).await;
            Ok::<_, io::Error>(Bytes::from_static(piece))
        });
        let (sender, mut received) = mpsc::channel(PIECES);
        let body = Body::from_stream(pieces);
        tokio::spawn(forward(body, usize::MAX, Duration::from_secs(30), sender));
        let mut bytes = 0;
        while let Some(piece) = received.recv().await {
            // However long this takes is not the client's fault.
            tokio::time::sleep(Duration::from_secs(100)).await;
            bytes += piece.map_err(io::Error::other)?.len();
        }
        Ok(bytes)
    }

    #[tokio::test(start_paused = true)]
    async fn who_dribbles_is_left_and_who_is_slow_is_not() {
        let second = Duration::from_secs(1);
        let left = dribbled(1000, b"x", second).await.unwrap_err();
        assert_eq!(cause(&left), UploadError::TooSlow);
        assert_eq!(dribbled(1000, &[b'x'; 256], second).await.unwrap(), 256_000);
        assert_eq!(dribbled(29, b"x", second).await.unwrap(), 29);
        let silent = dribbled(2, &[b'x'; 1 << 20], 31 * second).await.unwrap_err();
        assert_eq!(cause(&silent), UploadError::TooSlow);
    }
}
