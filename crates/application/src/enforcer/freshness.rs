//! How far this host may be behind the storage.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// When everything that was committed had been read, by the monotonic clock. It needs nobody to notice that
/// the storage is silent: the lag grows by itself.
pub(super) struct Freshness {
    origin: Instant,
    /// In nanoseconds since the origin.
    confirmed: AtomicU64,
    bound: Duration,
}

impl Freshness {
    /// Fresh as of `now`.
    pub(super) fn new(now: Instant, bound: Duration) -> Self {
        Self { origin: now, confirmed: AtomicU64::new(0), bound }
    }

    /// Everything committed before `moment` is in the decisions from now on.
    pub(super) fn confirm(&self, moment: Instant) {
        let nanos = moment.saturating_duration_since(self.origin).as_nanos();
        self.confirmed.fetch_max(u64::try_from(nanos).unwrap_or(u64::MAX), Ordering::Release);
    }

    pub(super) fn lag(&self) -> Duration {
        let confirmed = Duration::from_nanos(self.confirmed.load(Ordering::Acquire));
        self.origin.elapsed().saturating_sub(confirmed)
    }

    pub(super) fn is_behind(&self) -> bool {
        self.lag() > self.bound
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn it_falls_behind_by_itself() {
        let freshness = Freshness::new(Instant::now(), SECOND);
        tokio::time::advance(SECOND).await;
        assert_eq!((freshness.lag(), freshness.is_behind()), (SECOND, false));
        tokio::time::advance(Duration::from_nanos(1)).await;
        assert!(freshness.is_behind());
        // A read that took long confirms the moment at which it began.
        let began = Instant::now();
        tokio::time::advance(SECOND / 2).await;
        freshness.confirm(began);
        assert_eq!((freshness.lag(), freshness.is_behind()), (SECOND / 2, false));
        freshness.confirm(began - SECOND);
        assert_eq!(freshness.lag(), SECOND / 2, "never back");
    }
}
