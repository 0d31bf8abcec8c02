//! Clients that are slow, and clients that are many.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;

use crate::harness::{NEVER, Place};

/// Waits until the other side closes the connection.
fn is_closed(stream: &mut TcpStream) -> bool {
    stream.set_read_timeout(Some(NEVER)).unwrap();
    let mut rest = Vec::new();
    match stream.read_to_end(&mut rest) {
        Ok(_) => true,
        Err(error) => error.kind() == ErrorKind::ConnectionReset,
    }
}

#[test]
fn a_client_that_never_ends_its_head_is_left() {
    let place = Place::new();
    let daemon = place.start(&["--header-timeout", "200ms"]);
    for head in ["", "GET", "GET / HTTP/1.1\r\nHost: x\r\nX-Slow: "] {
        let mut stream = TcpStream::connect(&daemon.address).unwrap();
        stream.write_all(head.as_bytes()).unwrap();
        assert!(is_closed(&mut stream), "{head:?}");
    }
    assert_eq!(daemon.get("/healthz", &[]).status, 200);
}

#[test]
fn a_client_that_never_ends_its_body_is_answered() {
    let place = Place::new();
    let daemon = place.start(&["--request-timeout", "200ms"]);
    let mut stream = TcpStream::connect(&daemon.address).unwrap();
    let head = "POST /admin/sign-in HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\
                Content-Type: application/x-www-form-urlencoded\r\nConnection: close\r\n\r\ntoken=";
    stream.write_all(head.as_bytes()).unwrap();
    let answer = crate::http::read(&mut stream);
    assert!([503, 403].contains(&answer.status), "{answer:?}");
}

#[test]
fn connections_are_bounded_and_come_back() {
    let place = Place::new();
    let bounds = ["--max-connections", "3", "--max-connections-per-address", "3"];
    let daemon = place.start(&bounds);
    let mut held: Vec<TcpStream> =
        (0..3).map(|_| TcpStream::connect(&daemon.address).unwrap()).collect();
    for stream in &mut held {
        stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        let mut status = [0; 12];
        stream.read_exact(&mut status).unwrap();
        assert_eq!(&status, b"HTTP/1.1 200");
    }
    let mut refused = TcpStream::connect(&daemon.address).unwrap();
    assert!(is_closed(&mut refused), "one too many");
    drop(held);
    for _ in 0..6000 {
        let mut stream = TcpStream::connect(&daemon.address).unwrap();
        let _ = stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        let mut text = String::new();
        if stream.read_to_string(&mut text).is_ok() && text.starts_with("HTTP/1.1 200") {
            return;
        }
    }
    panic!("no connection is free again");
}

#[test]
fn one_address_leaves_room_for_others() {
    let place = Place::new();
    let daemon = place.start(&["--max-connections", "8"]);
    let mut held: Vec<TcpStream> =
        (0..8).map(|_| TcpStream::connect(&daemon.address).unwrap()).collect();
    let last = held.last_mut().unwrap();
    assert!(is_closed(last), "a quarter of eight is two");
    // All of 127.0.0.0/8 is this machine: a client with another address.
    let curl = std::process::Command::new("curl")
        .args(["--silent", "--max-time", "60", "--interface", "127.0.0.2"])
        .arg(format!("http://{}/healthz", daemon.address))
        .output();
    let answer = curl.expect("there is no curl: `apt-get install curl`");
    assert_eq!(String::from_utf8(answer.stdout).unwrap(), "ok\n");
}
