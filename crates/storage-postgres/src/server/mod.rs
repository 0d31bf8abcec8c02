//! The servers of one database: what a URL says of them, and which one is talked to.

mod connect;
mod options;
mod target;
mod url;

pub(crate) use connect::{Refusal, Servers, check};
pub(crate) use target::Target;
pub use url::UrlError;
pub(crate) use url::{Purpose, ServerUrl};
