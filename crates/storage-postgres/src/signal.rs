//! The alarm: a connection of its own that listens.
//!
//! Notifications of one database leave one after the other, each in the commit that it belongs to. So a unit
//! does not notify in its own transaction, where the next one would wait for its disk, but in a tiny one
//! behind it, which travels in the same message as the commit. Should it fail, nothing is lost but time:
//! who follows the log looks by itself, too.

use async_trait::async_trait;
use sqlx::ConnectOptions;
use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use systemprompt_users_domain::{ChangeSignal, StorageError, StorageResult};

use crate::error::storage_error;
use crate::server::{self, Refusal, Servers, Target};

/// The name on which is listened; it is one database's alone.
const CHANNEL: &str = "systemprompt_users";

/// Makes a unit durable, then rings the alarm.
pub(crate) const COMMIT_AND_NOTIFY: &str = "COMMIT; NOTIFY systemprompt_users";

/// A connection that listens, to the server that takes the changes.
pub(crate) async fn listen(servers: &Servers) -> StorageResult<Box<dyn ChangeSignal>> {
    let listener = servers.first_of(listen_to).await?;
    Ok(Box::new(PostgresSignal { listener }))
}

async fn listen_to(server: &PgConnectOptions, target: Target) -> Result<PgListener, Refusal> {
    // Before the driver's pool is asked, which tells of no failure but that time is over.
    let mut connection = server.connect().await.map_err(Refusal::Failed)?;
    server::check(&mut connection, target).await?;
    drop(connection);
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        .connect_with(server.clone());
    let listening = async {
        let mut listener = PgListener::connect_with(&pool.await?).await?;
        listener.ignore_pool_close_event(true);
        // A lost connection is the caller's to hear of: what was sent meanwhile is gone.
        listener.eager_reconnect(false);
        listener.listen(CHANNEL).await?;
        Ok(listener)
    };
    listening.await.map_err(Refusal::Failed)
}

struct PostgresSignal {
    listener: PgListener,
}

#[async_trait]
impl ChangeSignal for PostgresSignal {
    async fn wait(&mut self) -> StorageResult<()> {
        match self.listener.try_recv().await.map_err(storage_error)? {
            // One alarm is as good as many.
            Some(_) => while self.listener.next_buffered().is_some() {},
            None => {
                let lost = "the connection that listens for changes was lost";
                return Err(StorageError::Unavailable(lost.into()));
            }
        }
        Ok(())
    }
}
