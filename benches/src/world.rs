//! A populated database and a runtime to ask it with.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;

use chrono::{DateTime, Utc};
use systemprompt_users::{BanService, Clock, DbPool, SystemClock, UserId, UserService};
use tokio::runtime::Runtime;

use crate::Backend;
use crate::backend::Database;
use crate::population;

/// A populated database.
pub struct World {
    /// How many users it holds at first.
    pub size: u32,
    /// Users.
    pub users: UserService,
    /// Bans.
    pub bans: BanService,
    /// The database.
    pub pool: DbPool,
    /// The moment at which it was made.
    pub now: DateTime<Utc>,
    runtime: Runtime,
    steps: AtomicU32,
    _database: Database,
}

impl World {
    fn new(backend: Backend, size: u32) -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let now = SystemClock.now();
        let began = Instant::now();
        let database = runtime.block_on(async {
            let database = backend.open().await;
            population::populate(&database, size, population::BANS, now).await;
            database
        });
        eprintln!("{backend} {size}: populated in {:.1?}", began.elapsed());
        let pool = database.pool.clone();
        Self {
            size,
            users: UserService::new(&pool).expect("a service"),
            bans: BanService::new(&pool).expect("a service"),
            pool,
            now,
            runtime,
            steps: AtomicU32::new(0),
            _database: database,
        }
    }

    /// Waits for an answer.
    pub fn ask<T>(&self, question: impl Future<Output = systemprompt_users::Result<T>>) -> T {
        self.runtime.block_on(question).expect("an answer")
    }

    /// Another number each time, spread over all users, always in the same order.
    pub fn pick(&self) -> u32 {
        let step = self.steps.fetch_add(1, Ordering::Relaxed);
        (u64::from(step) * 2_654_435_761 % u64::from(self.size)) as u32
    }

    /// A number that was never given before.
    pub fn fresh(&self) -> u32 {
        self.size + self.steps.fetch_add(1, Ordering::Relaxed)
    }

    /// The id of one user.
    pub fn some_id(&self) -> UserId {
        population::user_id(self.pick())
    }

    /// The email of one user.
    pub fn some_email(&self) -> String {
        population::email(self.pick())
    }

    /// The ids of the first `count` users.
    pub fn first_ids(&self, count: u32) -> Vec<UserId> {
        (0..count.min(self.size)).map(population::user_id).collect()
    }

    /// Those of them who are suspended, unless a benchmark has changed that.
    pub fn first_suspended(&self, count: u32) -> Vec<UserId> {
        let suspended = (0..count.min(self.size)).filter(|n| population::is_suspended(*n));
        suspended.map(population::user_id).collect()
    }

    /// A banned address.
    pub fn some_banned_address(&self) -> std::net::IpAddr {
        population::banned_address(self.pick() % population::BANS)
    }
}

/// The database of that backend and size, made when it is first asked for and kept for the others.
pub fn world(backend: Backend, size: u32) -> Arc<World> {
    type Worlds = BTreeMap<(Backend, u32), Arc<World>>;
    static WORLDS: OnceLock<Mutex<Worlds>> = OnceLock::new();
    let worlds = WORLDS.get_or_init(Mutex::default);
    let mut worlds = worlds.lock().unwrap_or_else(PoisonError::into_inner);
    Arc::clone(worlds.entry((backend, size)).or_insert_with(|| Arc::new(World::new(backend, size))))
}
