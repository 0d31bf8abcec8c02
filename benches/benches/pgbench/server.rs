//! A server with a filled database, and the programs that work on it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use systemprompt_test_postgres::{TestCluster, TestDatabase, find_program};

use crate::script::Script;

/// Before a statement in the log of the server.
const LOGGED: [&str; 2] = ["LOG:  execute ", "LOG:  statement: "];

/// A server of this benchmark alone.
pub(crate) struct Server {
    // Before the cluster, so that it is dropped first.
    database: TestDatabase,
    url_that_logs: OnceLock<String>,
    cluster: TestCluster,
}

/// What a run of pgbench came to.
pub(crate) struct Run {
    pub(crate) transactions: u64,
    pub(crate) rate: f64,
}

impl Server {
    pub(crate) fn start() -> Self {
        let cluster = TestCluster::start().unwrap_or_else(|error| panic!("{error}"));
        let database = cluster.create_database();
        Self { database, url_that_logs: OnceLock::new(), cluster }
    }

    pub(crate) fn url(&self) -> &str {
        self.database.url()
    }

    /// A URL to the same database, on whose connections each statement is noted.
    pub(crate) fn url_that_logs(&self) -> &str {
        self.url_that_logs.get_or_init(|| {
            self.psql(&["--command", "CREATE ROLE watched SUPERUSER LOGIN"]);
            self.psql(&["--command", "ALTER ROLE watched SET log_statement = 'all'"]);
            self.url().replacen("//postgres@", "//watched@", 1)
        })
    }

    /// Fills the empty tables.
    pub(crate) fn fill(&self, users: u32) {
        let size = format!("users={users}");
        let bans = format!("bans={users}");
        let seed = self.folder().join("seed.sql");
        fs::write(&seed, include_str!("seed.sql")).expect("a script");
        self.psql(&["--set", &size, "--set", &bans, "--file", &seed.display().to_string()]);
    }

    fn psql(&self, arguments: &[&str]) {
        let psql = find_program("psql").expect("psql");
        let mut command = Command::new(psql);
        command.args(["--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1"]);
        command.args(["--dbname", self.url()]).args(arguments).stdin(Stdio::null());
        assert!(command.status().is_ok_and(|status| status.success()), "psql {arguments:?}");
    }

    /// The folder of the server, which the host of its URL is.
    fn folder(&self) -> PathBuf {
        let host = self.cluster.url().split_once("host=").map(|(_, host)| host);
        Path::new(host.expect("a socket")).to_owned()
    }

    /// The statements that came on watched connections while `work` was done.
    pub(crate) fn statements(&self, work: impl FnOnce()) -> Vec<String> {
        let path = self.folder().join("log");
        let begin = fs::metadata(&path).map_or(0, |file| file.len()) as usize;
        work();
        let log = fs::read(&path).expect("the log of the server");
        let log = String::from_utf8_lossy(log.get(begin..).unwrap_or_default()).into_owned();
        let mut statements: Vec<String> = Vec::new();
        let mut is_open = false;
        for line in log.lines() {
            // The rest of a text of several lines is indented.
            if let (true, Some(more)) = (is_open, line.strip_prefix('\t')) {
                let last = statements.last_mut().expect("a statement to continue");
                last.push('\n');
                last.push_str(more);
                continue;
            }
            let logged = LOGGED.iter().find_map(|mark| line.split_once(mark));
            is_open = logged.is_some();
            if let Some((_, text)) = logged {
                let prepared = text.starts_with("sqlx_s_").then(|| text.split_once(": ")).flatten();
                match prepared {
                    Some((_, text)) => statements.push(text.to_owned()),
                    // One message may hold several, but pgbench sends them one by one.
                    None => statements.extend(text.split("; ").map(str::to_owned)),
                }
            }
        }
        statements
    }

    /// Runs a script.
    pub(crate) fn pgbench(
        &self,
        script: &Script,
        clients: u32,
        seconds: u32,
        users: u32,
        first: u64,
    ) -> Run {
        let file = self.folder().join("pgbench.sql");
        fs::write(&file, &script.text).expect("a script");
        let mut command = Command::new(find_program("pgbench").expect("pgbench"));
        command.args(["--no-vacuum", "--protocol", "prepared"]);
        command.args(["--client", &clients.to_string(), "--jobs", &clients.min(2).to_string()]);
        command.args(["--time", &seconds.to_string(), "--file", &file.display().to_string()]);
        for (name, value) in [
            ("users", u64::from(users)),
            ("bans", u64::from(users)),
            ("clients", u64::from(clients)),
            ("first", first),
            ("i", 0),
        ] {
            command.args(["--define", &format!("{name}={value}")]);
        }
        let output = command.arg(self.url()).stdin(Stdio::null()).output().expect("pgbench");
        let text = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "pgbench: {errors}");
        let figure = |mark: &str| {
            let line = text.lines().find_map(|line| line.trim().strip_prefix(mark));
            let word = line.and_then(|rest| rest.split_whitespace().next());
            word.and_then(|word| word.parse::<f64>().ok())
                .unwrap_or_else(|| panic!("pgbench says nothing of `{mark}`: {text}{errors}"))
        };
        let failed = figure("number of failed transactions:");
        assert!(failed < 0.5, "{failed} transactions of pgbench failed: {errors}");
        Run {
            transactions: figure("number of transactions actually processed:") as u64,
            rate: figure("tps ="),
        }
    }
}
