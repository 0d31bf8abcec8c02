//! Entities with fixed ids and times: no clock, no chance, whole microseconds.

use chrono::{DateTime, Duration, Utc};
use systemprompt_users_domain::{
    AvatarUrl, DisplayName, Email, Fingerprint, FullName, Roles, TokenHash, User, UserId, UserName,
    UserRole, UserStatus,
};
use uuid::Uuid;

/// 2024-05-01, 10:00 UTC: a whole hour.
const START: i64 = 1_714_557_600;

/// The ids look like UUIDv7 and sort by their number.
const IDS: u128 = 0x018f_3400_0000_7000_8000_0000_0000_0000;

/// A moment, in seconds from a whole hour.
pub fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(START + seconds, 0).unwrap()
}

/// The shortest time that is kept.
pub fn tick() -> Duration {
    Duration::microseconds(1)
}

/// A UUID by number.
pub fn uuid(n: u32) -> Uuid {
    Uuid::from_u128(IDS + u128::from(n))
}

/// The id of the user of that number.
pub fn user_id(n: u32) -> UserId {
    UserId::from_uuid(uuid(n))
}

/// A hash by number.
pub fn token_hash(n: u32) -> TokenHash {
    let mut bytes = [0xA5; 32];
    bytes[28..].copy_from_slice(&n.to_be_bytes());
    TokenHash::from_bytes(bytes)
}

/// An email, parsed.
pub fn email(text: &str) -> Email {
    Email::parse(text).unwrap()
}

/// A name, parsed.
pub fn name(text: &str) -> UserName {
    UserName::parse(text).unwrap()
}

/// A fingerprint, parsed.
pub fn fingerprint(text: &str) -> Fingerprint {
    Fingerprint::parse(text).unwrap()
}

/// A registered, active user called `user{n}`, created `n` seconds after the start, with every optional
/// field blank.
pub fn user(n: u32) -> User {
    let created_at = at(i64::from(n));
    User {
        id: user_id(n),
        name: name(&format!("user{n}")),
        email: Some(email(&format!("user{n}@example.com"))),
        email_verified: false,
        full_name: None,
        display_name: None,
        avatar_url: None,
        status: UserStatus::Active,
        roles: Roles::USER,
        is_bot: false,
        fingerprint: None,
        token_hash: None,
        created_at,
        updated_at: created_at,
        last_active_at: created_at,
        deleted_at: None,
        status_before_delete: None,
        merged_into: None,
        legal_hold: false,
        version: 1,
    }
}

/// An active admin.
pub fn admin(n: u32) -> User {
    User { roles: Roles::new([UserRole::Admin, UserRole::User]).unwrap(), ..user(n) }
}

/// An active anonymous user with a token and the fingerprint `browser{n}`.
pub fn anonymous(n: u32) -> User {
    User {
        name: name(&format!("anonymous-{n}")),
        email: None,
        roles: Roles::ANONYMOUS,
        fingerprint: Some(fingerprint(&format!("browser{n}"))),
        token_hash: Some(token_hash(n)),
        ..user(n)
    }
}

/// A user with every field as long as it may be, in letters of several bytes, at odd microseconds.
pub fn fullest_user(n: u32) -> User {
    let local = "ü".repeat(32);
    let domain = format!("{}.{}.{}.example", "a".repeat(63), "b".repeat(63), "c".repeat(60));
    let long =
        |first: char| std::iter::once(first).chain("é".repeat(254).chars()).collect::<String>();
    User {
        name: name(&long('Ñ')),
        email: Some(email(&format!("{local}@{domain}"))),
        email_verified: true,
        full_name: Some(FullName::parse(&long('王')).unwrap()),
        display_name: Some(DisplayName::parse(&long('🦀')).unwrap()),
        avatar_url: Some(
            AvatarUrl::parse(&format!("https://example.com/{}", "x".repeat(235))).unwrap(),
        ),
        created_at: at(-31_536_000) + Duration::microseconds(999_999),
        updated_at: at(7) + tick(),
        last_active_at: at(8) + Duration::microseconds(123_456),
        legal_hold: true,
        ..user(n)
    }
}

/// The same user, suspended.
pub fn suspended(user: User) -> User {
    User { status: UserStatus::Suspended, ..user }
}

/// The same user, deleted at that time.
pub fn deleted(mut user: User, time: DateTime<Utc>) -> User {
    user.delete(time).unwrap();
    user
}

/// The same user, one change later: what `update_many` takes.
pub fn changed(mut user: User, change: impl FnOnce(&mut User)) -> User {
    change(&mut user);
    let later = user.updated_at + Duration::seconds(1);
    user.mark_changed(later);
    user
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fullest_user_is_as_full_as_it_may_be() {
        let user = fullest_user(1);
        assert_eq!(user.name.as_str().chars().count(), 255);
        assert_eq!(user.full_name.unwrap().as_str().chars().count(), 255);
        assert_eq!(user.display_name.unwrap().as_str().chars().count(), 255);
        assert_eq!(user.avatar_url.unwrap().as_str().chars().count(), 255);
    }
}
