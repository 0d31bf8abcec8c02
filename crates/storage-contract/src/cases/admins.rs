//! Whether an admin would be left.

use systemprompt_users_domain::{Roles, User, UserId, UserRole};

use crate::Subject;
use crate::fixtures::{admin, at, changed, deleted, suspended, user, user_id};

async fn other(subject: &Subject, except: &[u32]) -> bool {
    let except: Vec<UserId> = except.iter().copied().map(user_id).collect();
    subject.read().await.users().has_other_active_admin(&except).await.unwrap()
}

pub(crate) async fn only_active_admins_count(subject: Subject) {
    assert!(!other(&subject, &[]).await);
    subject.store(&[user(1), suspended(admin(2)), deleted(admin(3), at(9))]).await;
    assert!(!other(&subject, &[]).await);
    assert!(!other(&subject, &[1, 99]).await);
    subject.store(&[User { roles: Roles::new([UserRole::Admin]).unwrap(), ..user(4) }]).await;
    assert!(other(&subject, &[]).await);
    assert!(other(&subject, &[1, 2, 3]).await);
    assert!(!other(&subject, &[4]).await);
}

pub(crate) async fn all_but_those_named_count(subject: Subject) {
    subject.store(&[admin(1), admin(2), admin(3)]).await;
    for (except, expected) in [
        (&[1][..], true),
        (&[1, 2], true),
        (&[2, 1, 3], false),
        (&[1, 1, 1], true),
        (&[3, 2, 1, 99, 3], false),
    ] {
        assert_eq!(other(&subject, except).await, expected, "{except:?}");
    }
}

pub(crate) async fn admins_come_and_go(subject: Subject) {
    subject.store(&[admin(1), admin(2)]).await;
    let demoted = changed(admin(1), |user| user.roles = Roles::USER);
    subject.update(std::slice::from_ref(&demoted)).await;
    assert!(!other(&subject, &[2]).await);
    let both = Roles::USER.with(UserRole::Admin).unwrap();
    subject.update(&[changed(demoted, |user| user.roles = both)]).await;
    assert!(other(&subject, &[2]).await);
    subject.purge(&[user_id(1)]).await;
    assert!(!other(&subject, &[2]).await);
}
