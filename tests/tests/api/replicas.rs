//! A replica of a Postgres database: what may come from it, what never does, and what happens when it is gone.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use systemprompt_test_postgres::{TestCluster, TestDatabase};
use systemprompt_users::{
    BanDuration, CreateUserParams, DbPool, Decision, DenyReason, EndReason, Enforcer,
    EnforcerOptions, PageRequest, Requirement, User, UserFilter, UserOrder, UserRole, UserStatus,
};
use systemprompt_users_tests::{Host, code, field};
use tokio::runtime::Builder;
use tokio::time::{sleep, timeout};

/// No machine is so slow.
const STUCK: Duration = Duration::from_secs(150);

/// A database, its streaming replica, and a host that was told of both.
struct Scene {
    host: Host,
    pool: DbPool,
    // Dropped in this order: the database while its server is there.
    database: TestDatabase,
    replica: TestCluster,
    primary: TestCluster,
}

impl Scene {
    async fn open() -> Self {
        let primary = TestCluster::start_primary().unwrap();
        let database = primary.create_database();
        let pool = DbPool::connect(database.url()).await.unwrap();
        pool.migrate().await.unwrap();
        pool.close().await.unwrap();
        let replica = primary.start_replica().unwrap();
        replica.catch_up_with(&primary).unwrap();
        let copy = replica.url_of(&database);
        let pool = DbPool::connect_with_replica(database.url(), &copy).await.unwrap();
        assert_eq!(pool.replica_in_use(), Some(true));
        Self { host: Host::new(&pool), pool, database, replica, primary }
    }

    /// Lets the replica show what there is now, and nothing later.
    fn stop_the_time_of_the_replica(&self) {
        self.replica.catch_up_with(&self.primary).unwrap();
        self.replica.pause_replay().unwrap();
    }

    async fn names(&self) -> Vec<String> {
        self.page(0, UserOrder::Oldest, &PageRequest::new(100).unwrap()).await.0
    }

    /// A page from the replica if `turn` is even, and from the primary if it is odd.
    async fn page(
        &self,
        turn: u32,
        order: UserOrder,
        page: &PageRequest,
    ) -> (Vec<String>, Option<PageRequest>) {
        let users = match turn % 2 {
            0 => self.host.users.clone(),
            _ => self.host.users.up_to_date(),
        };
        let found = users.list(&UserFilter::default(), order, page).await.unwrap();
        let names = found.items.iter().map(|user| user.name.to_string()).collect();
        (names, found.next.map(|next| page.clone().after(Some(next))))
    }

    async fn close(self) {
        self.pool.close().await.unwrap();
        drop((self.database, self.replica, self.primary));
    }
}

fn run(scenario: impl AsyncFnOnce()) {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async { timeout(STUCK, scenario()).await.unwrap() });
}

#[test]
fn lists_may_be_of_the_past_and_decisions_are_of_now() {
    run(async || {
        let scene = Scene::open().await;
        let host = &scene.host;
        host.admin("root").await;
        let (ada, sessions) = host.user_with_sessions("ada", 1).await;
        scene.stop_the_time_of_the_replica();
        let bob = host.admin("bob").await;
        let token = host.session(bob.id).await.token;
        // Signing in was noted.
        let bob = host.get(bob.id).await;
        assert!(host.sessions.end(sessions[0], EndReason::Logout).await.unwrap());
        host.users.update_status(ada.id, UserStatus::Suspended).await.unwrap();
        host.ban("192.0.2.1", BanDuration::Permanent).await;

        check_the_past(&scene, &ada).await;
        check_the_present(host, &ada, &bob).await;
        let enforcer = Enforcer::start_in(host.context.clone(), patient()).await.unwrap();
        let peer = |address: &str| address.parse::<IpAddr>().unwrap();
        let banned = enforcer.decide(peer("192.0.2.1"), None, Requirement::Address).await;
        assert!(matches!(banned, Decision::Deny(deny) if deny.reason == DenyReason::Banned));
        let token = token.reveal();
        let signed_in =
            enforcer.decide(peer("192.0.2.2"), Some(&token), Requirement::Session).await;
        assert!(signed_in.is_allowed());
        enforcer.shutdown().await;

        scene.replica.resume_replay().unwrap();
        scene.replica.catch_up_with(&scene.primary).unwrap();
        assert_eq!(scene.names().await, ["root", "ada", "bob"]);
        assert_eq!(host.bans.count_active_bans().await.unwrap(), 1);
        scene.close().await;
    });
}

/// The replica stands before bob came, ada was suspended and an address was banned.
async fn check_the_past(scene: &Scene, ada: &User) {
    let (users, ten) = (&scene.host.users, PageRequest::new(10).unwrap());
    assert_eq!(scene.names().await, ["root", "ada"]);
    let filter = UserFilter::default();
    assert!(users.search("bob", &filter, &ten).await.unwrap().items.is_empty());
    let found = users.search("ada", &filter, &ten).await.unwrap().items;
    assert!(found.len() == 1 && found[0].id == ada.id && found[0].is_active());
    assert_eq!(users.count(&filter).await.unwrap(), 2);
    assert_eq!(users.count_with_breakdown().await.unwrap().total, 2);
    let stats = users.get_stats().await.unwrap();
    assert_eq!((stats.total, stats.suspended, stats.admins), (2, 0, 1));
    let day = scene.host.now().date_naive();
    assert_eq!(users.signups_per_day(day, day).await.unwrap()[0].count, 2);
    let sessions = scene.host.sessions.list_recent(&ten).await.unwrap().items;
    assert!(sessions.len() == 1 && sessions[0].ended_at.is_none());
    assert_eq!(scene.host.sessions.list_all_active(&ten).await.unwrap().items, sessions);
    assert!(scene.host.bans.list_active_bans(&ten).await.unwrap().items.is_empty());
    assert_eq!(scene.host.bans.count_active_bans().await.unwrap(), 0);
}

async fn check_the_present(host: &Host, ada: &User, bob: &User) {
    let (users, ten) = (&host.users, PageRequest::new(10).unwrap());
    let found = Some(bob.clone());
    assert_eq!(users.find_by_id(bob.id).await.unwrap(), found);
    assert_eq!(users.find_by_email("bob@example.com").await.unwrap(), found);
    assert_eq!(users.find_by_name("bob").await.unwrap(), found);
    assert_eq!(users.find_by_role(UserRole::Admin).await.unwrap().len(), 2);
    assert_eq!(users.find_authenticated_user(ada.id).await.unwrap(), None);
    assert_eq!(host.live_sessions(bob.id).await.len(), 1);
    assert!(host.all_sessions(ada.id).await[0].ended_at.is_some());
    assert!(host.bans.is_banned("192.0.2.1").await.unwrap());
    let newest = host.events.list(&Default::default(), None, 1).await.unwrap();
    assert!(newest[0].event.kind.target().is_some(), "the ban");
    let taken = users.create(&CreateUserParams::new("bob", "other@example.com")).await;
    assert_eq!(code(taken), "name_already_exists");
    // Who asks for it sees lists of now, too.
    assert_eq!(users.up_to_date().count(&UserFilter::default()).await.unwrap(), 3);
    assert_eq!(host.bans.up_to_date().list_active_bans(&ten).await.unwrap().items.len(), 1);
    let findings = host.doctor.examine().await.unwrap();
    assert!(findings.iter().all(|finding| finding.broken == 0), "{findings:?}");
}

fn patient() -> EnforcerOptions {
    EnforcerOptions {
        lag_bound: Duration::from_secs(3_600),
        storage_timeout: Duration::from_secs(30),
        ..EnforcerOptions::default()
    }
}

/// A walk that gets every other page from the past and the others from now loses nobody who is there in both,
/// and shows nobody twice, in any order.
#[test]
fn pages_from_both_join_without_a_seam() {
    run(async || {
        let scene = Scene::open().await;
        let stay: Vec<String> = (0..9).map(|n| format!("stays{n}")).collect();
        for (n, name) in stay.iter().enumerate() {
            scene.host.user(name).await;
            scene.host.user(&format!("goes{n}")).await;
        }
        scene.stop_the_time_of_the_replica();
        for n in 0..9 {
            let goes = scene.host.users.find_by_name(&format!("goes{n}")).await.unwrap();
            scene.host.users.delete(goes.unwrap().id).await.unwrap();
            scene.host.user(&format!("comes{n}")).await;
        }
        for order in
            [UserOrder::Name, UserOrder::Newest, UserOrder::Oldest, UserOrder::RecentlyActive]
        {
            for first in [0, 1] {
                let mut seen = Vec::new();
                let mut next = PageRequest::new(2).ok();
                let mut turn = first;
                while let Some(page) = next {
                    let (names, following) = scene.page(turn, order, &page).await;
                    seen.extend(names);
                    next = following;
                    turn += 1;
                }
                assert!(turn > 5, "too few pages to mix");
                let mut unique = seen.clone();
                unique.sort();
                unique.dedup();
                assert_eq!(unique.len(), seen.len(), "twice: {order:?} {seen:?}");
                assert!(stay.iter().all(|name| seen.contains(name)), "lost: {order:?} {seen:?}");
            }
        }
        scene.close().await;
    });
}

#[test]
fn a_replica_that_is_killed_is_passed_over_until_it_is_back() {
    run(async || {
        let mut scene = Scene::open().await;
        scene.host.user("ada").await;
        scene.stop_the_time_of_the_replica();
        scene.host.user("bob").await;
        assert_eq!(scene.names().await, ["ada"]);
        scene.replica.kill().unwrap();
        // The first question notices, and is answered all the same.
        for _ in 0..20 {
            assert_eq!(scene.names().await, ["ada", "bob"]);
            assert_eq!(scene.pool.replica_in_use(), Some(false));
        }
        assert_eq!(scene.host.users.get_stats().await.unwrap().total, 2);

        scene.replica.start_again().unwrap();
        scene.replica.catch_up_with(&scene.primary).unwrap();
        let began = Instant::now();
        while scene.pool.replica_in_use() != Some(true) {
            assert_eq!(scene.names().await, ["ada", "bob"]);
            assert!(began.elapsed() < STUCK / 2, "it stays passed over");
            sleep(Duration::from_millis(20)).await;
        }
        scene.stop_the_time_of_the_replica();
        scene.host.user("cy").await;
        assert_eq!(scene.names().await, ["ada", "bob"], "it is asked again");
        scene.close().await;
    });
}

#[test]
fn a_replica_goes_with_postgres_alone() {
    run(async || {
        for (url, replica) in [
            ("memory:", "postgres://me:secret@127.0.0.1:1/x"),
            ("postgres://me:secret@127.0.0.1:1/x", "sqlite:///secret.db"),
            ("postgres://me:secret@127.0.0.1:1/x", "secret"),
        ] {
            let refused = DbPool::connect_with_replica(url, replica).await.map(drop);
            assert!(!format!("{refused:?}").contains("secret"));
            assert_eq!(field(refused), "replica");
        }
        let memory = DbPool::connect("memory:").await.unwrap();
        assert_eq!(memory.replica_in_use(), None);
        let host = Host::new(&memory);
        host.user("ada").await;
        assert_eq!(host.users.count(&UserFilter::default()).await.unwrap(), 1);
    });
}
