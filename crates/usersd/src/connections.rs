//! Connections, bounded in number, all told and for each client, and in how long a client may leave an answer unread.

use std::collections::HashMap;
use std::future::{Future, Ready, ready};
use std::io;
use std::net::{IpAddr, Ipv6Addr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum_server::accept::Accept;
use ipnet::IpNet;
use rustix::process::{Resource, getrlimit};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep, sleep};

/// How many open files are left to the storage and the log, where the system allows many.
const OTHER_FILES: u64 = 256;

/// How often is logged that there are too many connections: they may be thousands a second.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// How many connections are held at most.
#[derive(Debug, Clone)]
pub(crate) struct Bounds {
    /// All told.
    pub(crate) all: u32,
    /// From one client address; of IPv6, from one network of 64 bits, which one client has to itself.
    pub(crate) per_address: u32,
    /// Whose connections are not counted for each address: proxies, which come on behalf of many clients.
    pub(crate) proxies: Vec<IpNet>,
}

/// Accepts connections as long as there are not too many; those beyond are closed at once.
#[derive(Debug, Clone)]
pub(crate) struct Bounded {
    free: Arc<Semaphore>,
    shares: Arc<Shares>,
    refused: Arc<Mutex<Refused>>,
    patience: Duration,
}

impl Bounded {
    /// No more than `bounds` say, nor than the system has open files for. A client may take nothing of its answer
    /// for `patience`.
    pub(crate) fn new(bounds: Bounds, patience: Duration) -> Self {
        let max = u64::from(bounds.all);
        let allowed = getrlimit(Resource::Nofile).current.map_or(max, places);
        if allowed < max {
            tracing::warn!(max_connections = max, allowed, "the limit of open files allows fewer");
        }
        let count = usize::try_from(allowed.min(max)).unwrap_or(Semaphore::MAX_PERMITS);
        let free = Arc::new(Semaphore::new(count.min(Semaphore::MAX_PERMITS)));
        let shares =
            Shares { most: bounds.per_address, proxies: bounds.proxies, held: Mutex::default() };
        Self { free, shares: Arc::new(shares), refused: Arc::default(), patience }
    }
}

/// How many connections each client address holds.
#[derive(Debug)]
struct Shares {
    most: u32,
    proxies: Vec<IpNet>,
    held: Mutex<HashMap<IpAddr, u32>>,
}

impl Shares {
    /// A place for one more connection of `peer`, unless its share is used up.
    fn take(shares: &Arc<Self>, peer: IpAddr) -> Option<Share> {
        let address = peer.to_canonical();
        if shares.proxies.iter().any(|network| network.contains(&address)) {
            return Some(Share { of: None });
        }
        let client = client(address);
        let mut held = shares.held.lock().unwrap_or_else(PoisonError::into_inner);
        let count = held.entry(client).or_default();
        if *count >= shares.most {
            return None;
        }
        *count += 1;
        drop(held);
        Some(Share { of: Some((Arc::clone(shares), client)) })
    }
}

/// What counts as one client.
fn client(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => {
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)))
        }
    }
}

/// The place of one connection in the share of its client, free again when this is dropped.
#[derive(Debug)]
struct Share {
    of: Option<(Arc<Shares>, IpAddr)>,
}

impl Drop for Share {
    fn drop(&mut self) {
        let Some((shares, client)) = &self.of else { return };
        let mut held = shares.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = held.get_mut(client) {
            *count -= 1;
            if *count == 0 {
                held.remove(client);
            }
        }
    }
}

/// How many connections so many open files are enough for.
fn places(files: u64) -> u64 {
    files.saturating_sub(OTHER_FILES.min(files / 2))
}

/// Connections that were closed since that was last logged.
#[derive(Debug, Default)]
struct Refused {
    count: u64,
    told: Option<Instant>,
}

impl Refused {
    fn note(&mut self) {
        self.count += 1;
        if self.told.is_none_or(|told| told.elapsed() >= TELL_EVERY) {
            tracing::warn!(closed = self.count, "connections were closed: there are too many");
            *self = Self { count: 0, told: Some(Instant::now()) };
        }
    }
}

impl<S> Accept<TcpStream, S> for Bounded {
    type Stream = Connection;
    type Service = S;
    type Future = Ready<io::Result<(Connection, S)>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        let peer = match stream.peer_addr() {
            Ok(peer) => peer.ip(),
            Err(error) => return ready(Err(error)),
        };
        let share = Shares::take(&self.shares, peer);
        let permit = Arc::clone(&self.free).try_acquire_owned();
        let (Some(share), Ok(permit)) = (share, permit) else {
            self.refused.lock().unwrap_or_else(PoisonError::into_inner).note();
            return ready(Err(io::Error::other("too many connections")));
        };
        let connection = Connection {
            stream,
            patience: self.patience,
            stalled: None,
            _permit: permit,
            _share: share,
        };
        ready(connection.stream.set_nodelay(true).map(|()| (connection, service)))
    }
}

/// A connection that counts, and breaks when the other side stops reading.
pub(crate) struct Connection {
    stream: TcpStream,
    patience: Duration,
    stalled: Option<Pin<Box<Sleep>>>,
    _permit: OwnedSemaphorePermit,
    _share: Share,
}

impl Connection {
    /// Lets a write that can't go on fail after a while.
    fn bounded<T>(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let patience = self.patience;
        let deadline = || Box::pin(sleep(patience));
        match self.stalled.get_or_insert_with(deadline).as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            // Who still sends has not gone: an import is often read when all of it is sent.
            self.stalled = None;
        }
        read
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.bounded(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.bounded(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_storage_keeps_files_for_itself() {
        assert_eq!([0, 1, 100, 512, 1024, 65_536].map(places), [0, 1, 50, 256, 768, 65_280]);
    }

    #[test]
    fn a_client_has_its_share_and_gets_it_back() {
        let shares = Arc::new(Shares {
            most: 2,
            proxies: vec!["10.0.0.0/8".parse().unwrap()],
            held: Mutex::default(),
        });
        let take = |address: &str| Shares::take(&shares, address.parse().unwrap());
        let mut held = vec![take("203.0.113.1").unwrap(), take("::ffff:203.0.113.1").unwrap()];
        assert!(take("203.0.113.1").is_none());
        held.push(take("203.0.113.2").unwrap());
        held.extend([take("2001:db8::1").unwrap(), take("2001:db8::ffff:2").unwrap()]);
        assert!(take("2001:db8::3").is_none(), "the same network of 64 bits");
        held.push(take("2001:db8:0:1::1").unwrap());
        held.extend(["10.1.1.1"; 9].map(|proxy| take(proxy).unwrap()));
        drop(held);
        assert!(shares.held.lock().unwrap().is_empty());
        assert!(take("203.0.113.1").is_some());
    }
}
