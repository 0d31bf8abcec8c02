//! Two units that want the same thing at once: one gets it, whichever way the other ends.

use systemprompt_users_domain::InsertOutcome::{Conflict, Inserted};
use systemprompt_users_domain::{
    Actor, BanEnd, BanFact, BannedIp, InsertOutcome, JobOutcome, JobRun, LockKey, StorageError,
    StorageResult, TimeRange, UniqueKey, User, UserStatus,
};

use crate::Subject;
use crate::books::hour;
use crate::fixtures::{
    anonymous, at, banned, changed, email, job_run, name, offence, session, session_id, target,
    token_hash, user, user_id,
};
use crate::overlap::{Beside, persist};
use crate::population::expected_tally;
use crate::subject::{check_same, conflict_key};

fn insert_beside(subject: &Subject, user: User) -> Beside<InsertOutcome> {
    let subject = subject.clone();
    Beside::start(async move {
        let mut unit = subject.write().await;
        let outcomes = unit.users().insert_many(&[user]).await.unwrap();
        unit.commit().await.unwrap();
        outcomes[0]
    })
}

/// Two users that share `key` come at once: the first one's unit commits, or is dropped.
async fn check_inserts(subject: &Subject, first: User, second: User, key: UniqueKey) {
    let mut unit = subject.write().await;
    unit.users().insert_many(std::slice::from_ref(&first)).await.unwrap();
    let mut beside = insert_beside(subject, second.clone());
    beside.let_run().await;
    drop(unit);
    assert_eq!(beside.end().await, Inserted, "the other one was dropped");
    subject.purge(&[second.id]).await;
    let mut unit = subject.write().await;
    unit.users().insert_many(std::slice::from_ref(&first)).await.unwrap();
    let mut beside = insert_beside(subject, second.clone());
    beside.let_run().await;
    unit.commit().await.unwrap();
    assert_eq!(beside.end().await, Conflict(key), "the other one was stored");
    check_same(&subject.users(&[first.id]).await, &vec![first]);
}

pub(crate) async fn one_email_is_given_to_one(subject: Subject) {
    let second = User { email: Some(email("USER1@example.com")), ..user(2) };
    check_inserts(&subject, user(1), second, UniqueKey::Email).await;
}

pub(crate) async fn one_name_is_given_to_one(subject: Subject) {
    let second = User { name: name("USER1"), ..user(2) };
    check_inserts(&subject, user(1), second, UniqueKey::Name).await;
}

pub(crate) async fn one_token_is_given_to_one(subject: Subject) {
    let second = User { token_hash: Some(token_hash(1)), ..anonymous(2) };
    check_inserts(&subject, anonymous(1), second, UniqueKey::Token).await;
}

pub(crate) async fn of_many_who_want_one_email_one_gets_it(subject: Subject) {
    let rivals: Vec<_> = (1..=8)
        .map(|n| insert_beside(&subject, User { email: Some(email("a@example.com")), ..user(n) }))
        .collect();
    let mut inserted = 0;
    for rival in rivals {
        match rival.end().await {
            Inserted => inserted += 1,
            refused => assert_eq!(refused, Conflict(UniqueKey::Email)),
        }
    }
    assert_eq!(inserted, 1);
    let mut unit = subject.read().await;
    assert_eq!(unit.users().find_by_emails(&[email("a@example.com")]).await.unwrap().len(), 1);
}

pub(crate) async fn an_update_to_a_taken_email_is_a_conflict_at_once_too(subject: Subject) {
    subject.store(&[user(1), user(2)]).await;
    let take = |n| changed(user(n), |user| user.email = Some(email("new@example.com")));
    let mut unit = subject.write().await;
    unit.users().update_many(&[take(1)]).await.unwrap();
    let mut beside = Beside::start({
        let subject = subject.clone();
        async move {
            let mut unit = subject.write().await;
            let refused = unit.users().update_many(&[take(2)]).await.unwrap_err();
            unit.users().insert_many(&[user(3)]).await.unwrap();
            unit.commit().await.unwrap();
            refused
        }
    });
    beside.let_run().await;
    unit.commit().await.unwrap();
    assert_eq!(conflict_key(&beside.end().await), UniqueKey::Email);
    check_same(&subject.users(&[1, 2, 3].map(user_id)).await, &vec![take(1), user(2), user(3)]);
}

pub(crate) async fn of_two_changes_from_one_version_one_is_stale(subject: Subject) {
    subject.store(&[user(1)]).await;
    let bot = changed(user(1), |user| user.is_bot = true);
    let mut unit = subject.write().await;
    unit.users().update_many(std::slice::from_ref(&bot)).await.unwrap();
    let mut beside = Beside::start({
        let subject = subject.clone();
        async move {
            let mut unit = subject.write().await;
            let suspend = changed(user(1), |user| user.status = UserStatus::Suspended);
            let refused = unit.users().update_many(&[suspend]).await.unwrap_err();
            unit.users().insert_many(&[user(2)]).await.unwrap();
            unit.commit().await.unwrap();
            refused
        }
    });
    beside.let_run().await;
    unit.commit().await.unwrap();
    let refused = beside.end().await;
    assert!(matches!(refused, StorageError::Stale), "{refused:?}");
    check_same(&subject.users(&[1, 2].map(user_id)).await, &vec![bot, user(2)]);
}

pub(crate) async fn one_session_token_is_given_to_one(subject: Subject) {
    subject.store(&[user(1)]).await;
    let mut unit = subject.write().await;
    unit.sessions().insert(&session(1, user_id(1))).await.unwrap();
    let mut beside = Beside::start({
        let subject = subject.clone();
        async move {
            let mut unit = subject.write().await;
            let mut rival = session(2, user_id(1));
            rival.token_hash = token_hash(1);
            unit.sessions().insert(&rival).await.unwrap_err()
        }
    });
    beside.let_run().await;
    unit.commit().await.unwrap();
    assert_eq!(conflict_key(&beside.end().await), UniqueKey::Token);
    assert_eq!(subject.sessions(&[1, 2].map(session_id)).await.len(), 1);
}

fn start_beside(subject: &Subject, run: JobRun) -> Beside<bool> {
    let subject = subject.clone();
    Beside::start(async move {
        let mut unit = subject.write().await;
        let started = unit.jobs().start(&run).await.unwrap();
        unit.commit().await.unwrap();
        started
    })
}

pub(crate) async fn one_host_starts_a_run(subject: Subject) {
    for (commits, rival_starts) in [(false, true), (true, false)] {
        let n = 1 + 2 * u32::from(commits);
        let rival = JobRun {
            host: "host2".into(),
            scheduled_at: job_run(n, "job").scheduled_at,
            ..job_run(n + 1, "job")
        };
        let mut unit = subject.write().await;
        assert!(unit.jobs().start(&job_run(n, "job")).await.unwrap());
        let mut beside = start_beside(&subject, rival);
        beside.let_run().await;
        if commits {
            unit.commit().await.unwrap();
        } else {
            drop(unit);
        }
        assert_eq!(beside.end().await, rival_starts, "the first host commits: {commits}");
    }
}

async fn take_over(subject: Subject, host: u32) -> StorageResult<Option<JobRun>> {
    let mut unit = subject.try_write().await?;
    let taken = unit.jobs().take_over("job", &format!("host{host}"), at(500), at(900)).await?;
    unit.commit().await?;
    Ok(taken)
}

fn take_over_beside(subject: &Subject, host: u32) -> Beside<Option<JobRun>> {
    let subject = subject.clone();
    Beside::start(persist(move || take_over(subject.clone(), host)))
}

pub(crate) async fn one_host_takes_a_run_over(subject: Subject) {
    assert!(start_beside(&subject, job_run(1, "job")).end().await);
    let mut unit = subject.write().await;
    let taken = unit.jobs().take_over("job", "host2", at(500), at(900)).await.unwrap();
    assert!(taken.is_some());
    let mut beside = take_over_beside(&subject, 3);
    beside.let_run().await;
    unit.commit().await.unwrap();
    assert_eq!(beside.end().await, None);
}

pub(crate) async fn of_many_hosts_one_takes_a_run_over(subject: Subject) {
    assert!(start_beside(&subject, job_run(1, "job")).end().await);
    let rivals: Vec<_> = (2..8).map(|host| take_over_beside(&subject, host)).collect();
    let mut taken = Vec::new();
    for rival in rivals {
        taken.extend(rival.end().await);
    }
    assert_eq!(taken.len(), 1);
    assert_eq!(taken[0].attempts, 2);
}

pub(crate) async fn a_run_that_is_taken_over_is_not_finished_by_the_first(subject: Subject) {
    let run = job_run(1, "job");
    assert!(start_beside(&subject, run.clone()).end().await);
    let mut unit = subject.write().await;
    let taken = unit.jobs().take_over("job", "host2", at(500), at(900)).await.unwrap().unwrap();
    let mut beside = Beside::start({
        let subject = subject.clone();
        async move {
            let mut unit = subject.write().await;
            let over =
                JobRun { ended_at: Some(at(501)), outcome: Some(JobOutcome::Succeeded), ..run };
            let finished = unit.jobs().finish(&over).await.unwrap();
            unit.commit().await.unwrap();
            finished
        }
    });
    beside.let_run().await;
    unit.commit().await.unwrap();
    assert!(!beside.end().await);
    let page = crate::subject::request(10, None);
    let listed = subject.read().await.jobs().list(&Default::default(), &page).await.unwrap();
    check_same(&listed.items, &vec![taken]);
}

fn append_beside(subject: &Subject, change: (BannedIp, BanFact)) -> Beside<StorageResult<()>> {
    let subject = subject.clone();
    Beside::start(async move {
        let mut unit = subject.write().await;
        unit.lock(LockKey::Bans).await.unwrap();
        unit.bans().append(&[change]).await?;
        unit.commit().await
    })
}

pub(crate) async fn of_two_facts_for_one_place_one_is_stale(subject: Subject) {
    let text = "192.0.2.1";
    let first = banned(1, offence(text, BanEnd::At(hour(1))), at(1));
    subject.append_bans(std::slice::from_ref(&first)).await;
    let again = |hours| {
        let offence = offence(text, BanEnd::At(hour(hours)));
        first.0.clone().ban_again(offence, &Actor::System, at(2))
    };
    let mut unit = subject.write().await;
    unit.lock(LockKey::Bans).await.unwrap();
    unit.bans().append(&[again(2)]).await.unwrap();
    let mut beside = append_beside(&subject, again(3));
    beside.must_wait().await;
    unit.commit().await.unwrap();
    let refused = beside.end().await.unwrap_err();
    assert!(matches!(refused, StorageError::Stale), "{refused:?}");
    let found = subject.read().await.bans().find_many(&[target(text)]).await.unwrap();
    check_same(&found, &vec![again(2).0]);
}

/// Who bans a target that somebody bans for the first time right now finds the ledger under the lock.
pub(crate) async fn a_target_gets_one_ledger(subject: Subject) {
    let text = "2001:db8::1";
    let first = banned(1, offence(text, BanEnd::Never), at(1));
    let mut unit = subject.write().await;
    unit.lock(LockKey::Bans).await.unwrap();
    unit.bans().append(std::slice::from_ref(&first)).await.unwrap();
    let mut beside = Beside::start({
        let subject = subject.clone();
        async move {
            let mut unit = subject.write().await;
            unit.lock(LockKey::Bans).await.unwrap();
            unit.bans().find_many(&[target(text)]).await.unwrap()
        }
    });
    beside.must_wait().await;
    unit.commit().await.unwrap();
    check_same(&beside.end().await, &vec![first.0]);
}

/// Each unit creates, changes and removes users of several kinds, in its own order.
pub(crate) async fn counts_are_exact_after_many_units_at_once(subject: Subject) {
    let tasks: Vec<_> = (0..6)
        .map(|task: u32| {
            let subject = subject.clone();
            Beside::start(async move {
                for round in 0..6 {
                    let base = 1 + task * 100 + round * 4;
                    persist(|| churn(subject.clone(), base)).await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.end().await;
    }
    let ids: Vec<_> = (1..=700).map(user_id).collect();
    let stored = subject.users(&ids).await;
    assert_eq!(stored.len(), 6 * 6 * 3);
    let mut unit = subject.read().await;
    let mut tallies = unit.users().tally(&TimeRange::default()).await.unwrap();
    tallies.sort();
    assert_eq!(tallies, expected_tally(&stored, &TimeRange::default()));
}

async fn churn(subject: Subject, base: u32) -> StorageResult<()> {
    let mut unit = subject.try_write().await?;
    let mut users = vec![user(base), anonymous(base + 1), user(base + 2), user(base + 3)];
    if base % 8 == 1 {
        users.reverse();
    }
    assert_eq!(unit.users().insert_many(&users).await?, [Inserted; 4]);
    unit.users()
        .update_many(&[changed(user(base), |user| user.status = UserStatus::Suspended)])
        .await?;
    unit.users().purge_many(&[user_id(base + 2)]).await?;
    unit.commit().await
}
