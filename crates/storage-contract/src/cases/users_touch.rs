//! When users were last seen: only ever later, and no change of the user.

use systemprompt_users_domain::{User, UserOrder};

use crate::Subject;
use crate::fixtures::{anonymous, at, deleted, suspended, tick, user, user_id};
use crate::subject::check_same;

async fn touch(subject: &Subject, seen: &[(u32, i64)]) {
    let seen: Vec<_> = seen.iter().map(|(n, time)| (user_id(*n), at(*time))).collect();
    let mut unit = subject.write().await;
    unit.users().touch_many(&seen).await.unwrap();
    unit.commit().await.unwrap();
}

pub(crate) async fn a_touch_moves_only_the_last_activity(subject: Subject) {
    let users = vec![user(1), anonymous(2), suspended(user(3)), user(4)];
    subject.store(&users).await;
    touch(&subject, &[(1, 100), (2, 200), (3, 300)]).await;
    let expected = vec![
        User { last_active_at: at(100), ..users[0].clone() },
        User { last_active_at: at(200), ..users[1].clone() },
        User { last_active_at: at(300), ..users[2].clone() },
        users[3].clone(),
    ];
    check_same(&subject.users(&[1, 2, 3, 4].map(user_id)).await, &expected);
}

pub(crate) async fn a_touch_never_goes_back(subject: Subject) {
    subject.store(&[User { last_active_at: at(100), ..user(1) }]).await;
    for earlier in [at(100), at(100) - tick(), at(-9_999_999)] {
        let mut unit = subject.write().await;
        unit.users().touch_many(&[(user_id(1), earlier)]).await.unwrap();
        unit.commit().await.unwrap();
        assert_eq!(subject.user(user_id(1)).await.last_active_at, at(100));
    }
    let mut unit = subject.write().await;
    unit.users().touch_many(&[(user_id(1), at(100) + tick())]).await.unwrap();
    unit.commit().await.unwrap();
    assert_eq!(subject.user(user_id(1)).await.last_active_at, at(100) + tick());
}

pub(crate) async fn unknown_users_are_passed_over(subject: Subject) {
    subject.store(&[user(1)]).await;
    touch(&subject, &[(98, 50), (1, 100), (99, 50)]).await;
    assert_eq!(subject.user(user_id(1)).await.last_active_at, at(100));
    touch(&subject, &[]).await;
    assert_eq!(subject.users(&[98, 99].map(user_id)).await, []);
}

pub(crate) async fn of_several_touches_of_one_user_the_latest_counts(subject: Subject) {
    subject.store(&[user(1), user(2)]).await;
    touch(&subject, &[(1, 200), (2, 50), (1, 300), (1, 100), (2, 60)]).await;
    assert_eq!(subject.user(user_id(1)).await.last_active_at, at(300));
    assert_eq!(subject.user(user_id(2)).await.last_active_at, at(60));
}

/// The version stays, so a change made from before the touch is not stale.
pub(crate) async fn a_touch_makes_no_change_stale(subject: Subject) {
    subject.store(&[user(1)]).await;
    touch(&subject, &[(1, 100)]).await;
    subject.update(&[User { version: 2, is_bot: true, last_active_at: at(100), ..user(1) }]).await;
    let stored = subject.user(user_id(1)).await;
    assert_eq!((stored.version, stored.is_bot, stored.last_active_at), (2, true, at(100)));
}

pub(crate) async fn lists_follow_a_touch(subject: Subject) {
    subject.store(&[user(1), user(2), user(3), deleted(user(4), at(9))]).await;
    touch(&subject, &[(1, 100)]).await;
    let order = UserOrder::RecentlyActive;
    let listed = subject.list_users(&Default::default(), order, 50).await;
    let ids: Vec<_> = listed.iter().map(|user| user.id).collect();
    assert_eq!(ids, [1, 3, 2].map(user_id));
}
