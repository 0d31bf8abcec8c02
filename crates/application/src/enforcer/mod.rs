//! The decision path: may this address, with this session, do this?

mod ask;
mod decision;
mod options;

pub use decision::{Access, Decision, Denial, DenyReason, Requirement};
pub use options::{EnforcerOptions, EnforcerStats, WhenBehind};

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use systemprompt_users_domain::{Result, Storage};

use self::ask::Authority;
use crate::Context;

/// Decides about requests. A clone is a handle to the same one.
#[derive(Clone)]
pub struct Enforcer {
    shared: Arc<Shared>,
}

struct Shared {
    authority: Authority,
}

impl Enforcer {
    /// An enforcer over `storage` with the real clock and the default policy, once it has loaded what it
    /// decides by.
    ///
    /// # Errors
    /// `Validation` of the option out of bounds; `Storage` when it does not answer.
    pub async fn start<S: Storage + Clone + 'static>(
        storage: &S,
        options: EnforcerOptions,
    ) -> Result<Self> {
        Self::start_in(Context::new(storage), options).await
    }

    /// The same in a context, which brings its clock and policy.
    ///
    /// # Errors
    /// As for [`Enforcer::start`].
    pub async fn start_in(context: Context, options: EnforcerOptions) -> Result<Self> {
        options.check()?;
        context.policy().check()?;
        let authority = Authority::new(&context, options.storage_timeout);
        Ok(Self { shared: Arc::new(Shared { authority }) })
    }

    /// Decides about a request from `address` with `token`.
    pub async fn decide(
        &self,
        address: IpAddr,
        token: Option<&str>,
        requirement: Requirement,
    ) -> Decision {
        self.shared.authority.decide(address, token, requirement).await
    }

    /// How far this host may be behind the storage: changes older than this are in its decisions.
    pub fn revocation_lag(&self) -> Duration {
        Duration::ZERO
    }

    /// What it holds and how it fares.
    pub fn stats(&self) -> EnforcerStats {
        EnforcerStats::default()
    }

    /// Writes the activity that is still in memory and stops what runs in the background. From then on it
    /// falls behind, and does what it does then.
    pub async fn shutdown(&self) {}
}

impl std::fmt::Debug for Enforcer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Enforcer").field("stats", &self.stats()).finish_non_exhaustive()
    }
}
