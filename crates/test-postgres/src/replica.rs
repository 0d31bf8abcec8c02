//! Following another server: how far a replica is, and stopping it there.

use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::{StartError, TestCluster, TestDatabase, psql};

const TIMEOUT: Duration = Duration::from_secs(30);

impl TestCluster {
    /// Where this server has its copy of a database of its primary.
    pub fn url_of(&self, database: &TestDatabase) -> String {
        psql::with_database(self.url(), database.name())
    }

    /// Waits until this replica shows whatever is committed on `primary` by now.
    ///
    /// # Errors
    /// When it does not get there, as while it is paused.
    pub fn catch_up_with(&self, primary: &Self) -> Result<(), StartError> {
        let place = psql::ask(primary.url(), "SELECT pg_current_wal_flush_lsn()")?;
        self.wait_until(&format!("SELECT pg_last_wal_replay_lsn() >= '{place}'"))
    }

    /// Lets this replica show no commit from now on, however many it receives.
    ///
    /// # Errors
    /// When it is no replica.
    pub fn pause_replay(&self) -> Result<(), StartError> {
        psql::run(self.url(), "SELECT pg_wal_replay_pause()")?;
        self.wait_until("SELECT pg_get_wal_replay_pause_state() = 'paused'")
    }

    /// Lets it go on.
    ///
    /// # Errors
    /// When it is no replica.
    pub fn resume_replay(&self) -> Result<(), StartError> {
        psql::run(self.url(), "SELECT pg_wal_replay_resume()")
    }

    fn wait_until(&self, sql: &str) -> Result<(), StartError> {
        let began = Instant::now();
        while psql::ask(self.url(), sql)? != "t" {
            if began.elapsed() > TIMEOUT {
                return Err(StartError::Failed(format!("it never came true: {sql}")));
            }
            sleep(Duration::from_millis(5));
        }
        Ok(())
    }
}
