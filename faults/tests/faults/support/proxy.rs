//! Stands between a host and its Postgres, and stops to forward when told so.

use std::path::PathBuf;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, UnixStream};
use tokio::runtime::Runtime;
use tokio::sync::watch;

/// A port of this machine that leads to a Postgres. Gone with the value, and all connections with it.
pub(crate) struct Proxy {
    pub(crate) url: String,
    gate: watch::Sender<Gate>,
    runtime: Option<Runtime>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Gate {
    closed: bool,
    /// Connections made before the time of this number stay silent for ever.
    era: u64,
}

impl Proxy {
    /// In front of the database of a URL that names a folder with a socket.
    pub(crate) fn to(url: &str) -> Self {
        let (rest, folder) = url.split_once("?host=").unwrap();
        let database = rest.rsplit_once('/').unwrap().1;
        let socket = PathBuf::from(folder).join(".s.PGSQL.5432");
        // Apart from whatever the scenario keeps busy.
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let (gate, seen) = watch::channel(Gate::default());
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        runtime.spawn(async move {
            let listener = TcpListener::from_std(listener).unwrap();
            while let Ok((client, _)) = listener.accept().await {
                let (socket, seen) = (socket.clone(), seen.clone());
                tokio::spawn(async move {
                    let Ok(server) = UnixStream::connect(socket).await else { return };
                    let era = seen.borrow().era;
                    let (from_client, to_client) = client.into_split();
                    let (from_server, to_server) = server.into_split();
                    tokio::join!(
                        pump(from_client, to_server, seen.clone(), era),
                        pump(from_server, to_client, seen, era),
                    );
                });
            }
        });
        let url = format!("postgres://postgres@127.0.0.1:{port}/{database}?sslmode=disable");
        Self { url, gate, runtime: Some(runtime) }
    }

    /// Forwards nothing from now on. It goes on to accept connections, as a network that loses everything looks.
    pub(crate) fn stall(&self) {
        self.gate.send_modify(|gate| gate.closed = true);
    }

    /// Forwards again, also what has come meanwhile.
    pub(crate) fn go_on(&self) {
        self.gate.send_modify(|gate| gate.closed = false);
    }

    /// Forwards again, but only on new connections: the others never say anything any more.
    pub(crate) fn go_on_without_those_before(&self) {
        self.gate.send_modify(|gate| *gate = Gate { closed: false, era: gate.era + 1 });
    }
}

async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut gate: watch::Receiver<Gate>,
    era: u64,
) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(count) = from.read(&mut buffer).await {
        let open = gate.wait_for(|gate| !gate.closed).await.is_ok_and(|gate| gate.era == era);
        if !open {
            std::future::pending::<()>().await;
        }
        if count == 0 || to.write_all(&buffer[..count]).await.is_err() {
            let _ = to.shutdown().await;
            return;
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(Duration::ZERO);
        }
    }
}
