//! Two daemons on one Postgres, and one is killed in the middle of an import: what it had told is there, and the same
//! import through the other one adds the rest.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::thread;

use serde_json::Value;

use crate::support::{
    Daemon, NEVER, Place, Program, admin_key, assert_clean, bounded, count_events, live_emails,
    usersctl,
};

const ROWS: usize = 12_000;

/// What a daemon told of an import until its end, or its own.
struct Told {
    /// The emails of rows that are said to be in.
    emails: Vec<String>,
    summary: Option<Value>,
}

fn email(number: usize) -> String {
    format!("user{number}@example.com")
}

/// Sends the rows, and calls `after` with the number of rows that are told to be in, batch by batch.
fn import(address: &str, key: &str, mut after: impl FnMut(usize)) -> Told {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(NEVER)).unwrap();
    let head = format!(
        "POST /api/v1/users/import HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{key}\r\n\
         Content-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut sending = stream.try_clone().unwrap();
    let sender = thread::spawn(move || {
        for number in 0..ROWS {
            let row = format!("{{\"name\":\"user{number}\",\"email\":\"{}\"}}\n", email(number));
            // Nobody may be left to take it.
            if write!(sending, "{:x}\r\n{row}\r\n", row.len()).is_err() {
                return;
            }
        }
        let _ = sending.write_all(b"0\r\n\r\n");
    });
    let mut told = Told { emails: Vec::new(), summary: None };
    let lines = BufReader::new(stream).lines().map_while(Result::ok);
    // A line that was cut off tells nothing.
    for line in lines.filter_map(|line| serde_json::from_str::<Value>(&line).ok()) {
        if line["type"] == "summary" {
            told.summary = Some(line);
        } else if ["created", "unchanged"].contains(&line["outcome"].as_str().unwrap_or("")) {
            let number = usize::try_from(line["line"].as_u64().unwrap()).unwrap() - 1;
            told.emails.push(email(number));
            after(told.emails.len());
        } else {
            assert!(line.is_number(), "{line}");
        }
    }
    sender.join().unwrap();
    told
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_other_host_ends_what_a_dead_one_began() {
    bounded();
    let place = Place::postgres().await;
    let pool = place.connect().await;
    let key = admin_key(&pool).await;
    let mut one = Daemon::start(&place, &place.url, &[]);
    let two = Daemon::start(&place, &place.url, &[]);
    let address = one.address().to_owned();
    let told = tokio::task::block_in_place(|| {
        import(&address, &key, |count| {
            if count == 3_500 {
                one.kill();
            }
        })
    });
    assert!(told.summary.is_none() && told.emails.len() >= 3_500, "it was killed too late");
    let there = live_emails(&pool).await;
    for email in &told.emails {
        assert!(there.contains(email), "{email} was acknowledged");
    }
    assert!(there.len() < ROWS && there.len() % 1_000 == 0, "{} are there", there.len());
    assert_clean(&pool).await;

    let again = tokio::task::block_in_place(|| import(two.address(), &key, |_| {}));
    let summary = again.summary.unwrap();
    let existing = summary["unchanged"].as_u64().unwrap();
    // A server may finish the last commit of a host that is dead.
    assert!(existing >= u64::try_from(there.len()).unwrap(), "{summary}");
    let created = summary["created"].as_u64().unwrap();
    assert_eq!((created + existing, &summary["refused"]), (12_000, &0.into()), "{summary}");
    assert_eq!((again.emails.len(), live_emails(&pool).await.len()), (ROWS, ROWS));
    assert_eq!(count_events(&pool).await["user_created"], ROWS + 1, "each was created once");
    pool.close().await.unwrap();
    let (code, out, errors) = Program::run(usersctl(&place.url, &["doctor"]));
    assert_eq!(code, 0, "{out}{errors}");
}
