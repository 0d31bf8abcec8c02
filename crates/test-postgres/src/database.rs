//! One database of a cluster.

use crate::StartError;
use crate::psql;

/// A database that nobody else uses. Dropped with the value, whoever is still connected.
#[derive(Debug)]
pub struct TestDatabase {
    url: String,
    name: String,
    server: String,
}

impl TestDatabase {
    /// Where it is: a `postgres://` URL that `psql` and sqlx understand.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its name on the server.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn create(
        server: &str,
        name: String,
        template: &str,
        strategy: &str,
    ) -> Result<Self, StartError> {
        let sql = format!(r#"CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY {strategy}"#);
        psql::run(server, &sql)?;
        let url = psql::with_database(server, &name);
        Ok(Self { url, name, server: server.to_owned() })
    }

    /// Gives it a name under which it stays. Answers `false`, and drops it, when the name is taken.
    pub(crate) fn keep_as(mut self, name: &str) -> bool {
        let sql = format!(r#"ALTER DATABASE "{}" RENAME TO "{name}""#, self.name);
        let kept = psql::run(&self.server, &sql).is_ok();
        if kept {
            self.name.clear();
        }
        kept
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        if !self.name.is_empty() {
            // A server that is gone has taken the database along.
            let sql = format!(r#"DROP DATABASE IF EXISTS "{}" WITH (FORCE)"#, self.name);
            let _ = psql::run(&self.server, &sql);
        }
    }
}
