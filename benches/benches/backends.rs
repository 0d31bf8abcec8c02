//! What an operator and a host ask for most, on every backend, at three sizes.
//!
//! `cargo xtask bench` runs all; `cargo xtask bench find_by_id` some. `BENCH_SIZES=10000,100000` chooses the
//! sizes, `BENCH_BACKENDS=memory,sqlite` the backends.

#![expect(clippy::expect_used, reason = "a benchmark without its database has nothing to measure")]

use std::fmt;
use std::sync::Arc;

use divan::Bencher;
use systemprompt_users::{
    CreateUserParams, Cursor, PageRequest, UserFilter, UserOrder, UserStatus,
};
use systemprompt_users_bench::{Backend, World, world};

fn main() {
    divan::main();
}

/// One column of the table.
#[derive(Clone, Copy)]
struct Case {
    backend: Backend,
    size: u32,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.backend, self.size)
    }
}

impl Case {
    fn world(self) -> Arc<World> {
        world(self.backend, self.size)
    }
}

fn cases() -> Vec<Case> {
    let sizes = std::env::var("BENCH_SIZES").unwrap_or_else(|_| "10000,100000,1000000".into());
    let backends =
        std::env::var("BENCH_BACKENDS").unwrap_or_else(|_| "memory,sqlite,postgres".into());
    let sizes: Vec<u32> = sizes.split(',').filter_map(|size| size.trim().parse().ok()).collect();
    let wanted =
        |backend: &Backend| backends.split(',').any(|name| name.trim() == backend.to_string());
    let backends: Vec<Backend> = Backend::ALL.into_iter().filter(wanted).collect();
    backends
        .iter()
        .flat_map(|&backend| sizes.iter().map(move |&size| Case { backend, size }))
        .collect()
}

#[divan::bench(args = cases())]
fn find_by_id(bencher: Bencher, case: &Case) {
    let world = case.world();
    bencher.bench(|| world.ask(world.users.find_by_id(world.some_id())));
}

#[divan::bench(args = cases())]
fn find_by_email(bencher: Bencher, case: &Case) {
    let world = case.world();
    bencher
        .with_inputs(|| world.some_email())
        .bench_refs(|email| world.ask(world.users.find_by_email(email)));
}

#[divan::bench(args = cases())]
fn page_first(bencher: Bencher, case: &Case) {
    let world = case.world();
    let (filter, page) = (UserFilter::default(), PageRequest::default());
    bencher.bench(|| world.ask(world.users.list(&filter, UserOrder::Newest, &page)));
}

#[divan::bench(args = cases())]
fn page_deep(bencher: Bencher, case: &Case) {
    let world = case.world();
    let filter = UserFilter::default();
    let middle = world.first_ids(case.size / 2).pop().expect("a user");
    let middle = world.ask(world.users.find_by_id(middle)).expect("a user");
    let after = Cursor::at_time(middle.created_at, middle.id.as_uuid());
    let page = PageRequest::default().after(Some(after));
    bencher.bench(|| world.ask(world.users.list(&filter, UserOrder::Newest, &page)));
}

#[divan::bench(args = cases())]
fn page_of_suspended(bencher: Bencher, case: &Case) {
    let world = case.world();
    let (filter, page) = (UserFilter::by_status(UserStatus::Suspended), PageRequest::default());
    bencher.bench(|| world.ask(world.users.list(&filter, UserOrder::Newest, &page)));
}

#[divan::bench(args = cases())]
fn search_exact(bencher: Bencher, case: &Case) {
    search(bencher, case, |world| format!("user{}", world.pick()));
}

#[divan::bench(args = cases())]
fn search_prefix(bencher: Bencher, case: &Case) {
    search(bencher, case, |_| "user1".into());
}

#[divan::bench(args = cases())]
fn search_common_substring(bencher: Bencher, case: &Case) {
    search(bencher, case, |_| "ngstr".into());
}

#[divan::bench(args = cases())]
fn search_rare_substring(bencher: Bencher, case: &Case) {
    search(bencher, case, |world| format!("ser{}@", world.pick()));
}

fn search(bencher: Bencher, case: &Case, query: impl Fn(&World) -> String + Sync) {
    let world = case.world();
    let (filter, page) = (UserFilter::default(), PageRequest::default());
    bencher
        .with_inputs(|| query(&world))
        .bench_refs(|query| world.ask(world.users.search(query, &filter, &page)));
}

#[divan::bench(args = cases())]
fn count(bencher: Bencher, case: &Case) {
    let world = case.world();
    let filter = UserFilter { email_verified: Some(true), ..UserFilter::default() };
    bencher.bench(|| world.ask(world.users.count(&filter)));
}

#[divan::bench(args = cases())]
fn statistics(bencher: Bencher, case: &Case) {
    let world = case.world();
    bencher.bench(|| world.ask(world.users.get_stats()));
}

#[divan::bench(args = cases())]
fn is_banned(bencher: Bencher, case: &Case) {
    let world = case.world();
    bencher.bench(|| world.ask(world.bans.is_banned(world.some_banned_address())));
}

#[divan::bench(args = cases())]
fn count_active_bans(bencher: Bencher, case: &Case) {
    let world = case.world();
    bencher.bench(|| world.ask(world.bans.count_active_bans()));
}

#[divan::bench(args = cases())]
fn create(bencher: Bencher, case: &Case) {
    let world = case.world();
    bencher
        .with_inputs(|| {
            let n = world.fresh();
            CreateUserParams::new(format!("fresh{n}"), format!("fresh{n}@example.com"))
        })
        .bench_refs(|params| world.ask(world.users.create(params)));
}

#[divan::bench(args = cases(), sample_count = 6, sample_size = 1)]
fn bulk_status_of_10_000(bencher: Bencher, case: &Case) {
    let world = case.world();
    let ids = world.first_ids(10_000);
    let statuses = std::cell::Cell::new(UserStatus::Active);
    bencher
        .with_inputs(|| {
            let next = match statuses.get() {
                UserStatus::Active => UserStatus::Suspended,
                _ => UserStatus::Active,
            };
            statuses.set(next);
            next
        })
        .bench_local_values(|status| {
            world.ask(world.users.bulk_update_status(&ids, status)).done()
        });
    // What is measured later finds the population as it was.
    world.ask(world.users.bulk_update_status(&ids, UserStatus::Active));
    let suspended = world.first_suspended(10_000);
    world.ask(world.users.bulk_update_status(&suspended, UserStatus::Suspended));
}

#[divan::bench(args = cases(), sample_count = 10, sample_size = 1)]
fn clean_up_a_batch(bencher: Bencher, case: &Case) {
    let world = case.world();
    let sessions = systemprompt_users::SessionService::new(&world.pool).expect("a service");
    bencher.bench(|| world.ask(sessions.cleanup()));
}
