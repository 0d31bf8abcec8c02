//! User identity and management: one dependency for a host.
