//! Units that touch the same rows take them in one order, so that none gets stuck with another.
//!
//! Each case holds the row of the lower id, lets a unit run that needs both, and then takes the other row: who
//! has taken that one first, against the order, is now waited for by the unit it waits for.

use std::future::Future;

use systemprompt_users_domain::{BanEnd, EndReason, Offence, StorageResult};

use crate::Subject;
use crate::books::Books;
use crate::fixtures::{at, offence, session, session_id, user, user_id};
use crate::overlap::Beside;

/// Ledgers 2 and 1, in this order, each with an offence of user 1; answers with the books.
async fn store_ledgers(subject: &Subject) -> Books {
    subject.store(&[user(1), user(2)]).await;
    let mut books = Books::default();
    for (n, text) in [(2, "192.0.2.2"), (1, "192.0.2.1")] {
        let of_user = Offence { user_id: Some(user_id(1)), ..offence(text, BanEnd::At(at(9))) };
        books.ban(n, of_user, at(1));
        books.post(subject).await;
    }
    books
}

/// Takes ledger 1, lets `work` run into it, takes ledger 2 as well, and commits: both must succeed.
async fn check_ledgers<W>(subject: Subject, work: impl FnOnce(Subject) -> W)
where
    W: Future<Output = StorageResult<()>> + Send + 'static,
{
    let mut books = store_ledgers(&subject).await;
    let mut unit = subject.write().await;
    books.ban(1, offence("192.0.2.1", BanEnd::Never), at(2));
    unit.bans().append(&books.unposted()).await.unwrap();
    let mut beside = Beside::start(work(subject.clone()));
    beside.let_run().await;
    books.ban(2, offence("192.0.2.2", BanEnd::Never), at(2));
    unit.bans().append(&books.unposted()).await.expect("the unit beside took ledger 2 too early");
    unit.commit().await.unwrap();
    beside.end().await.expect("a unit that waits in the order of ids gets through");
}

pub(crate) async fn a_purge_takes_ledgers_in_the_order_of_ids(subject: Subject) {
    check_ledgers(subject, |subject| async move {
        let mut unit = subject.write().await;
        unit.users().purge_many(&[user_id(1)]).await?;
        unit.commit().await
    })
    .await;
}

pub(crate) async fn associations_move_in_the_order_of_ledgers(subject: Subject) {
    check_ledgers(subject, |subject| async move {
        let mut unit = subject.write().await;
        unit.bans().reassign_user(user_id(1), user_id(2)).await?;
        unit.commit().await
    })
    .await;
}

pub(crate) async fn a_purge_takes_sessions_in_the_order_of_ids(subject: Subject) {
    subject.store(&[user(1)]).await;
    subject.store_sessions(&[session(2, user_id(1))]).await;
    subject.store_sessions(&[session(1, user_id(1))]).await;
    let mut unit = subject.write().await;
    let end = |n| [session_id(n)];
    unit.sessions().end_many(&end(1), EndReason::Revoked, at(5)).await.unwrap();
    let mut beside = Beside::start({
        let subject = subject.clone();
        async move {
            let mut unit = subject.write().await;
            unit.users().purge_many(&[user_id(1)]).await?;
            unit.commit().await
        }
    });
    beside.let_run().await;
    let ended = unit.sessions().end_many(&end(2), EndReason::Revoked, at(5)).await;
    ended.expect("the unit beside took session 2 too early");
    unit.commit().await.unwrap();
    beside.end().await.expect("a unit that waits in the order of ids gets through");
    assert!(subject.sessions(&[1, 2].map(session_id)).await.is_empty());
}
