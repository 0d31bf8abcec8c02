//! The suite of rules that every storage adapter must pass.
