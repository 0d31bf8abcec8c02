//! The throw-away Postgres of one run.

use std::process::Command;

use systemprompt_test_postgres::{StartError, TestCluster};

use crate::process::Outcome;
use crate::setup;

/// A server that this program started and stops, or one that the environment names.
pub(crate) enum Server {
    Own(TestCluster),
    Provided(&'static TestCluster),
}

impl Server {
    /// The server that the environment names, or else a new one; Postgres is installed where it lacks.
    pub(crate) fn start() -> Outcome<Self> {
        let provided = ["TEST_POSTGRES_URL", "DATABASE_URL"]
            .into_iter()
            .any(|name| std::env::var(name).is_ok_and(|url| url.starts_with("postgres")));
        if provided {
            return Ok(Self::Provided(TestCluster::shared()));
        }
        let started = match TestCluster::start() {
            Err(StartError::NotInstalled) => {
                setup::install_postgres()?;
                TestCluster::start()
            }
            started => started,
        };
        started.map(Self::Own).map_err(|error| error.to_string())
    }

    pub(crate) fn cluster(&self) -> &TestCluster {
        match self {
            Self::Own(cluster) => cluster,
            Self::Provided(cluster) => cluster,
        }
    }

    /// `command`, told where the server is unless it inherits that.
    pub(crate) fn serve<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        match self {
            Self::Own(cluster) => command.env("TEST_POSTGRES_URL", cluster.url()),
            Self::Provided(_) => command,
        }
    }
}
