//! Units that read what may be of the past.

use std::time::Duration;

use systemprompt_users_domain::{BanEnd, LockKey, UnitOfWork, UserOrder};
use tokio::time::timeout;

use super::units::{census, fill};
use crate::Subject;
use crate::fixtures::{
    api_key, at, banned, event, every_kind, job_run, offence, remembered, session, session_id,
    sign_in_link, user, user_id,
};
use crate::subject::request;

async fn lagging(subject: &Subject) -> Box<dyn UnitOfWork> {
    let opened = timeout(Duration::from_secs(30), subject.read_lagging()).await;
    opened.expect("a reader waits for a writer")
}

/// Whatever it sees was committed once: nothing, or what is there now; it is asked in every way that there is.
pub(crate) async fn a_lagging_unit_sees_what_is_committed(subject: Subject) {
    let mut unit = subject.write().await;
    fill(&mut *unit).await;
    let before = census(&mut *lagging(&subject).await).await;
    assert!(before.iter().all(|count| *count == 0), "{before:?}");
    unit.commit().await.unwrap();
    let after = census(&mut *lagging(&subject).await).await;
    assert!(after.iter().all(|count| *count <= 2), "{after:?}");
    let mut unit = lagging(&subject).await;
    let page = unit.users().list(&Default::default(), UserOrder::Oldest, &request(10, None)).await;
    assert!(page.unwrap().items.iter().all(|listed| *listed == user(1)));
}

/// Also not for a lock.
pub(crate) async fn a_lagging_unit_waits_for_nobody(subject: Subject) {
    let mut unit = subject.write().await;
    fill(&mut *unit).await;
    unit.lock(LockKey::Admins).await.unwrap();
    let asked = async { census(&mut *lagging(&subject).await).await };
    timeout(Duration::from_secs(30), asked).await.expect("a reader waits for a writer");
}

pub(crate) async fn a_lagging_unit_refuses_changes(subject: Subject) {
    subject.store(&[user(1)]).await;
    macro_rules! refused {
        ($($part:ident.$method:ident($($arg:expr),*);)*) => {
            $({
                let mut unit = lagging(&subject).await;
                let refused = unit.$part().$method($($arg),*).await.map(drop);
                let name = concat!(stringify!($part), ".", stringify!($method));
                assert!(refused.is_err(), "a unit for reading did {name}");
            })*
        };
    }
    let ban = [banned(1, offence("192.0.2.1", BanEnd::Never), at(1))];
    let logged = [event(1, every_kind().remove(0).kind)];
    refused! {
        users.insert_many(&[user(2)]);
        users.touch_many(&[(user_id(1), at(500))]);
        users.purge_many(&[user_id(1)]);
        sessions.insert(&session(1, user_id(1)));
        sessions.touch_many(&[(session_id(1), at(500))]);
        bans.append(&ban);
        events.append(&logged);
        jobs.start(&job_run(1, "cleanup"));
        api_keys.insert(&api_key(1));
        sign_in_links.insert(&sign_in_link(1, user_id(1)));
        idempotency.begin(&remembered(1), at(1));
    }
    assert_eq!(subject.users(&[1, 2].map(user_id)).await, [user(1)]);
    assert_eq!(subject.sessions(&[session_id(1)]).await, []);
    let runs = subject.read().await.jobs().last_scheduled("cleanup").await.unwrap();
    assert_eq!(runs, None);
}
