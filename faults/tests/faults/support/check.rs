//! What must hold afterwards, and the rows that go in.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::path::Path;

use systemprompt_users::{
    CreateUserParams, DbPool, Doctor, EventPosition, EventService, PageRequest, UserFilter,
    UserOrder, UserService,
};

/// Rows of users that have these numbers.
pub(crate) fn user_rows(numbers: Range<usize>) -> Vec<CreateUserParams> {
    numbers.map(|n| CreateUserParams::new(format!("user{n}"), email(n))).collect()
}

/// Writes so many of these rows for an import; user `n` stands in line `n + 2`.
pub(crate) fn import_file(path: &Path, count: usize) {
    let rows: String = (0..count).map(|n| format!("user{n},{}\n", email(n))).collect();
    std::fs::write(path, format!("name,email\n{rows}")).unwrap();
}

fn email(number: usize) -> String {
    format!("user{number}@example.com")
}

/// The emails of all live users but the admin's; none is there twice.
pub(crate) async fn live_emails(pool: &DbPool) -> BTreeSet<String> {
    let users = UserService::new(pool).unwrap();
    let mut emails = BTreeSet::new();
    let mut request = PageRequest::new(1000).unwrap();
    loop {
        let page = users.list(&UserFilter::default(), UserOrder::Oldest, &request).await.unwrap();
        for user in page.items {
            let email = user.email.unwrap().to_string();
            assert!(emails.insert(email.clone()), "{email} is there twice");
        }
        match page.next {
            Some(next) => request.after = Some(next),
            None => break,
        }
    }
    emails.remove("root@example.com");
    emails
}

/// How often each kind of event is in the log, which has no gap.
pub(crate) async fn count_events(pool: &DbPool) -> HashMap<&'static str, usize> {
    let events = EventService::new(pool).unwrap();
    let mut counts = HashMap::new();
    let mut at = EventPosition::START;
    loop {
        let page = events.read(at, 1000).await.unwrap();
        for event in &page {
            *counts.entry(event.event.kind.name()).or_default() += 1;
            at = event.position;
        }
        if page.len() < 1000 {
            return counts;
        }
    }
}

/// Every promise about the data holds.
pub(crate) async fn assert_clean(pool: &DbPool) {
    for finding in Doctor::new(pool).unwrap().examine().await.unwrap() {
        assert_eq!(finding.broken, 0, "{finding:?}");
    }
}
