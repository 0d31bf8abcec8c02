//! Asks over connections that are kept alive, with as little work as possible.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::server::{CLIENT, Server};

/// Where the head of an answer ends.
const END: &[u8] = b"\r\n\r\n";

/// Connections to one route.
pub(crate) struct Client {
    requests: Arc<Vec<Vec<u8>>>,
    connections: Vec<TcpStream>,
}

impl Client {
    /// So many connections; each request carries one of `credentials`.
    pub(crate) async fn connect(
        server: &Server,
        path: &str,
        credentials: &[String],
        connections: usize,
    ) -> Self {
        let request = |credentials: &String| {
            format!(
                "GET {path} HTTP/1.1\r\nhost: auth.example.com\r\nx-forwarded-for: {CLIENT}\r\n\
                 x-forwarded-method: GET\r\nx-forwarded-uri: /reports?page=2\r\n\
                 accept: text/html\r\nx-api-key: {}\r\n{credentials}\r\n",
                server.key
            )
        };
        let requests = credentials.iter().map(|line| request(line).into_bytes()).collect();
        let mut client = Self { requests: Arc::new(requests), connections: Vec::new() };
        for _ in 0..connections {
            let connection = TcpStream::connect(server.address).await.expect("a connection");
            connection.set_nodelay(true).expect("a setting");
            client.connections.push(connection);
        }
        client
    }

    /// Asks on all connections for so long, and answers how many answers there were a second.
    pub(crate) async fn ask_for(&mut self, time: Duration) -> f64 {
        let mut asking = JoinSet::new();
        let began = Instant::now();
        for (n, connection) in self.connections.drain(..).enumerate() {
            asking.spawn(ask(connection, Arc::clone(&self.requests), n, began + time));
        }
        let mut answers = 0.0;
        while let Some(asked) = asking.join_next().await {
            let (connection, count) = asked.expect("a connection");
            self.connections.push(connection);
            answers += count;
        }
        answers / began.elapsed().as_secs_f64()
    }
}

async fn ask(
    mut connection: TcpStream,
    requests: Arc<Vec<Vec<u8>>>,
    first: usize,
    end: Instant,
) -> (TcpStream, f64) {
    let mut answer = vec![0; 4_096];
    let mut count = 0.0;
    let mut place = first;
    while Instant::now() < end {
        place += 1;
        let request = &requests[place % requests.len()];
        connection.write_all(request).await.expect("a request is sent");
        let mut length = 0;
        while !answer[..length].ends_with(END) {
            let read = connection.read(&mut answer[length..]).await.expect("an answer");
            assert!(read > 0, "the server closed the connection");
            length += read;
        }
        assert!(answer.starts_with(b"HTTP/1.1 200 OK"), "it is let in");
        count += 1.0;
    }
    (connection, count)
}
