//! SQLite adapter: the embedded, durable default.
