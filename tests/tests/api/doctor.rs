//! The doctor: says what is off, and nothing where all is well.

use systemprompt_users::{
    BanDuration, EndReason, Finding, Invariant, MergeOptions, Roles, UserStatus,
};
use systemprompt_users_tests::{Host, on_every_backend};

on_every_backend! {
    a_busy_host_is_sound,
    an_empty_storage_is_sound,
    users_without_an_active_admin_are_noticed,
    an_open_session_of_a_suspended_user_is_noticed,
    a_registered_user_without_an_email_is_noticed,
    a_deletion_without_a_time_is_noticed,
    a_merge_into_nobody_is_noticed,
    more_than_ten_offenders_are_counted,
}

async fn broken(host: &Host) -> Vec<Finding> {
    let findings = host.doctor.examine().await.unwrap();
    assert!(findings.iter().map(|finding| finding.invariant).eq(Invariant::ALL));
    findings.into_iter().filter(|finding| finding.broken > 0).collect()
}

/// Checks that this invariant is broken so often, and no other.
async fn check(host: &Host, invariant: Invariant, count: u64) {
    let found = broken(host).await;
    let [finding] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((finding.invariant, finding.broken), (invariant, count), "{finding:?}");
    assert!(!finding.examples.is_empty() && finding.examples.len() <= 10);
    assert!(!invariant.describe().is_empty());
}

/// Puts a user into the storage as no service would.
async fn put(host: &Host, mut user: systemprompt_users::User) {
    user.version += 1;
    let mut unit = host.storage.write().await.unwrap();
    unit.users().update_many(&[user]).await.unwrap();
    unit.commit().await.unwrap();
    host.break_on_purpose();
}

async fn a_busy_host_is_sound(host: &Host) {
    host.admin("root").await;
    let (ada, sessions) = host.user_with_sessions("ada", 3).await;
    let bob = host.user("bob").await.id;
    host.users.update_status(bob, UserStatus::Suspended).await.unwrap();
    host.sessions.end(sessions[0], EndReason::Logout).await.unwrap();
    let old = host.user("old").await.id;
    host.users.merge_users(old, ada.id, MergeOptions::default()).await.unwrap();
    host.visitor("browser").await;
    let gone = host.user("gone").await.id;
    host.users.delete(gone).await.unwrap();
    for duration in [BanDuration::Hours(5), BanDuration::Permanent, BanDuration::Days(1)] {
        host.ban("192.0.2.1", duration).await;
    }
    host.bans.unban_ip("192.0.2.1", None).await.unwrap();
    host.ban("192.0.2.1", BanDuration::Hours(1)).await;
    assert!(broken(host).await.is_empty());
}

async fn an_empty_storage_is_sound(host: &Host) {
    assert!(broken(host).await.is_empty());
    host.visitor("browser").await;
    assert!(broken(host).await.is_empty(), "visitors need no admin");
}

async fn users_without_an_active_admin_are_noticed(host: &Host) {
    host.user("ada").await;
    check(host, Invariant::ActiveAdmin, 1).await;
    host.admin("root").await;
    assert!(broken(host).await.is_empty());
}

async fn an_open_session_of_a_suspended_user_is_noticed(host: &Host) {
    host.admin("root").await;
    let (mut ada, _) = host.user_with_sessions("ada", 2).await;
    ada = host.get(ada.id).await;
    ada.status = UserStatus::Suspended;
    put(host, ada).await;
    check(host, Invariant::ClosedSessions, 2).await;
}

async fn a_registered_user_without_an_email_is_noticed(host: &Host) {
    host.admin("root").await;
    let mut visitor = host.visitor("browser").await.user;
    visitor.roles = Roles::USER;
    // A backend that refuses to store it is as sound as one where it is noticed.
    visitor.version += 1;
    let mut unit = host.storage.write().await.unwrap();
    if unit.users().update_many(&[visitor]).await.is_ok() && unit.commit().await.is_ok() {
        host.break_on_purpose();
        check(host, Invariant::Emails, 1).await;
    }
}

async fn a_deletion_without_a_time_is_noticed(host: &Host) {
    host.admin("root").await;
    let mut ada = host.user("ada").await;
    ada.status = UserStatus::Deleted;
    ada.version += 1;
    let mut unit = host.storage.write().await.unwrap();
    if unit.users().update_many(&[ada]).await.is_ok() && unit.commit().await.is_ok() {
        host.break_on_purpose();
        check(host, Invariant::DeletionTimes, 1).await;
    }
}

async fn a_merge_into_nobody_is_noticed(host: &Host) {
    host.admin("root").await;
    let ada = host.user("ada").await;
    let mut gone = host.users.delete(ada.id).await.unwrap();
    gone.merged_into = Some(ada.id);
    gone.version += 1;
    let mut unit = host.storage.write().await.unwrap();
    if unit.users().update_many(&[gone]).await.is_ok() && unit.commit().await.is_ok() {
        host.break_on_purpose();
        check(host, Invariant::MergeTargets, 1).await;
    }
}

async fn more_than_ten_offenders_are_counted(host: &Host) {
    host.admin("root").await;
    let (ada, _) = host.user_with_sessions("ada", 15).await;
    let mut ada = host.get(ada.id).await;
    ada.status = UserStatus::Suspended;
    put(host, ada).await;
    check(host, Invariant::ClosedSessions, 15).await;
}
