//! The alarm: each commit rings it.

use async_trait::async_trait;
use systemprompt_users_domain::{ChangeSignal, StorageError, StorageResult};
use tokio::sync::watch;

/// Where units say that they have committed. It counts nothing: the channel itself knows who has seen what.
pub(crate) struct Bell(watch::Sender<()>);

impl Default for Bell {
    fn default() -> Self {
        Self(watch::Sender::new(()))
    }
}

impl Bell {
    pub(crate) fn ring(&self) {
        self.0.send_replace(());
    }

    pub(crate) fn signal(&self) -> Box<dyn ChangeSignal> {
        Box::new(MemorySignal(self.0.subscribe()))
    }
}

struct MemorySignal(watch::Receiver<()>);

#[async_trait]
impl ChangeSignal for MemorySignal {
    async fn wait(&mut self) -> StorageResult<()> {
        self.0.changed().await.map_err(|closed| StorageError::Unavailable(closed.into()))
    }
}
