//! The alarm of the log of events: it says that there may be something to read.

use async_trait::async_trait;

use crate::{EventKind, StorageResult};

/// Wakes whoever follows the log of events.
///
/// It carries nothing: what happened is read from [`crate::EventLog::read`], which misses no event. A
/// follower that also looks by itself from time to time needs no alarm to be right, only to be quick.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait ChangeSignal: Send {
    /// Waits until something may have been committed since the signal was made or last returned.
    ///
    /// - It MUST return soon after the commit of an event that [`EventKind::changes_decisions`], by this
    ///   process or, where the backend is shared, by another.
    /// - It MAY return early, or for nothing.
    /// - Dropped while it waits, it MUST NOT lose what happened meanwhile.
    ///
    /// # Errors
    /// The alarm is lost; [`crate::Storage::signal`] makes another one.
    async fn wait(&mut self) -> StorageResult<()>;
}

impl EventKind {
    /// Whether a host that decides from memory has to know of it at once: it opens or closes a door.
    pub const fn changes_decisions(&self) -> bool {
        match self {
            Self::UserUpdated { .. }
            | Self::AnonymousPromoted { .. }
            | Self::StatusChanged { .. }
            | Self::RolesChanged { .. }
            | Self::UserDeleted { .. }
            | Self::UserRestored { .. }
            | Self::UserPurged { .. }
            | Self::UserMerged { .. }
            | Self::SessionsEnded { .. }
            | Self::IpBanned { .. }
            | Self::IpUnbanned { .. }
            | Self::NetworkAllowed { .. }
            | Self::NetworkDisallowed { .. }
            | Self::ApiKeyRotated { .. }
            | Self::ApiKeyRevoked { .. } => true,
            Self::UserCreated { .. }
            | Self::LegalHoldChanged { .. }
            | Self::SessionStarted { .. }
            | Self::ApiKeyCreated { .. }
            | Self::SignInLinkCreated { .. }
            | Self::RecordsCleaned { .. }
            | Self::ChangeRefused { .. } => false,
        }
    }
}
