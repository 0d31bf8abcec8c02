//! Made-up users, sessions and bans: the same for every backend, without randomness.

use std::net::{IpAddr, Ipv4Addr};

use chrono::{DateTime, Duration, Utc};
use systemprompt_users::{
    Actor, BanDuration, BanId, BanIpParams, BanIpWithMetadataParams, BannedIp, Clock as _, DbPool,
    Email, EndReason, FullName, LockKey, Roles, SessionId, Storage as _, SystemClock, TokenHash,
    User, UserId, UserName, UserRole, UserSession, UserStatus,
};
use uuid::Uuid;

use crate::backend::Database;
use crate::bulk::{insert_sessions, settle};

/// How many bans every database holds.
pub(crate) const BANS: u32 = 100_000;
const BATCH: u32 = 5_000;
const SESSION_BATCH: u32 = 100_000;
const FIRST: [&str; 8] = ["Zoë", "Jürgen", "Ana", "Bo", "Chidi", "Dmitri", "Eílis", "Farah"];
const LAST: [&str; 7] = ["Ångström", "Baker", "Çelik", "Dvořák", "Ekwueme", "Fernández", "Grün"];

/// The id of user `n`; in the order of creation.
pub(crate) fn user_id(n: u32) -> UserId {
    UserId::from_uuid(Uuid::from_u128((u128::from(n) + 1) << 32 | 0x7000_0000))
}

/// The email of user `n`.
pub(crate) fn email(n: u32) -> String {
    format!("user{n}@example.com")
}

/// The token hash of session `s` of user `n`.
fn token_hash(n: u32, s: u8) -> TokenHash {
    let mut bytes = [s; 32];
    bytes[..4].copy_from_slice(&n.to_be_bytes());
    TokenHash::from_bytes(bytes)
}

/// The address of ban `n`.
pub(crate) fn banned_address(n: u32) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from(0x1000_0000 + n * 7))
}

pub(crate) const fn is_suspended(n: u32) -> bool {
    n % 100 == 7
}

fn user(n: u32, now: DateTime<Utc>, size: u32) -> User {
    // Spread over a year, whatever the size; the newest were created a moment ago.
    let age = Duration::seconds(i64::from(size - n) * 31_536_000 / i64::from(size));
    let created_at = now - age;
    let roles = if n.is_multiple_of(10_000) {
        Roles::new([UserRole::Admin, UserRole::User])
    } else {
        Ok(Roles::USER)
    };
    let first = FIRST[n as usize % FIRST.len()];
    let last = LAST[n as usize / FIRST.len() % LAST.len()];
    User {
        id: user_id(n),
        name: UserName::parse(&format!("user{n}")).expect("a name"),
        email: Some(Email::parse(&email(n)).expect("an email")),
        email_verified: !n.is_multiple_of(3),
        full_name: Some(FullName::parse(&format!("{first} {last}")).expect("a full name")),
        display_name: None,
        avatar_url: None,
        status: if is_suspended(n) { UserStatus::Suspended } else { UserStatus::Active },
        roles: roles.expect("roles"),
        is_bot: n % 500 == 3,
        fingerprint: None,
        token_hash: None,
        created_at,
        updated_at: created_at,
        last_active_at: now - Duration::seconds(i64::from(n % 1_000_000)),
        deleted_at: None,
        status_before_delete: None,
        merged_into: None,
        legal_hold: false,
        version: 1,
    }
}

/// Session `s` of user `n`; ended if the user is suspended.
pub(crate) fn session(n: u32, s: u8, now: DateTime<Utc>) -> UserSession {
    UserSession {
        id: SessionId::from_uuid(Uuid::from_u128((u128::from(n) + 1) << 40 | u128::from(s))),
        user_id: user_id(n),
        token_hash: token_hash(n, s),
        ip: Some(banned_address(n)),
        user_agent: Some(
            "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0".into(),
        ),
        device_type: Some("desktop".into()),
        os: Some("Linux".into()),
        browser: Some("Firefox".into()),
        fingerprint: None,
        started_at: now - Duration::hours(i64::from(s) + 1),
        last_activity_at: now - Duration::minutes(i64::from(s) + 1),
        expires_at: now + Duration::days(30),
        idle_timeout: Some(Duration::days(7)),
        ended_at: is_suspended(n).then_some(now),
        end_reason: is_suspended(n).then_some(EndReason::Suspended),
    }
}

/// Stores `size` users of two sessions each, and nothing else, in a memory backend.
pub async fn people(pool: &DbPool, size: u32) {
    let now = SystemClock.now();
    for from in (0..size).step_by(BATCH as usize) {
        let batch = from..(from + BATCH).min(size);
        let users: Vec<User> = batch.clone().map(|n| user(n, now, size)).collect();
        let mut unit = pool.write().await.expect("a unit");
        unit.users().insert_many(&users).await.expect("users");
        for n in batch {
            for s in 0..2 {
                unit.sessions().insert(&session(n, s, now)).await.expect("a session");
            }
        }
        unit.commit().await.expect("a commit");
    }
}

/// The id of one of `size` users: another one for each number, spread over all.
pub fn some_user_id(number: u32, size: u32) -> UserId {
    user_id((u64::from(number) * 2_654_435_761 % u64::from(size)) as u32)
}

/// Fills an empty database with `size` users of two sessions each, and as many bans.
pub(crate) async fn populate(database: &Database, size: u32, bans: u32, now: DateTime<Utc>) {
    let Database { backend, pool, url, .. } = database;
    for from in (0..size).step_by(BATCH as usize) {
        let batch = from..(from + BATCH).min(size);
        let users: Vec<User> = batch.map(|n| user(n, now, size)).collect();
        let mut unit = pool.write().await.expect("a unit");
        unit.users().insert_many(&users).await.expect("users");
        unit.commit().await.expect("a commit");
    }
    for from in (0..size).step_by(SESSION_BATCH as usize) {
        let batch = from..(from + SESSION_BATCH).min(size);
        let sessions = batch.flat_map(|n| [session(n, 0, now), session(n, 1, now)]);
        insert_sessions(*backend, url, pool, sessions).await;
    }
    for from in (0..bans).step_by(BATCH as usize) {
        let batch: Vec<_> = (from..(from + BATCH).min(bans)).map(|n| ban(n, now)).collect();
        let mut unit = pool.write().await.expect("a unit");
        unit.lock(LockKey::Bans).await.expect("the lock");
        unit.bans().append(&batch).await.expect("bans");
        unit.commit().await.expect("a commit");
    }
    settle(*backend, url);
}

fn ban(n: u32, now: DateTime<Utc>) -> (BannedIp, systemprompt_users::BanFact) {
    let duration = if n.is_multiple_of(2) {
        BanDuration::Permanent
    } else {
        BanDuration::Days(i64::from(n % 90) + 1)
    };
    let params = BanIpParams::new(banned_address(n).to_string(), duration).source("bench");
    let offence = BanIpWithMetadataParams::from(params).parse(now).expect("an offence");
    BannedIp::first(
        BanId::from_uuid(Uuid::from_u128(u128::from(n) + 1)),
        offence,
        &Actor::System,
        now,
    )
}
