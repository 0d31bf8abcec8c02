//! Replaced users: all or none, each from the version that is stored.

use systemprompt_users_domain::{Roles, StorageError, UniqueKey, User, UserRole, UserStatus};

use crate::Subject;
use crate::fixtures::{
    admin, anonymous, at, changed, deleted, email, fullest_user, name, suspended, user, user_id,
};
use crate::subject::{check_same, conflict_key};

/// Updates in a unit that has done something before and does something after; checks that the update is
/// refused, that it changed nothing and that the unit lost nothing.
async fn check_refused(subject: &Subject, users: &[User]) -> StorageError {
    let ids: Vec<_> = users.iter().map(|user| user.id).collect();
    let before = subject.users(&ids).await;
    let mut unit = subject.write().await;
    unit.users().insert_many(&[user(9001)]).await.unwrap();
    let refused = unit.users().update_many(users).await.unwrap_err();
    unit.users().insert_many(&[user(9002)]).await.unwrap();
    unit.commit().await.unwrap();
    check_same(&subject.users(&ids).await, &before);
    let around = subject.users(&[user_id(9001), user_id(9002)]).await;
    check_same(&around, &vec![user(9001), user(9002)]);
    refused
}

async fn check_stale(subject: &Subject, users: &[User]) {
    let refused = check_refused(subject, users).await;
    assert!(matches!(refused, StorageError::Stale), "{refused:?}");
}

pub(crate) async fn nothing_is_updated_for_nothing(subject: Subject) {
    subject.store(&[user(1)]).await;
    subject.update(&[]).await;
    check_same(&subject.user(user_id(1)).await, &user(1));
}

pub(crate) async fn every_field_is_replaced(subject: Subject) {
    subject.store(&[user(1), user(2), fullest_user(3)]).await;
    let full = User { version: 2, created_at: at(1), legal_hold: false, ..fullest_user(1) };
    let gone = changed(user(2), |user| {
        user.roles = Roles::new([UserRole::Admin]).unwrap();
        user.is_bot = true;
        user.delete(at(60)).unwrap();
        user.merged_into = Some(user_id(1));
        user.legal_hold = true;
        user.last_active_at = at(70);
    });
    let blank = User { version: 2, created_at: fullest_user(3).created_at, ..user(3) };
    let blank = User { last_active_at: at(80), ..blank };
    let all = vec![full, gone, blank];
    // Name and email of the full one are free only once the third has given them up.
    subject.update(&all[2..]).await;
    subject.update(&all[..2]).await;
    check_same(&subject.users(&[1, 2, 3].map(user_id)).await, &all);
}

pub(crate) async fn a_promoted_visitor_keeps_its_id(subject: Subject) {
    subject.store(&[anonymous(1)]).await;
    let promoted = changed(anonymous(1), |user| {
        user.promote(name("Registered"), email("r@example.com")).unwrap();
    });
    subject.update(std::slice::from_ref(&promoted)).await;
    let stored = subject.user(user_id(1)).await;
    check_same(&stored, &promoted);
    assert_eq!(stored.token_hash, None);
}

pub(crate) async fn any_other_version_is_stale(subject: Subject) {
    subject.store(&[User { version: 5, ..user(1) }]).await;
    for version in [1, 4, 5, 7, 8] {
        let update = User { version, is_bot: true, ..user(1) };
        let refused = {
            let mut unit = subject.write().await;
            unit.users().update_many(&[update]).await.unwrap_err()
        };
        assert!(matches!(refused, StorageError::Stale), "version {version}: {refused:?}");
    }
    subject.update(&[User { version: 6, is_bot: true, ..user(1) }]).await;
    assert!(subject.user(user_id(1)).await.is_bot);
}

pub(crate) async fn an_unknown_user_is_stale(subject: Subject) {
    check_stale(&subject, &[User { version: 2, ..user(1) }]).await;
    assert_eq!(subject.users(&[user_id(1)]).await, []);
}

pub(crate) async fn one_stale_user_holds_all_back(subject: Subject) {
    subject.store(&[user(1), user(2), user(3)]).await;
    let change = |n| changed(user(n), |user| user.is_bot = true);
    check_stale(&subject, &[change(1), User { version: 3, ..user(2) }, change(3)]).await;
}

pub(crate) async fn one_unknown_user_holds_all_back(subject: Subject) {
    subject.store(&[user(1), user(2)]).await;
    let change = |n| changed(user(n), |user| user.is_bot = true);
    check_stale(&subject, &[change(1), change(99), change(2)]).await;
}

pub(crate) async fn a_name_of_a_live_user_is_a_conflict(subject: Subject) {
    let angela = User { name: name("ángela"), ..user(1) };
    subject.store(&[angela, suspended(user(2)), user(3), user(4)]).await;
    let harmless = changed(user(4), |user| user.is_bot = true);
    for taken in ["ÁNGELA", "USER2"] {
        let rename = changed(user(3), |user| user.name = name(taken));
        let mut unit = subject.write().await;
        let refused = unit.users().update_many(&[harmless.clone(), rename]).await.unwrap_err();
        assert_eq!(conflict_key(&refused), UniqueKey::Name, "{taken}");
    }
    let rename = changed(user(3), |user| user.name = name("USER2"));
    check_refused(&subject, &[harmless, rename]).await;
}

pub(crate) async fn an_email_of_a_live_user_is_a_conflict(subject: Subject) {
    subject.store(&[user(1), suspended(user(2)), user(3), user(4)]).await;
    let harmless = changed(user(4), |user| user.is_bot = true);
    let taken = changed(user(3), |user| user.email = Some(email("USER2@example.com")));
    let refused = check_refused(&subject, &[taken, harmless]).await;
    assert_eq!(conflict_key(&refused), UniqueKey::Email);
}

/// The name is named first, whoever of the batch takes it.
pub(crate) async fn of_a_taken_name_and_email_the_name_is_named(subject: Subject) {
    let gone = deleted(user(3), at(9));
    subject.store(&[user(1), user(2), gone.clone(), anonymous(4), user(5), user(6)]).await;
    let both = |of: User| {
        changed(of, |user| {
            user.name = name("USER1");
            user.email = Some(email("user1@example.com"));
        })
    };
    let restored = changed(both(gone), |user| user.restore().unwrap());
    let restored = User { version: 2, ..restored };
    let promoted = changed(anonymous(4), |user| {
        user.promote(name("user1"), email("user2@example.com")).unwrap();
    });
    let takes_email = changed(user(5), |user| user.email = Some(email("user1@example.com")));
    let takes_name = changed(user(6), |user| user.name = name("user2"));
    let shares = changed(user(5), |user| user.name = name("new"));
    let shared = changed(user(6), |user| {
        user.name = name("new");
        user.email = Some(email("user1@example.com"));
    });
    for batch in [
        vec![both(user(2))],
        vec![restored],
        vec![promoted],
        vec![takes_email, takes_name],
        vec![shares, shared],
    ] {
        let mut unit = subject.write().await;
        let refused = unit.users().update_many(&batch).await.unwrap_err();
        assert_eq!(conflict_key(&refused), UniqueKey::Name, "{batch:?}");
    }
}

pub(crate) async fn two_of_one_batch_do_not_get_one_email(subject: Subject) {
    subject.store(&[user(1), user(2)]).await;
    let take = |n| changed(user(n), |user| user.email = Some(email("new@example.com")));
    let refused = check_refused(&subject, &[take(1), take(2)]).await;
    assert_eq!(conflict_key(&refused), UniqueKey::Email);
}

pub(crate) async fn two_of_one_batch_do_not_get_one_name(subject: Subject) {
    subject.store(&[user(1), user(2)]).await;
    let take = |n, text| changed(user(n), |user| user.name = name(text));
    let refused = check_refused(&subject, &[take(1, "neuß"), take(2, "NEUß")]).await;
    assert_eq!(conflict_key(&refused), UniqueKey::Name);
}

pub(crate) async fn a_user_may_spell_its_name_anew(subject: Subject) {
    subject.store(&[user(1)]).await;
    let respelled = changed(user(1), |user| user.name = name("User1"));
    subject.update(std::slice::from_ref(&respelled)).await;
    check_same(&subject.user(user_id(1)).await, &respelled);
}

pub(crate) async fn a_name_of_a_deleted_user_is_free(subject: Subject) {
    subject.store(&[deleted(user(1), at(9)), user(2)]).await;
    let take = changed(user(2), |user| {
        user.name = name("user1");
        user.email = Some(email("user1@example.com"));
    });
    subject.update(std::slice::from_ref(&take)).await;
    check_same(&subject.user(user_id(2)).await, &take);
}

pub(crate) async fn a_restored_user_conflicts_with_whom_took_its_keys(subject: Subject) {
    let gone = deleted(user(1), at(9));
    subject.store(&[gone.clone(), User { name: name("USER1"), ..user(2) }]).await;
    let restored = changed(gone.clone(), |user| user.restore().unwrap());
    let refused = check_refused(&subject, std::slice::from_ref(&restored)).await;
    assert_eq!(conflict_key(&refused), UniqueKey::Name);
    let freed = changed(User { name: name("USER1"), ..user(2) }, |user| user.name = name("else"));
    subject.update(&[freed]).await;
    subject.update(std::slice::from_ref(&restored)).await;
    check_same(&subject.user(user_id(1)).await, &restored);
    assert_eq!(restored.status, UserStatus::Active);
}

pub(crate) async fn lookups_follow_an_update(subject: Subject) {
    subject.store(&[user(1)]).await;
    let moved = changed(user(1), |user| {
        user.name = name("moved");
        user.email = Some(email("moved@example.com"));
    });
    subject.update(std::slice::from_ref(&moved)).await;
    let mut unit = subject.read().await;
    let emails = [email("user1@example.com"), email("moved@example.com")];
    assert_eq!(unit.users().find_by_emails(&emails).await.unwrap(), std::slice::from_ref(&moved));
    assert_eq!(unit.users().find_by_emails(&emails[..1]).await.unwrap(), []);
    assert_eq!(unit.users().find_by_names(&[name("user1")]).await.unwrap(), []);
    assert_eq!(unit.users().find_by_names(&[name("moved")]).await.unwrap(), [moved]);
}

pub(crate) async fn a_delete_frees_name_and_email_inside_the_unit(subject: Subject) {
    subject.store(&[user(1)]).await;
    let gone = changed(user(1), |user| user.delete(at(9)).unwrap());
    let heir = User { name: name("user1"), email: Some(email("user1@example.com")), ..user(2) };
    let mut unit = subject.write().await;
    unit.users().update_many(std::slice::from_ref(&gone)).await.unwrap();
    unit.users().insert_many(std::slice::from_ref(&heir)).await.unwrap();
    unit.commit().await.unwrap();
    check_same(&subject.users(&[1, 2].map(user_id)).await, &vec![gone, heir]);
}

pub(crate) async fn a_large_batch_is_updated_at_once(subject: Subject) {
    let users: Vec<_> = (1..=1500).map(user).collect();
    subject.store(&users).await;
    let suspend = |user| changed(user, |user| user.status = UserStatus::Suspended);
    let updates: Vec<_> = users.into_iter().map(suspend).collect();
    subject.update(&updates).await;
    let ids: Vec<_> = updates.iter().map(|user| user.id).collect();
    check_same(&subject.users(&ids).await, &updates);
}

pub(crate) async fn an_update_is_taken_from_the_unit_s_own_version(subject: Subject) {
    subject.store(&[admin(1)]).await;
    let second = changed(admin(1), |user| user.is_bot = true);
    let third = changed(second.clone(), |user| user.is_bot = false);
    let mut unit = subject.write().await;
    unit.users().update_many(&[second]).await.unwrap();
    unit.users().update_many(std::slice::from_ref(&third)).await.unwrap();
    unit.commit().await.unwrap();
    check_same(&subject.user(user_id(1)).await, &third);
}
