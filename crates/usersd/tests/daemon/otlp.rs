//! Spans of requests, and a collector that takes them or does not.

use crate::harness::Place;

#[cfg(not(feature = "otlp"))]
#[test]
fn a_build_without_it_says_so() {
    let place = Place::new();
    let (code, _, err) = place.run(&["--check", "--otlp-endpoint", "http://127.0.0.1:4318"]);
    assert_eq!(code, 2, "{err}");
    for told in ["otlp_endpoint", "--features otlp"] {
        assert!(err.contains(told), "{told}: {err}");
    }
}

#[cfg(feature = "otlp")]
mod with_the_feature {
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::thread;

    use super::Place;
    use crate::harness::NEVER;

    /// One request to the collector.
    struct Export {
        head: String,
        body: Vec<u8>,
    }

    impl Export {
        /// Whether the message has this text as a whole field: its length stands before it.
        fn has(&self, text: &str) -> bool {
            let mut field = vec![u8::try_from(text.len()).unwrap()];
            field.extend(text.as_bytes());
            self.holds(&field)
        }

        /// Whether these bytes are anywhere in the message.
        fn holds(&self, bytes: &[u8]) -> bool {
            self.body.windows(bytes.len()).any(|found| found == bytes)
        }
    }

    /// A collector, as far as one is needed. Ends with the test's process.
    fn collector() -> (String, Receiver<Export>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let (taken, exports) = channel();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let taken = taken.clone();
                thread::spawn(move || take(stream.unwrap(), &taken));
            }
        });
        (endpoint, exports)
    }

    fn take(stream: TcpStream, taken: &Sender<Export>) {
        let mut stream = BufReader::new(stream);
        loop {
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") {
                if stream.read_line(&mut head).unwrap_or(0) == 0 {
                    return;
                }
            }
            let mut lines = head.lines().filter_map(|line| line.split_once(": "));
            let length = lines.find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
            let mut body = vec![0; length.unwrap().1.parse().unwrap()];
            stream.read_exact(&mut body).unwrap();
            // Kept before it is answered: the daemon may end then, and the test look at once.
            if taken.send(Export { head, body }).is_err() {
                return;
            }
            stream.get_mut().write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").unwrap();
        }
    }

    #[test]
    fn a_request_has_arrived_at_the_end_as_a_span_without_anything_personal() {
        let (endpoint, exports) = collector();
        let place = Place::new();
        // What is logged has no say in what is sent.
        let mut daemon = place.start(&["--otlp-endpoint", &endpoint, "--log-level", "error"]);
        let headers = [
            ("authorization", "Bearer hunter2"),
            ("x-forwarded-for", "203.0.113.77"),
            ("x-request-id", "request-of-this-test"),
            ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ];
        let user = "/api/v1/users/0190c8a5-0000-7000-8000-000000000000?name=eve@example.com";
        assert_eq!(daemon.get(user, &headers).status, 401);
        daemon.signal("TERM");
        let (status, log) = daemon.wait();
        assert!(status.success(), "{log}");
        let exports: Vec<Export> = exports.try_iter().collect();
        let export = exports.iter().find(|export| export.has("request-of-this-test"));
        let export = export.unwrap();
        assert!(export.head.starts_with("POST /v1/traces HTTP/1.1\r\n"), "{}", export.head);
        assert!(export.head.contains("application/x-protobuf"), "{}", export.head);
        for text in [
            "usersd",
            "GET /api/v1/users/{id}",
            "http.request.method",
            "http.route",
            "/api/v1/users/{id}",
            "http.response.status_code",
        ] {
            assert!(export.has(text), "{text}");
        }
        assert!(export.holds(&[0x18, 0x91, 0x03]), "the status is the number 401");
        let trace = [0x0a, 0xf7, 0x65, 0x19, 0x16, 0xcd, 0x43, 0xdd, 0x84, 0x48];
        assert!(export.holds(&trace), "the trace that the client began goes on");
        for secret in ["hunter2", "203.0.113", "127.0.0.1", "eve@", "name=", "0190c8a5"] {
            assert!(!exports.iter().any(|export| export.holds(secret.as_bytes())), "{secret}");
        }
    }

    #[test]
    fn a_collector_that_is_away_or_hangs_holds_nothing_up() {
        let hanging = TcpListener::bind("127.0.0.1:0").unwrap();
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        for address in [free, hanging.local_addr().unwrap()] {
            let place = Place::new();
            let mut daemon = place.start(&["--otlp-endpoint", &format!("http://{address}")]);
            for _ in 0..200 {
                assert_eq!(daemon.get("/healthz", &[]).status, 200);
            }
            daemon.signal("TERM");
            let (status, log) = daemon.wait();
            assert!(status.success(), "{log}");
            assert!(log.contains("collector"), "{address}: {log}");
        }
    }

    #[test]
    fn spans_are_sent_while_it_runs() {
        let (endpoint, exports) = collector();
        let place = Place::new();
        let daemon = place.start(&["--otlp-endpoint", &endpoint]);
        assert_eq!(daemon.get("/healthz", &[]).status, 200);
        let export = exports.recv_timeout(NEVER).unwrap();
        assert!(export.has("GET /healthz"));
    }
}
