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
    /// How long one server may take to give a connection, until the next one of the URL is tried; its
    /// `connect_timeout` goes first. 3 seconds.
    pub connect_timeout: Duration,
    /// How old a connection gets before another one takes its place, so that a host moves on when servers do; zero
    /// is any age. `max_connection_age` of the URL goes first. 15 minutes.
    pub max_connection_age: Duration,
    /// How long a statement waits for a lock that another unit holds. 10 seconds.
    pub lock_timeout: Duration,
    /// How long a statement may run. 60 seconds; migrations are not bounded.
    pub statement_timeout: Duration,
    /// How long a unit of work may lie open without doing anything, holding its locks. 60 seconds.
    pub idle_in_unit_timeout: Duration,
    /// The name that the server shows for the connections; `application_name` of the URL goes first.
    pub application_name: String,
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self {
            max_connections: 10,
            acquire_timeout: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(3),
            max_connection_age: Duration::from_secs(15 * 60),
            lock_timeout: Duration::from_secs(10),
            statement_timeout: Duration::from_secs(60),
            idle_in_unit_timeout: Duration::from_secs(60),
            application_name: "systemprompt-users".into(),
        }
    }
}
