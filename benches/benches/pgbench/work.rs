//! The use cases, as a host calls them.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use systemprompt_users::{
    BanService, CreateUserParams, Entropy, SessionService, Token, UserId, UserRole, UserService,
    UserStatus,
};
use systemprompt_users_postgres::{PostgresOptions, PostgresStorage};
use tokio::task::JoinSet;
use uuid::Uuid;

/// A use case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    FindById,
    FindByEmail,
    Validate,
    IsBanned,
    Create,
    Suspend,
    AssignRole,
}

impl Work {
    pub(crate) const ALL: [Self; 7] = [
        Self::FindById,
        Self::FindByEmail,
        Self::Validate,
        Self::IsBanned,
        Self::Create,
        Self::Suspend,
        Self::AssignRole,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::FindById => "find by id",
            Self::FindByEmail => "find by email",
            Self::Validate => "validate a session, on a miss",
            Self::IsBanned => "is banned, in SQL",
            Self::Create => "create",
            Self::Suspend => "suspend",
            Self::AssignRole => "assign a role",
        }
    }

    pub(crate) const fn script(self) -> &'static str {
        match self {
            Self::FindById => include_str!("find_by_id.sql"),
            Self::FindByEmail => include_str!("find_by_email.sql"),
            Self::Validate => include_str!("validate.sql"),
            Self::IsBanned => include_str!("is_banned.sql"),
            Self::Create => include_str!("create.sql"),
            Self::Suspend => include_str!("suspend.sql"),
            Self::AssignRole => include_str!("assign_role.sql"),
        }
    }
}

/// Brings the schema of an empty database up to date.
pub(crate) async fn migrate(url: &str) {
    let storage = PostgresStorage::connect(url).await.expect("a connection");
    storage.migrate().await.expect("the schema");
    storage.close().await;
}

/// The services of a host, with a connection for each caller.
#[derive(Clone)]
pub(crate) struct Services {
    storage: PostgresStorage,
    users: UserService,
    sessions: SessionService,
    bans: BanService,
    size: u64,
    /// Where one user may be changed once only: whose turn it is.
    turn: Arc<AtomicU64>,
}

impl Services {
    pub(crate) async fn connect(url: &str, size: u32, turn: u64) -> Self {
        let options = PostgresOptions { max_connections: 16, ..PostgresOptions::default() };
        let storage = PostgresStorage::connect_with(url, options).await.expect("a connection");
        Self {
            users: UserService::new(&storage).expect("a service"),
            sessions: SessionService::new(&storage).expect("a service"),
            bans: BanService::new(&storage).expect("a service"),
            storage,
            size: size.into(),
            turn: Arc::new(turn.into()),
        }
    }

    pub(crate) async fn close(&self) {
        self.storage.close().await;
    }

    /// How many users had their turn.
    pub(crate) fn turn(&self) -> u64 {
        self.turn.load(Ordering::Relaxed)
    }

    /// After as many were taken by somebody else, by several clients, of which one may be ahead of the others.
    pub(crate) fn skip_turns(&self, taken: u64) {
        self.turn.fetch_add(taken + taken / 2, Ordering::Relaxed);
    }

    /// Does it once, with all statements that it may need.
    pub(crate) async fn call_each_way(&self, work: Work) {
        // A multiple of seven is the number of a banned address.
        let number = if work == Work::IsBanned { 7 } else { self.number(work, &mut Random(0)) };
        self.call(work, number).await;
    }

    /// How often a second it is done by so many callers at once.
    pub(crate) async fn measure(&self, work: Work, callers: u32, time: Duration) -> f64 {
        let begin = Instant::now();
        let mut tasks = JoinSet::new();
        for caller in 0..callers {
            let services = self.clone();
            tasks.spawn(async move {
                let mut random = Random(u64::from(caller) << 32 | services.turn() << 8);
                let mut calls = 0u32;
                while begin.elapsed() < time {
                    let number = services.number(work, &mut random);
                    services.call(work, number).await;
                    calls += 1;
                }
                calls
            });
        }
        let calls: u32 = tasks.join_all().await.into_iter().sum();
        f64::from(calls) / begin.elapsed().as_secs_f64()
    }

    /// The number of the next user, session or address, drawn as the script of the work draws it.
    fn number(&self, work: Work, random: &mut Random) -> u64 {
        let draw = random.next();
        match work {
            Work::FindById | Work::FindByEmail => 1 + draw % self.size,
            Work::Validate => 2 + draw % (2 * self.size),
            Work::IsBanned => draw % (7 * self.size),
            Work::Create => draw % 1_000_000_000_000,
            // One half of the users for each, since who has become an admin is not suspended as easily.
            Work::Suspend => 1 + 2 * self.next_turn(),
            Work::AssignRole => 2 + 2 * self.next_turn(),
        }
    }

    fn next_turn(&self) -> u64 {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        turn * 7919 % (self.size / 2)
    }

    async fn call(&self, work: Work, number: u64) {
        match work {
            Work::FindById => {
                let user = self.users.find_by_id(user_id(number)).await;
                assert!(user.expect("an answer").is_some(), "user {number}");
            }
            Work::FindByEmail => {
                let user = self.users.find_by_email(&format!("user{number}@example.com")).await;
                assert!(user.expect("an answer").is_some(), "user {number}");
            }
            Work::Validate => {
                let token = Token::generate(&Numbered(number)).reveal();
                let session = self.sessions.validate(&token).await;
                assert!(session.expect("an answer").is_some(), "session {number}");
            }
            Work::IsBanned => {
                let address = Ipv4Addr::from_bits(0x1000_0000 + number as u32);
                let is_banned = self.bans.is_banned(std::net::IpAddr::V4(address)).await;
                assert_eq!(is_banned.expect("an answer"), number.is_multiple_of(7), "{address}");
            }
            Work::Create => {
                let (name, email) = (format!("new{number}"), format!("new{number}@example.com"));
                let params = CreateUserParams::new(name, email);
                self.users.create(&params).await.expect("a user");
            }
            Work::Suspend => {
                let suspended =
                    self.users.update_status(user_id(number), UserStatus::Suspended).await;
                assert_eq!(suspended.expect("a user").version, 2, "user {number} had its turn");
            }
            Work::AssignRole => {
                let admin = self.users.assign_role(user_id(number), UserRole::Admin).await;
                assert_eq!(admin.expect("a user").version, 2, "user {number} had its turn");
            }
        }
    }
}

fn user_id(number: u64) -> UserId {
    UserId::from_uuid(Uuid::from_u128(number.into()))
}

/// Makes the token that the seed has given to a session.
struct Numbered(u64);

impl Entropy for Numbered {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(0);
        if let Some(end) = bytes.last_chunk_mut() {
            *end = self.0.to_be_bytes();
        }
    }
}

/// Numbers without a visible order.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        x ^ (x >> 31)
    }
}
