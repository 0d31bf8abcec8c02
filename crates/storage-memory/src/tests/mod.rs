//! What a suite for any adapter does not see: snapshots, and indexes that must never drift from the rows.

mod bans;
mod search;
mod sessions;
mod units;
mod users;

use proptest::strategy::Strategy;
use proptest::test_runner::Config as ProptestConfig;
use systemprompt_users_domain::{Cursor, Page, PageLimit, PageRequest, StorageResult, TimeRange};
use tokio::runtime::{Builder, Runtime};

use systemprompt_users_contract::fixtures::at;

fn config() -> ProptestConfig {
    ProptestConfig { cases: 128, max_shrink_iters: 256, ..ProptestConfig::default() }
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// All pages of a list, of a few items each.
fn all_pages<T>(limit: i64, mut list: impl FnMut(PageRequest) -> StorageResult<Page<T>>) -> Vec<T> {
    let mut items = Vec::new();
    let mut after: Option<Cursor> = None;
    loop {
        let limit = PageLimit::new(limit).unwrap();
        let page = list(PageRequest { after, limit }).unwrap();
        items.extend(page.items);
        assert!(items.len() < 1000, "the list never ends");
        after = page.next;
        if after.is_none() {
            return items;
        }
    }
}

/// A range of time in minutes around the fixed start, closed or open.
fn some_range() -> impl Strategy<Value = TimeRange> {
    let end = || proptest::option::weighted(0.3, -10i64..200);
    (end(), end()).prop_map(|(from, until)| TimeRange {
        from: from.map(|minutes| at(minutes * 60)),
        until: until.map(|minutes| at(minutes * 60)),
    })
}
