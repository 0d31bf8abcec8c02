//! Postgres adapter: production, several hosts.
