//! Postgres is gone for ten seconds under a daemon: it says so, and goes on by itself.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use systemprompt_test_postgres::TestCluster;
use systemprompt_users::{CreateUserParams, NewSession, SessionService, UserRole, UserService};

use crate::support::{Daemon, Place, admin_key, assert_clean, bounded, exchange, live_emails};

/// How long the server is away.
const AWAY: Duration = Duration::from_secs(10);

/// By when a request is answered meanwhile; the daemon allows two seconds.
const IN_TIME: Duration = Duration::from_secs(10);

/// Who asks, and with what.
struct Client {
    daemon: Daemon,
    key: String,
    bearer: String,
    cookie: String,
}

impl Client {
    async fn of(place: &Place) -> Self {
        let pool = place.connect().await;
        let params = CreateUserParams {
            roles: vec![UserRole::Admin],
            ..CreateUserParams::new("ada", "ada@example.com")
        };
        let ada = UserService::new(&pool).unwrap().create(&params).await.unwrap();
        let sessions = SessionService::new(&pool).unwrap();
        let token = sessions.create(ada.id, &NewSession::default()).await.unwrap().token.reveal();
        let key = admin_key(&pool).await;
        pool.close().await.unwrap();
        Self {
            daemon: Daemon::start(place, &place.url, &["--request-timeout", "2s"]),
            key,
            bearer: format!("Authorization: Bearer {token}"),
            cookie: format!("Cookie: users_admin={token}"),
        }
    }

    /// Everything that needs the storage.
    fn questions(&self) -> [(&'static str, &str); 4] {
        [
            ("/api/v1/users", &self.key),
            ("/readyz", &self.key),
            ("/auth/verify", &self.bearer),
            ("/admin/users", &self.cookie),
        ]
    }

    fn create(&self, name: &str) -> (u16, String) {
        let body = format!(r#"{{"name":"{name}","email":"{name}@example.com"}}"#);
        exchange(self.daemon.address(), "POST", "/api/v1/users", &self.key, &body).unwrap()
    }

    fn all_answer(&self) {
        for (path, credentials) in self.questions() {
            self.daemon.until(path, credentials, 200);
        }
    }

    /// Asks for everything, again and again: 503 in time, with the time to try again.
    fn nothing_answers(&self) {
        // What is decided from memory still is, until that is too old.
        self.daemon.until("/auth/verify", &self.bearer, 503);
        let began = Instant::now();
        while began.elapsed() < AWAY {
            for (path, credentials) in self.questions() {
                let asked = Instant::now();
                let answer = exchange(self.daemon.address(), "GET", path, credentials, "");
                told_to_wait(path, &answer.unwrap());
                assert!(asked.elapsed() < IN_TIME, "{path} took {:?}", asked.elapsed());
            }
            told_to_wait("a change", &self.create("nobody"));
            assert_eq!(self.daemon.get("/healthz", "X-None: x").0, 200, "the process is well");
        }
    }
}

#[track_caller]
fn told_to_wait(what: &str, (status, answer): &(u16, String)) {
    assert_eq!(*status, 503, "{what}: {answer}");
    let head = answer.split("\r\n\r\n").next().unwrap().to_lowercase();
    assert!(head.contains("\r\nretry-after: "), "{what}: {answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_and_started_again() {
    bounded();
    let mut place = Place::postgres().await;
    let client = Client::of(&place).await;
    let mut cluster = place.take_cluster();
    tokio::task::block_in_place(|| {
        for round in ["one", "two"] {
            client.all_answer();
            assert_eq!(client.create(round).0, 201);
            cluster.kill().unwrap();
            client.nothing_answers();
            cluster.start_again().unwrap();
        }
        client.all_answer();
        assert_eq!(client.create("three").0, 201);
    });
    place.put_back(cluster);
    assert_all_there(&place, &["one", "two", "three"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frozen_and_thawed() {
    bounded();
    let mut place = Place::postgres().await;
    let client = Client::of(&place).await;
    let cluster = place.take_cluster();
    tokio::task::block_in_place(|| {
        client.all_answer();
        assert_eq!(client.create("one").0, 201);
        let frozen = Frozen::new(&cluster, &place.url);
        client.nothing_answers();
        drop(frozen);
        client.all_answer();
        assert_eq!(client.create("two").0, 201);
    });
    place.put_back(cluster);
    assert_all_there(&place, &["one", "two"]).await;
}

async fn assert_all_there(place: &Place, names: &[&str]) {
    let pool = place.connect().await;
    let there = live_emails(&pool).await;
    for name in names {
        assert!(there.contains(&format!("{name}@example.com")), "{name} was acknowledged");
    }
    assert_clean(&pool).await;
    pool.close().await.unwrap();
}

/// A server whose processes all stand still. They go on with the end of the value.
struct Frozen<'a> {
    _cluster: &'a TestCluster,
    processes: Vec<String>,
}

impl<'a> Frozen<'a> {
    fn new(cluster: &'a TestCluster, url: &str) -> Self {
        let folder = url.split_once("?host=").unwrap().1;
        let file = fs::read_to_string(format!("{folder}/data/postmaster.pid")).unwrap();
        let postmaster = file.lines().next().unwrap().trim().to_owned();
        // The postmaster first: then nothing new begins.
        let mut frozen = Self { _cluster: cluster, processes: vec![postmaster.clone()] };
        frozen.signal("STOP");
        let children = format!("/proc/{postmaster}/task/{postmaster}/children");
        let children = fs::read_to_string(children).unwrap();
        frozen.processes.extend(children.split_whitespace().map(str::to_owned));
        assert!(frozen.processes.len() > 3, "{children}");
        frozen.signal("STOP");
        frozen
    }

    fn signal(&self, name: &str) {
        // One that has ended meanwhile is none of ours.
        let _ = Command::new("kill").args(["-s", name]).args(&self.processes).output();
    }
}

impl Drop for Frozen<'_> {
    fn drop(&mut self) {
        self.signal("CONT");
    }
}
