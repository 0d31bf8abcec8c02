//! Up to where the log of events has been read, for whoever waits for something to happen.

use systemprompt_users_domain::EventPosition;
use tokio::sync::watch;

/// A place in the log that many can wait to change.
pub(super) struct Heard(watch::Sender<EventPosition>);

impl Default for Heard {
    fn default() -> Self {
        Self(watch::Sender::new(EventPosition::START))
    }
}

impl Heard {
    /// Wakes all who wait, if the log was read further than before.
    pub(super) fn tell(&self, position: EventPosition) {
        self.0.send_if_modified(|last| std::mem::replace(last, position) != position);
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<EventPosition> {
        self.0.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_news_wake() {
        let heard = Heard::default();
        let mut waiting = heard.subscribe();
        heard.tell(EventPosition::START);
        assert!(!waiting.has_changed().unwrap());
        heard.tell(EventPosition(7));
        assert!(waiting.has_changed().unwrap());
        assert_eq!(*waiting.borrow_and_update(), EventPosition(7));
    }
}
