//! The storage's alarm, made anew whenever it is lost.

use std::time::Duration;

use systemprompt_users_domain::ChangeSignal;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, timeout};

use crate::Context;

/// How long is waited for another alarm after one was lost.
const AGAIN: Duration = Duration::from_millis(100);

/// Passes the alarm on to the follower, who never waits for the alarm's own connection.
#[derive(Default)]
pub(super) struct Alarm {
    ring: Notify,
    renewal: Notify,
}

impl Alarm {
    /// Waits until something may have been committed since this last returned.
    pub(super) async fn rung(&self) {
        self.ring.notified().await;
    }

    /// Has another alarm made in place of one that may hang.
    pub(super) fn renew(&self) {
        self.renewal.notify_one();
    }

    /// Listens until `stop`.
    pub(super) async fn listen(
        &self,
        context: &Context,
        mut stop: watch::Receiver<bool>,
        patience: Duration,
    ) {
        let listening = async {
            loop {
                match timeout(patience, context.signal()).await {
                    Ok(Ok(signal)) => {
                        let begun = Instant::now();
                        self.pass_on(signal).await;
                        // What a server gives for a while is asked for again at once.
                        if begun.elapsed() >= AGAIN {
                            continue;
                        }
                    }
                    Ok(Err(error)) => tracing::debug!(%error, "there is no alarm"),
                    Err(_) => tracing::debug!("no alarm could be made in time"),
                }
                tokio::time::sleep(AGAIN).await;
            }
        };
        tokio::select! {
            _ = stop.changed() => {}
            () = listening => {}
        }
    }

    async fn pass_on(&self, mut signal: Box<dyn ChangeSignal>) {
        loop {
            // Also once at the beginning: nobody listened before.
            self.ring.notify_one();
            tokio::select! {
                waited = signal.wait() => {
                    if let Err(error) = waited {
                        tracing::debug!(%error, "the alarm is lost, another one is made");
                        return;
                    }
                }
                () = self.renewal.notified() => return,
            }
        }
    }
}
