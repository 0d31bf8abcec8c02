//! A throw-away Postgres for tests and benchmarks, from the installed binaries.
