//! Users of every kind, in any number, the same ones each time.

use chrono::Duration;
use sqlx::types::Uuid;
use systemprompt_users_contract::fixtures;
use systemprompt_users_domain::{
    DisplayName, FullName, InsertOutcome, Roles, Storage, User, UserRole, UserStatus,
};
use systemprompt_users_sqlite::SqliteStorage;

const FIRST: [&str; 8] = ["Anna", "Émile", "Jürgen", "王伟", "José", "Ola", "100%", "Zoë_"];
const LAST: [&str; 8] =
    ["Smith", "Müller", "García", "Nguyễn", "O'Brien", "van\"Dyk", "Łukasz", "an"];

/// The user of that number. Ids and times have nothing to do with the order of numbers.
pub(crate) fn user(n: u32) -> User {
    let chance = n.wrapping_mul(2_654_435_761).rotate_left(13);
    let pick = |shift: u32, of: u32| (chance >> shift) % of;
    let first = FIRST[pick(0, 8) as usize];
    let last = LAST[pick(3, 8) as usize];
    let created_at = fixtures::at(i64::from(chance % 4_000_000) - 2_000_000);
    let anonymous = pick(6, 4) == 0;
    let base = if anonymous { fixtures::anonymous(n) } else { fixtures::user(n) };
    let status = UserStatus::ALL[[0, 0, 0, 1, 2][pick(8, 5) as usize]];
    let roles = match pick(11, 9) {
        _ if anonymous => Roles::ANONYMOUS,
        0 => Roles::new([UserRole::Admin]).unwrap(),
        1 => Roles::new([UserRole::Admin, UserRole::User]).unwrap(),
        _ => Roles::USER,
    };
    User {
        id: systemprompt_users_domain::UserId::from_uuid(id(n)),
        full_name: (pick(14, 3) > 0).then(|| FullName::parse(&format!("{first} {last}")).unwrap()),
        display_name: (pick(16, 3) == 0)
            .then(|| DisplayName::parse(&format!("{last}{first}")).unwrap()),
        status,
        roles,
        email_verified: pick(18, 2) == 0,
        is_bot: pick(19, 7) == 0,
        created_at,
        updated_at: created_at,
        last_active_at: created_at + Duration::seconds(i64::from(pick(2, 1_000_000))),
        deleted_at: (status == UserStatus::Deleted).then_some(created_at),
        ..base
    }
}

/// The id of that number: neighbours in number are no neighbours in order.
pub(crate) fn id(n: u32) -> Uuid {
    let high = u128::from(n.wrapping_mul(2_246_822_519).rotate_left(7));
    Uuid::from_u128(0x018f_3400_0000_7000_8000_0000_0000_0000 + (high << 16))
}

/// Stores users of these numbers.
pub(crate) async fn store(storage: &SqliteStorage, numbers: std::ops::Range<u32>) -> Vec<User> {
    let users: Vec<User> = numbers.map(user).collect();
    for batch in users.chunks(1000) {
        let mut unit = storage.write().await.unwrap();
        let outcomes = unit.users().insert_many(batch).await.unwrap();
        assert!(outcomes.iter().all(|outcome| *outcome == InsertOutcome::Inserted));
        unit.commit().await.unwrap();
    }
    users
}
