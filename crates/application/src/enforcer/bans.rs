//! The bans and the allow-list: the book that the follower keeps, and the snapshot that everybody reads.

use std::net::IpAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;
use chrono::{DateTime, Utc};
use systemprompt_users_domain::{BanEnd, IpTarget};

use super::networks::Networks;
use super::prefix::{Address, Prefix};
use super::table::{End, NEVER_ENDS, NOT_BANNED, Table};
use super::{Denial, DenyReason};

/// What holds for every address, at one moment.
pub(super) struct BanSnapshot {
    v4: Arc<Table<u32>>,
    v6: Arc<Table<u128>>,
    pub(super) bans: usize,
    pub(super) networks_allowed: usize,
}

/// Where the latest snapshot is. Readers take no lock.
pub(super) type Published = ArcSwap<BanSnapshot>;

impl BanSnapshot {
    /// The ban that keeps `address` out now: of those that cover it the one that lasts longest. The clock is
    /// read only where that decides.
    pub(super) fn find(
        &self,
        address: IpAddr,
        now: impl FnOnce() -> DateTime<Utc>,
    ) -> Option<Denial> {
        let end = match Address::from(address) {
            Address::V4(bits) => self.v4.find(bits),
            Address::V6(bits) => self.v6.find(bits),
        };
        let until = match end {
            NOT_BANNED => return None,
            NEVER_ENDS => None,
            end if end <= now().timestamp_micros() => return None,
            end => DateTime::from_timestamp_micros(end),
        };
        Some(Denial { reason: DenyReason::Banned, until })
    }
}

/// Every ban and every allowed network. Changes take effect when they are published.
#[derive(Default)]
pub(super) struct BanBook {
    v4: Networks<u32>,
    v6: Networks<u128>,
}

impl BanBook {
    pub(super) fn ban(&mut self, target: IpTarget, until: BanEnd) {
        let until = end_of(until);
        match target.into() {
            Prefix::V4(bits, length) => self.v4.ban(bits, length, until),
            Prefix::V6(bits, length) => self.v6.ban(bits, length, until),
        }
    }

    pub(super) fn lift(&mut self, target: IpTarget) {
        match target.into() {
            Prefix::V4(bits, length) => self.v4.lift(bits, length),
            Prefix::V6(bits, length) => self.v6.lift(bits, length),
        }
    }

    pub(super) fn allow(&mut self, target: IpTarget) {
        match target.into() {
            Prefix::V4(bits, length) => self.v4.allow(bits, length),
            Prefix::V6(bits, length) => self.v6.allow(bits, length),
        }
    }

    pub(super) fn disallow(&mut self, target: IpTarget) {
        match target.into() {
            Prefix::V4(bits, length) => self.v4.disallow(bits, length),
            Prefix::V6(bits, length) => self.v6.disallow(bits, length),
        }
    }

    /// Drops the bans that were over before `before`.
    pub(super) fn drop_over(&mut self, before: DateTime<Utc>) {
        let before = before.timestamp_micros();
        let dropped = self.v4.drop_over(before) + self.v6.drop_over(before);
        if dropped > 0 {
            tracing::debug!(dropped, "dropped bans that are over");
        }
    }

    /// The first snapshot of a book that was just filled.
    pub(super) fn freeze(&mut self) -> BanSnapshot {
        self.v4.take_changed();
        self.v6.take_changed();
        self.snapshot(Arc::new(Table::build(&self.v4)), Arc::new(Table::build(&self.v6)))
    }

    /// Makes what has changed visible to all.
    pub(super) fn publish(&mut self, published: &Published) {
        let (v4, v6) = (self.v4.take_changed(), self.v6.take_changed());
        if v4.is_empty() && v6.is_empty() {
            return;
        }
        let before = published.load_full();
        let mut after = self.snapshot(Arc::clone(&before.v4), Arc::clone(&before.v6));
        if !v4.is_empty() {
            after.v4 = Arc::new(before.v4.rebuild(&self.v4, &v4));
        }
        if !v6.is_empty() {
            after.v6 = Arc::new(before.v6.rebuild(&self.v6, &v6));
        }
        published.store(Arc::new(after));
    }

    fn snapshot(&self, v4: Arc<Table<u32>>, v6: Arc<Table<u128>>) -> BanSnapshot {
        let bans = self.v4.banned + self.v6.banned;
        BanSnapshot { v4, v6, bans, networks_allowed: self.v4.allowed + self.v6.allowed }
    }
}

fn end_of(until: BanEnd) -> End {
    match until {
        BanEnd::At(end) => end.timestamp_micros(),
        BanEnd::Never => NEVER_ENDS,
    }
}

#[cfg(test)]
mod tests {
    use chrono::Duration;

    use super::*;

    fn target(text: &str) -> IpTarget {
        text.parse().unwrap()
    }

    #[track_caller]
    fn check(published: &Published, address: &str, banned: bool) {
        let snapshot = published.load();
        let found = snapshot.find(address.parse().unwrap(), || DateTime::UNIX_EPOCH);
        assert_eq!(found.is_some(), banned, "{address}: {found:?}");
    }

    #[test]
    fn changes_are_seen_once_they_are_published() {
        let mut book = BanBook::default();
        let published = Published::from_pointee(book.freeze());
        book.ban(target("10.0.0.0/8"), BanEnd::Never);
        book.ban(target("2001:db8::/32"), BanEnd::Never);
        book.allow(target("10.1.0.0/16"));
        check(&published, "10.0.0.1", false);
        book.publish(&published);
        for (address, banned) in [
            ("10.0.0.1", true),
            ("::ffff:10.0.0.1", true),
            ("10.1.0.1", false),
            ("11.0.0.0", false),
            ("2001:db8::1", true),
            ("::10.0.0.1", false),
        ] {
            check(&published, address, banned);
        }
        assert_eq!((published.load().bans, published.load().networks_allowed), (2, 1));
        book.disallow(target("10.1.0.0/16"));
        book.lift(target("2001:db8::/32"));
        book.publish(&published);
        check(&published, "10.1.0.1", true);
        check(&published, "2001:db8::1", false);
        assert_eq!((published.load().bans, published.load().networks_allowed), (1, 0));
    }

    #[test]
    fn what_is_over_is_dropped_and_nothing_else() {
        let at = |hours| DateTime::UNIX_EPOCH + Duration::hours(hours);
        let mut book = BanBook::default();
        for (text, until) in [
            ("192.0.2.1", BanEnd::At(at(1))),
            ("192.0.2.2", BanEnd::At(at(2))),
            ("2001:db8::1", BanEnd::At(at(1))),
            ("2001:db8::2", BanEnd::Never),
        ] {
            book.ban(target(text), until);
        }
        let published = Published::from_pointee(book.freeze());
        assert_eq!(published.load().bans, 4);
        book.drop_over(at(2));
        book.publish(&published);
        assert_eq!(published.load().bans, 2);
        for (address, banned) in [
            ("192.0.2.1", false),
            ("192.0.2.2", true),
            ("2001:db8::1", false),
            ("2001:db8::2", true),
        ] {
            check(&published, address, banned);
        }
    }
}
