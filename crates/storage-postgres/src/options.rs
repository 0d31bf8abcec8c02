//! What a host may choose about its connections.

use std::time::Duration;

/// How many connections there are, and how long anything may take.
///
/// ```
/// # use systemprompt_users_postgres::PostgresOptions;
/// let options = PostgresOptions { max_connections: 20, ..PostgresOptions::default() };
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostgresOptions {
    /// How many connections are open at the most; at least one. 10.
    pub max_connections: u32,
    /// How long a unit of work waits for a connection. 10 seconds.
    pub acquire_timeout: Duration,
    /// How long a statement waits for a lock that another unit holds. 10 seconds.
    pub lock_timeout: Duration,
    /// How long a statement may run. 60 seconds; migrations are not bounded.
    pub statement_timeout: Duration,
    /// How long a unit of work may lie open without doing anything, holding its locks. 60 seconds.
    pub idle_in_unit_timeout: Duration,
    /// The name that the server shows for the connections.
    pub application_name: String,
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self {
            max_connections: 10,
            acquire_timeout: Duration::from_secs(10),
            lock_timeout: Duration::from_secs(10),
            statement_timeout: Duration::from_secs(60),
            idle_in_unit_timeout: Duration::from_secs(60),
            application_name: "systemprompt-users".into(),
        }
    }
}
