//! Forward auth over HTTP, beside the same server answering a constant: a route with the same layers around it, and
//! no decision.
//!
//! One thread serves, by a real socket of this machine; another one asks over connections that are kept alive,
//! each question after the answer to the one before. Both routes get the same requests, in turns: those of a proxy
//! with its key, in the name of a client who is signed in. `BENCH_FORWARD_AUTH=2` chooses how many seconds each of
//! the rounds takes in all; this is the default.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a benchmark without its server has nothing to measure"
)]

mod client;
mod server;

use std::time::Duration;

use systemprompt_users_bench::{is_asked_for, number, rate};
use tokio::runtime::{Builder, Runtime};

use self::client::Client;
use self::server::Server;

const TABLE: &str = "Forward auth";

/// How often each side is measured.
const ROUNDS: usize = 9;

/// How many connections ask at once.
const CONNECTIONS: [usize; 2] = [16, 64];

/// What ours is to reach of the constant.
const LEAST: f64 = 0.7;

fn main() {
    if !is_asked_for("forward_auth") {
        return;
    }
    let lap = Duration::from_secs_f64(number("BENCH_FORWARD_AUTH", 2.0) / 2.0);
    let (serving, asking) = (one_thread(), one_thread());
    let server = serving.block_on(Server::start());
    for credential in ["cookie", "bearer token"] {
        let headers: Vec<String> =
            server.tokens.iter().map(|token| credentials(credential, token)).collect();
        for connections in CONNECTIONS {
            let [ours, constant] = asking.block_on(async {
                let mut ours =
                    Client::connect(&server, server::VERIFY, &headers, connections).await;
                let mut constant =
                    Client::connect(&server, server::CONSTANT, &headers, connections).await;
                let mut rates = [const { Vec::new() }; 2];
                for _ in 0..ROUNDS {
                    rates[0].push(ours.ask_for(lap).await);
                    rates[1].push(constant.ask_for(lap).await);
                }
                rates.map(median)
            });
            let work = format!("verify, session by {credential}, {connections} connections");
            rate(TABLE, &work, ours, constant, LEAST);
        }
    }
    serving.block_on(server.end());
}

fn one_thread() -> Runtime {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(1).enable_all().build().expect("a runtime")
}

fn credentials(credential: &str, token: &str) -> String {
    match credential {
        "cookie" => format!("cookie: theme=dark; users_session={token}\r\n"),
        _ => format!("authorization: Bearer {token}\r\n"),
    }
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_unstable_by(f64::total_cmp);
    rates[rates.len() / 2]
}
