//! Rows of every kind that a clean-up removes, all of them too old.

use std::net::Ipv4Addr;
use std::ops::Range;

use chrono::{DateTime, Duration, Utc};
use systemprompt_users::{
    Actor, BanDuration, BanId, BanIpParams, BanIpWithMetadataParams, BannedIp, DbPool, Email,
    EndReason, Event, EventId, EventKind, Fingerprint, IdempotencyKey, JobOutcome, JobReport,
    JobRun, JobRunId, JobTrigger, LockKey, RememberedRequest, Roles, SessionId, SignInLink,
    Storage, TokenHash, UnitOfWork, User, UserId, UserName, UserSession, UserStatus,
};
use uuid::Uuid;

/// How many rows come in one unit.
const BATCH: u32 = 5_000;

/// How many users the sessions belong to.
const HOLDERS: u32 = 1_000;

/// Puts `rows` of each kind into an empty storage.
pub(crate) async fn fill(pool: &DbPool, rows: u32, now: DateTime<Utc>) {
    let long_ago = now - Duration::days(1_000);
    let holders: Vec<User> = (0..HOLDERS).map(|n| registered(n, long_ago)).collect();
    let mut unit = pool.write().await.expect("a unit");
    unit.users().insert_many(&holders).await.expect("users");
    unit.commit().await.expect("a commit");
    let mut from = 0;
    while from < rows {
        let batch = from..from.saturating_add(BATCH).min(rows);
        from = batch.end;
        let mut unit = pool.write().await.expect("a unit");
        unit.lock(LockKey::Bans).await.expect("the lock");
        one_batch(&mut *unit, batch, long_ago).await;
        unit.commit().await.expect("a commit");
    }
    // The first reader of the log gives the events their places.
    let mut unit = pool.read().await.expect("a unit");
    unit.events().last_position().await.expect("a position");
}

async fn one_batch(unit: &mut dyn UnitOfWork, batch: Range<u32>, at: DateTime<Utc>) {
    let visitors: Vec<User> = batch.clone().map(|n| visitor(n, at)).collect();
    unit.users().insert_many(&visitors).await.expect("visitors");
    let deleted: Vec<User> = batch.clone().map(|n| deleted(HOLDERS + n, at)).collect();
    unit.users().insert_many(&deleted).await.expect("deleted users");
    let bans: Vec<_> = batch.clone().map(|n| ban(n, at)).collect();
    unit.bans().append(&bans).await.expect("bans");
    let events: Vec<Event> = batch.clone().map(|n| event(n, at)).collect();
    unit.events().append(&events).await.expect("events");
    for n in batch {
        for session in [session(n, at, None), session(n, at, Some(at))] {
            unit.sessions().insert(&session).await.expect("a session");
        }
        let mut run = run(n, at);
        unit.jobs().start(&run).await.expect("a run");
        run.ended_at = Some(at);
        run.outcome = Some(JobOutcome::Succeeded);
        unit.jobs().finish(&run).await.expect("its end");
        unit.sign_in_links().insert(&link(n, at)).await.expect("a link");
        unit.idempotency().begin(&request(n, at), at).await.expect("a request");
    }
}

/// An id that nothing else of its kind has.
fn uuid(kind: u8, n: u32) -> Uuid {
    Uuid::from_u128((u128::from(n) + 1) << 40 | 0x7000_0000 | u128::from(kind))
}

fn hash(kind: u8, n: u32) -> [u8; 32] {
    let mut bytes = [kind; 32];
    for (byte, part) in bytes.iter_mut().zip(n.to_be_bytes()) {
        *byte = part;
    }
    bytes
}

fn registered(n: u32, at: DateTime<Utc>) -> User {
    User {
        id: UserId::from_uuid(uuid(1, n)),
        name: UserName::parse(&format!("user{n}")).expect("a name"),
        email: Some(Email::parse(&format!("user{n}@example.com")).expect("an email")),
        email_verified: true,
        full_name: None,
        display_name: None,
        avatar_url: None,
        status: UserStatus::Active,
        roles: Roles::USER,
        is_bot: false,
        fingerprint: None,
        token_hash: None,
        created_at: at,
        updated_at: at,
        last_active_at: at,
        deleted_at: None,
        status_before_delete: None,
        merged_into: None,
        legal_hold: false,
        version: 1,
    }
}

fn deleted(n: u32, at: DateTime<Utc>) -> User {
    User {
        status: UserStatus::Deleted,
        status_before_delete: Some(UserStatus::Active),
        deleted_at: Some(at),
        ..registered(n, at)
    }
}

fn visitor(n: u32, at: DateTime<Utc>) -> User {
    let id = UserId::from_uuid(uuid(2, n));
    User {
        id,
        name: UserName::parse(&format!("anonymous-{id}")).expect("a name"),
        email: None,
        email_verified: false,
        roles: Roles::ANONYMOUS,
        fingerprint: Some(Fingerprint::parse(&format!("browser-{n}")).expect("a fingerprint")),
        token_hash: Some(TokenHash::from_bytes(hash(2, n))),
        ..registered(n, at)
    }
}

/// A session that ran out long ago; over, if somebody ended it.
fn session(n: u32, at: DateTime<Utc>, ended_at: Option<DateTime<Utc>>) -> UserSession {
    let kind = if ended_at.is_some() { 4 } else { 3 };
    UserSession {
        id: SessionId::from_uuid(uuid(kind, n)),
        user_id: UserId::from_uuid(uuid(1, n % HOLDERS)),
        token_hash: TokenHash::from_bytes(hash(kind, n)),
        ip: Some(Ipv4Addr::from(n).into()),
        user_agent: Some("Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Firefox/130.0".into()),
        device_type: Some("desktop".into()),
        os: Some("Linux".into()),
        browser: Some("Firefox".into()),
        fingerprint: None,
        started_at: at,
        last_activity_at: at,
        expires_at: at + Duration::days(30),
        idle_timeout: Some(Duration::days(7)),
        ended_at,
        end_reason: ended_at.map(|_| EndReason::Logout),
    }
}

fn ban(n: u32, at: DateTime<Utc>) -> (BannedIp, systemprompt_users::BanFact) {
    let address = Ipv4Addr::from(0x1000_0000 + n);
    let params = BanIpParams::new(address.to_string(), BanDuration::Hours(1)).source("bench");
    let offence = BanIpWithMetadataParams::from(params).parse(at).expect("an offence");
    BannedIp::first(BanId::from_uuid(uuid(5, n)), offence, &Actor::System, at)
}

fn event(n: u32, at: DateTime<Utc>) -> Event {
    let user_id = UserId::from_uuid(uuid(1, n % HOLDERS));
    let kind = EventKind::UserCreated { user_id, roles: Roles::USER };
    Event { id: EventId::from_uuid(uuid(6, n)), at, actor: Actor::System, kind }
}

fn run(n: u32, at: DateTime<Utc>) -> JobRun {
    let scheduled_at = at - Duration::minutes(i64::from(n));
    JobRun {
        id: JobRunId::from_uuid(uuid(7, n)),
        job: "cleanup_sessions".into(),
        scheduled_at,
        trigger: JobTrigger::Schedule,
        host: "bench".into(),
        attempts: 1,
        started_at: scheduled_at,
        lease_until: scheduled_at + Duration::minutes(1),
        ended_at: None,
        outcome: None,
        report: JobReport::default(),
        error: None,
    }
}

fn link(n: u32, at: DateTime<Utc>) -> SignInLink {
    SignInLink {
        token_hash: TokenHash::from_bytes(hash(8, n)),
        user_id: UserId::from_uuid(uuid(1, n % HOLDERS)),
        created_at: at,
        expires_at: at + Duration::minutes(10),
    }
}

fn request(n: u32, at: DateTime<Utc>) -> RememberedRequest {
    RememberedRequest {
        key: IdempotencyKey::from_bytes(hash(9, n)),
        request_hash: [7; 32],
        created_at: at,
        locked_until: at + Duration::minutes(1),
        answer: None,
    }
}
