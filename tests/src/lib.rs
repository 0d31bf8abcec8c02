//! What the tests of the public API share: every backend, a settable clock, a host with all services.
#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a test fails where its set-up does")]

mod at_once;
mod backend;
mod clock;
mod host;
mod refusal;
mod run;

pub use at_once::at_once;
pub use backend::{Backend, Opened};
pub use clock::TestClock;
pub use host::Host;
pub use refusal::{code, field};
pub use run::run;
