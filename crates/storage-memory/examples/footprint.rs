//! Prints what users and sessions cost: memory, and the time of the common questions.
//!
//! `cargo run --release -p systemprompt-users-memory --example footprint [users [sessions [batch]]]`

#![expect(clippy::unwrap_used, reason = "what it makes up is valid")]

use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use systemprompt_users_domain::{
    DisplayName, Email, FullName, PageRequest, Roles, SearchText, SessionFilter, SessionId,
    SessionOrder, Storage, StorageResult, TimeRange, TokenHash, User, UserFilter, UserId, UserName,
    UserOrder, UserSession, UserStatus,
};
use systemprompt_users_memory::MemoryStorage;
use uuid::Uuid;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let argument = |place, ordinary| {
        std::env::args().nth(place).map_or(Ok(ordinary), |number| number.parse::<u64>())
    };
    let (count, sessions) = (argument(1, 1_000_000)?, argument(2, 2)?);
    let batch_size = argument(3, 1000)?.max(1);
    let storage = MemoryStorage::new();
    let before = resident();
    let began = Instant::now();
    let mut number = 0;
    while number < count {
        let batch: Vec<User> = (number..count.min(number + batch_size)).map(user).collect();
        let mut unit = storage.write().await?;
        unit.users().insert_many(&batch).await?;
        for user in &batch {
            for place in 0..sessions {
                unit.sessions().insert(&session(user, place)).await?;
            }
        }
        unit.commit().await?;
        number += batch_size;
    }
    let bytes = (resident() - before) / count;
    println!(
        "{count} users with {sessions} sessions each: {bytes} bytes a user, {:.1?}",
        began.elapsed()
    );
    ask(&storage, count).await?;
    Ok(())
}

async fn ask(storage: &MemoryStorage, count: u64) -> StorageResult<()> {
    let mut random = 1u64;
    let mut pick = || {
        random =
            random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % count
    };
    let rounds: Vec<u64> = (0..20_000).map(|_| pick()).collect();
    let page = PageRequest::default();
    let suspended = UserFilter::by_status(UserStatus::Suspended);
    let text = SearchText::parse("Given1234").unwrap();
    let inner = SearchText::parse("ven12").unwrap();
    let rare = SearchText::parse(&format!("mily{}", count - 1)).unwrap();
    let nowhere = SearchText::parse("nowhere").unwrap();
    let since =
        UserFilter { created: TimeRange::since(moment(count / 2)), ..UserFilter::default() };

    let mut unit = storage.read().await?;
    let began = Instant::now();
    for number in &rounds {
        assert_eq!(unit.users().find_many(&[id(*number)]).await?.len(), 1);
    }
    report("find by id", began.elapsed(), rounds.len());
    let began = Instant::now();
    for number in &rounds {
        assert_eq!(unit.users().find_many(&[id(*number % 1000)]).await?.len(), 1);
    }
    report("find by id, of a thousand", began.elapsed(), rounds.len());
    let emails: Vec<Email> = rounds.iter().map(|number| user(*number).email.unwrap()).collect();
    let began = Instant::now();
    for email in &emails {
        assert_eq!(unit.users().find_by_emails(std::slice::from_ref(email)).await?.len(), 1);
    }
    report("find by email", began.elapsed(), rounds.len());
    let began = Instant::now();
    for number in &rounds {
        assert!(unit.sessions().find_by_token(&token(*number, 0)).await?.is_some());
    }
    report("find session by token", began.elapsed(), rounds.len());
    for order in [UserOrder::Newest, UserOrder::RecentlyActive, UserOrder::Name] {
        let began = Instant::now();
        unit.users().list(&UserFilter::default(), order, &page).await?;
        report(&format!("first page, {order:?}"), began.elapsed(), 1);
    }
    let began = Instant::now();
    unit.users().list(&suspended, UserOrder::Name, &page).await?;
    report("page of suspended", began.elapsed(), 1);
    for (what, text) in
        [("prefix", &text), ("substring", &inner), ("rare substring", &rare), ("nothing", &nowhere)]
    {
        let began = Instant::now();
        let found = unit.users().search(text, &UserFilter::default(), &page).await?.items.len();
        report(&format!("search {what}, {found} found"), began.elapsed(), 1);
    }
    let began = Instant::now();
    let half = unit.users().count(&since).await?;
    report(&format!("count since: {half}"), began.elapsed(), 1);
    let began = Instant::now();
    let live = SessionFilter { user_id: None, live_at: Some(moment(count)) };
    unit.sessions().list(&live, SessionOrder::Newest, &page).await?;
    report("live sessions", began.elapsed(), 1);
    drop(unit);

    let few = rounds.get(..2000).unwrap();
    let began = Instant::now();
    for number in few {
        let mut unit = storage.write().await?;
        unit.users().touch_many(&[(id(*number), moment(count))]).await?;
        unit.sessions().touch_many(&[(session_id(*number, 1), moment(*number + 1))]).await?;
        unit.commit().await?;
    }
    report("touch, a unit each", began.elapsed(), few.len());
    let began = Instant::now();
    for number in 0..2000 {
        let mut unit = storage.write().await?;
        unit.users().insert_many(&[user(count + number)]).await?;
        unit.commit().await?;
    }
    report("create, a unit each", began.elapsed(), 2000);
    let ids: Vec<UserId> = (0..10_000.min(count)).map(id).collect();
    let began = Instant::now();
    let mut unit = storage.write().await?;
    let mut users = unit.users().lock_many(&ids).await?;
    for user in &mut users {
        user.status = UserStatus::Suspended;
        user.version += 1;
    }
    unit.users().update_many(&users).await?;
    unit.commit().await?;
    report("suspend 10,000 at once", began.elapsed(), 1);
    Ok(())
}

fn report(what: &str, time: Duration, times: usize) {
    println!("{what:<40}{:>12.1?}", time / u32::try_from(times).unwrap());
}

fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0) * 4096
}

fn moment(number: u64) -> DateTime<Utc> {
    let start = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
    start + TimeDelta::seconds(i64::try_from(number).unwrap() * 30)
}

fn id(number: u64) -> UserId {
    let millis = u128::try_from(moment(number).timestamp_millis()).unwrap();
    UserId::from_uuid(Uuid::from_u128(millis << 80 | 7 << 76 | u128::from(scatter(number))))
}

fn session_id(number: u64, place: u64) -> SessionId {
    let millis = u128::try_from(moment(number).timestamp_millis()).unwrap();
    SessionId::from_uuid(Uuid::from_u128(
        millis << 80 | 7 << 76 | u128::from(scatter(number * 2 + place)),
    ))
}

fn scatter(number: u64) -> u64 {
    number.wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

fn token(number: u64, place: u64) -> TokenHash {
    let mut bytes = [0; 32];
    for (chunk, salt) in bytes.chunks_mut(8).zip(1..) {
        chunk.copy_from_slice(&scatter(number * 2 + place + salt * 1_000_000_007).to_le_bytes());
    }
    TokenHash::from_bytes(bytes)
}

fn user(number: u64) -> User {
    let tag = scatter(number) >> 40;
    User {
        id: id(number),
        name: UserName::parse(&format!("user{tag}.{number}")).unwrap(),
        email: Some(Email::parse(&format!("given{tag}.{number}@mail.example.com")).unwrap()),
        email_verified: number.is_multiple_of(3),
        full_name: Some(FullName::parse(&format!("Given{tag} Family{number}")).unwrap()),
        display_name: number
            .is_multiple_of(2)
            .then(|| DisplayName::parse(&format!("Given {tag}")).unwrap()),
        avatar_url: None,
        status: if number % 10_000 == 1 { UserStatus::Suspended } else { UserStatus::Active },
        roles: Roles::USER,
        is_bot: number.is_multiple_of(100),
        fingerprint: None,
        token_hash: None,
        created_at: moment(number),
        updated_at: moment(number),
        last_active_at: moment(number),
        deleted_at: None,
        status_before_delete: None,
        merged_into: None,
        legal_hold: false,
        version: 1,
    }
}

fn session(user: &User, place: u64) -> UserSession {
    let number = u64::try_from((user.created_at - moment(0)).num_seconds() / 30).unwrap();
    UserSession {
        id: session_id(number, place),
        user_id: user.id,
        token_hash: token(number, place),
        ip: Some(std::net::Ipv4Addr::from(u32::try_from(number).unwrap()).into()),
        user_agent: Some(format!(
            "Mozilla/5.0 (X11; Linux x86_64; rv:{}.0) Gecko/20100101",
            number % 50
        )),
        device_type: Some("desktop".into()),
        os: Some("Linux".into()),
        browser: Some("Firefox".into()),
        fingerprint: None,
        started_at: user.created_at,
        last_activity_at: user.created_at,
        expires_at: user.created_at + TimeDelta::days(30),
        idle_timeout: Some(TimeDelta::days(7)),
        ended_at: None,
        end_reason: None,
    }
}
