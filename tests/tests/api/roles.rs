//! Roles: no change is lost, and one active admin stays whatever is done at once.

use systemprompt_users::{
    BulkOutcome, DemoteResult, EventKind, MergeOptions, PromoteResult, RefusedOperation, Result,
    Roles, UserError, UserId, UserRole, UserStatus,
};
use systemprompt_users_tests::{Host, at_once, code, on_every_backend};

on_every_backend! {
    roles_are_assigned_and_revoked,
    promote_and_demote_say_what_they_did,
    the_only_role_stays,
    anonymous_stands_alone,
    an_unknown_role_is_refused,
    the_last_admin_stays,
    a_suspended_admin_does_not_count,
    a_deleted_or_unknown_user_has_no_roles_to_change,
    two_hundred_rounds_of_two_role_changes_at_once,
    two_demotions_of_the_last_two_admins_at_once,
    every_pair_of_ways_to_lose_the_last_two_admins_at_once,
    many_admins_leave_at_once_and_one_stays,
}

const BOTH: [UserRole; 2] = [UserRole::Admin, UserRole::User];

fn both() -> Roles {
    Roles::new(BOTH).unwrap()
}

async fn roles_are_assigned_and_revoked(host: &Host) {
    host.admin("root").await;
    let id = host.user("ada").await.id;
    let start = host.position().await;
    assert_eq!(host.users.assign_role(id, UserRole::Admin).await.unwrap().roles, both());
    assert_eq!(host.users.revoke_role(id, UserRole::Admin).await.unwrap().roles, Roles::USER);
    let admin = Roles::new([UserRole::Admin]).unwrap();
    assert_eq!(host.users.assign_roles(id, &[UserRole::Admin]).await.unwrap().roles, admin);
    assert_eq!(host.users.assign_roles(id, &BOTH).await.unwrap().roles, both());
    let changed = |from, to| EventKind::RolesChanged { user_id: id, from, to };
    assert_eq!(
        host.events_since(start).await,
        [
            changed(Roles::USER, both()),
            changed(both(), Roles::USER),
            changed(Roles::USER, admin),
            changed(admin, both()),
        ]
    );
}

async fn promote_and_demote_say_what_they_did(host: &Host) {
    host.admin("root").await;
    let ada = host.user("ada").await;
    let promoted = host.admins.promote("ADA@example.com").await.unwrap();
    assert!(matches!(&promoted, PromoteResult::Promoted(user) if user.id == ada.id));
    let again = host.admins.promote("ada").await.unwrap();
    assert!(matches!(again, PromoteResult::AlreadyAdmin(_)));
    let demoted = host.admins.demote(&ada.id.to_string()).await.unwrap();
    assert!(matches!(&demoted, DemoteResult::Demoted(user) if user.roles == Roles::USER));
    let again = host.admins.demote("ada").await.unwrap();
    assert!(matches!(again, DemoteResult::NotAdmin(_)));

    // Whoever was nothing but an admin is a user then.
    host.users.assign_roles(ada.id, &[UserRole::Admin]).await.unwrap();
    let demoted = host.admins.demote("ada").await.unwrap();
    assert!(matches!(&demoted, DemoteResult::Demoted(user) if user.roles == Roles::USER));
    assert_eq!(code(host.admins.promote("nobody").await), "not_found");
    assert_eq!(code(host.admins.demote("nobody").await), "not_found");
}

async fn the_only_role_stays(host: &Host) {
    host.admin("root").await;
    let ada = host.user("ada").await;
    assert_eq!(code(host.users.revoke_role(ada.id, UserRole::User).await), "invalid_roles");
    assert_eq!(code(host.users.assign_roles(ada.id, &[]).await), "invalid_roles");
    host.users.assign_roles(ada.id, &[UserRole::Admin]).await.unwrap();
    assert_eq!(code(host.users.revoke_role(ada.id, UserRole::Admin).await), "invalid_roles");
}

async fn anonymous_stands_alone(host: &Host) {
    let ada = host.user("ada").await;
    let visitor = host.visitor("browser").await.user;
    let start = host.position().await;
    for refused in [
        host.users.assign_role(ada.id, UserRole::Anonymous).await,
        host.users.assign_roles(ada.id, &[UserRole::Anonymous]).await,
        host.users.assign_roles(ada.id, &[UserRole::User, UserRole::Anonymous]).await,
        host.users.assign_role(visitor.id, UserRole::Admin).await,
        host.users.assign_role(visitor.id, UserRole::User).await,
        host.users.assign_roles(visitor.id, &[UserRole::User]).await,
        host.users.revoke_role(visitor.id, UserRole::Anonymous).await,
    ] {
        assert_eq!(code(refused), "invalid_roles");
    }
    assert_eq!(code(host.admins.promote(&visitor.id.to_string()).await), "invalid_roles");
    assert_eq!(host.get(visitor.id).await, visitor);
    assert_eq!(host.get(ada.id).await, ada);
    assert!(host.kinds_since(start).await.is_empty());
}

async fn an_unknown_role_is_refused(_host: &Host) {
    assert_eq!(code("root".parse::<UserRole>()), "invalid_role");
    assert_eq!(code("user,root".parse::<Roles>()), "invalid_role");
    assert_eq!(code(",".parse::<Roles>()), "invalid_roles");
    assert_eq!(code("user,anonymous".parse::<Roles>()), "invalid_roles");
    assert_eq!(" ADMIN ".parse::<UserRole>().unwrap(), UserRole::Admin);
}

async fn the_last_admin_stays(host: &Host) {
    let root = host.admin("root").await;
    let ada = host.user("ada").await;
    host.session(root.id).await;
    let before = host.get(root.id).await;
    let start = host.position().await;
    assert_eq!(code(host.admins.demote("root").await), "last_admin");
    assert_eq!(code(host.users.revoke_role(root.id, UserRole::Admin).await), "last_admin");
    assert_eq!(code(host.users.assign_roles(root.id, &[UserRole::User]).await), "last_admin");
    let suspend = host.users.update_status(root.id, UserStatus::Suspended).await;
    assert_eq!(code(suspend), "last_admin");
    assert_eq!(code(host.users.delete(root.id).await), "last_admin");
    let merge = host.users.merge_users(root.id, ada.id, MergeOptions::default()).await;
    assert_eq!(code(merge), "last_admin");
    let bulk = host.users.bulk_delete(&[root.id]).await.unwrap();
    assert!(matches!(bulk.items[0].outcome, BulkOutcome::Refused(UserError::LastAdmin)));
    let bulk = host.users.bulk_update_status(&[root.id], UserStatus::Suspended).await.unwrap();
    assert!(matches!(bulk.items[0].outcome, BulkOutcome::Refused(UserError::LastAdmin)));

    assert_eq!(host.get(root.id).await, before);
    assert_eq!(host.live_sessions(root.id).await.len(), 1, "its session goes on");
    use RefusedOperation::{ChangeRoles, Delete, Merge, Suspend};
    let refused = |operation| EventKind::ChangeRefused {
        user_id: root.id,
        operation,
        reason: "last_admin".into(),
    };
    let operations =
        [ChangeRoles, ChangeRoles, ChangeRoles, Suspend, Delete, Merge, Delete, Suspend];
    assert_eq!(host.events_since(start).await, operations.map(refused));

    // With another admin all of it is allowed.
    host.users.assign_role(ada.id, UserRole::Admin).await.unwrap();
    host.users.delete(root.id).await.unwrap();
    assert_eq!(code(host.users.delete(ada.id).await), "last_admin");
}

async fn a_suspended_admin_does_not_count(host: &Host) {
    let root = host.admin("root").await;
    let other = host.admin("other").await;
    host.users.update_status(other.id, UserStatus::Suspended).await.unwrap();
    assert_eq!(code(host.users.delete(root.id).await), "last_admin");
    assert_eq!(code(host.admins.demote("root").await), "last_admin");
    // The suspended one may go: it is not the last active admin.
    host.users.revoke_role(other.id, UserRole::Admin).await.unwrap();
    host.users.assign_role(other.id, UserRole::Admin).await.unwrap();
    host.users.delete(other.id).await.unwrap();
    host.users.restore(other.id).await.unwrap();
    host.users.update_status(other.id, UserStatus::Active).await.unwrap();
    host.users.delete(root.id).await.unwrap();
}

async fn a_deleted_or_unknown_user_has_no_roles_to_change(host: &Host) {
    host.admin("root").await;
    let gone = host.admin("gone").await.id;
    host.users.delete(gone).await.unwrap();
    for id in [gone, UserId::from_uuid(uuid::Uuid::nil())] {
        assert_eq!(code(host.users.assign_role(id, UserRole::Admin).await), "not_found");
        assert_eq!(code(host.users.revoke_role(id, UserRole::Admin).await), "not_found");
        assert_eq!(code(host.users.assign_roles(id, &[UserRole::User]).await), "not_found");
    }
}

async fn two_hundred_rounds_of_two_role_changes_at_once(host: &Host) {
    host.admin("root").await;
    let id = host.user("ada").await.id;
    let mut version = 1;
    for round in 0..200 {
        let answers = at_once([true, false].map(|assigns| {
            let users = host.users.clone();
            async move {
                if assigns {
                    users.assign_role(id, UserRole::Admin).await
                } else {
                    users.revoke_role(id, UserRole::User).await
                }
            }
        }))
        .await;
        let [assigned, revoked]: [Result<_>; 2] = answers.try_into().unwrap();
        assigned.unwrap();
        let ada = host.get(id).await;
        // Whoever came first, nothing is lost: the revocation was refused (it came before the other role
        // was there) or has taken place.
        version += 1 + i64::from(revoked.is_ok());
        let expected = match revoked {
            Ok(_) => Roles::new([UserRole::Admin]).unwrap(),
            Err(error) => {
                assert!(matches!(error, UserError::InvalidRoles(_)), "{error}");
                both()
            }
        };
        assert_eq!((ada.roles, ada.version), (expected, version), "round {round}");
        host.users.assign_roles(id, &[UserRole::User]).await.unwrap();
        version += 1;
    }
}

async fn two_demotions_of_the_last_two_admins_at_once(host: &Host) {
    let ids = [host.admin("ada").await.id, host.admin("bob").await.id];
    for round in 0..50 {
        let answers = at_once(ids.map(|id| {
            let users = host.users.clone();
            async move { users.revoke_role(id, UserRole::Admin).await }
        }))
        .await;
        let demoted = answers.iter().filter(|answer| answer.is_ok()).count();
        assert_eq!(demoted, 1, "round {round}: {answers:?}");
        for refused in answers.into_iter().filter(Result::is_err) {
            assert_eq!(code(refused), "last_admin");
        }
        assert_eq!(host.users.count_by_role(UserRole::Admin).await.unwrap(), 1);
        for id in ids {
            host.users.assign_role(id, UserRole::Admin).await.unwrap();
        }
    }
}

/// A way to lose an admin.
#[derive(Debug, Clone, Copy)]
enum Loss {
    Demote,
    Suspend,
    Delete,
    Merge,
    BulkSuspend,
    BulkDelete,
}

impl Loss {
    const ALL: [Self; 6] = [
        Self::Demote,
        Self::Suspend,
        Self::Delete,
        Self::Merge,
        Self::BulkSuspend,
        Self::BulkDelete,
    ];

    /// Tries it on `id`, merging into `heir`; answers whether it took place.
    async fn attempt(self, host: Host, id: UserId, heir: UserId) -> bool {
        let users = &host.users;
        let result = match self {
            Self::Demote => users.revoke_role(id, UserRole::Admin).await.map(drop),
            Self::Suspend => users.update_status(id, UserStatus::Suspended).await.map(drop),
            Self::Delete => users.delete(id).await.map(drop),
            Self::Merge => users.merge_users(id, heir, MergeOptions::default()).await.map(drop),
            Self::BulkSuspend | Self::BulkDelete => {
                let report = match self {
                    Self::BulkSuspend => {
                        users.bulk_update_status(&[id], UserStatus::Suspended).await
                    }
                    _ => users.bulk_delete(&[id]).await,
                };
                match report.unwrap().items.remove(0).outcome {
                    BulkOutcome::Refused(error) => Err(error),
                    _ => Ok(()),
                }
            }
        };
        match result {
            Ok(()) => true,
            Err(UserError::LastAdmin) => false,
            Err(other) => panic!("{self:?}: {other}"),
        }
    }
}

async fn every_pair_of_ways_to_lose_the_last_two_admins_at_once(host: &Host) {
    let heir = host.user("heir").await.id;
    // The admins of the pairs before; each pair leaves one, which the next begins with.
    let mut stayed = host.admin("admin").await.id;
    let mut round = 0;
    for one in Loss::ALL {
        for other in Loss::ALL {
            round += 1;
            let fresh = host.admin(&format!("admin{round}")).await.id;
            let pair = [(one, stayed), (other, fresh)];
            let lost = at_once(pair.map(|(loss, id)| loss.attempt(host.clone(), id, heir))).await;
            assert_eq!(lost.iter().filter(|lost| **lost).count(), 1, "{one:?} and {other:?}");
            stayed = if lost[0] { fresh } else { stayed };
            assert!(host.get(stayed).await.is_active_admin());
        }
    }
}

async fn many_admins_leave_at_once_and_one_stays(host: &Host) {
    let heir = host.user("heir").await.id;
    let mut ids = Vec::new();
    for n in 0..12 {
        ids.push(host.admin(&format!("admin{n}")).await.id);
    }
    let losses = ids.iter().zip(Loss::ALL.into_iter().cycle());
    let lost = at_once(losses.map(|(id, loss)| loss.attempt(host.clone(), *id, heir))).await;
    assert_eq!(lost.iter().filter(|lost| **lost).count(), 11);
    let mut active = 0;
    for id in ids {
        active += usize::from(host.get(id).await.is_active_admin());
    }
    assert_eq!(active, 1);
}
