//! A host is killed: what it had acknowledged is there, and the rest goes in when it is started again.

use std::sync::Mutex;
use std::thread;

use systemprompt_users::UserService;

use crate::support::{
    Daemon, Place, Program, admin_key, assert_clean, bounded, count_events, import_file,
    live_emails, send, until, usersctl,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn usersctl_in_the_middle_of_an_import_on_postgres() {
    bounded();
    import_twice(Place::postgres().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn usersctl_in_the_middle_of_an_import_on_sqlite() {
    bounded();
    import_twice(Place::sqlite().await).await;
}

async fn import_twice(place: Place) {
    const ROWS: usize = 20_000;
    let file = place.path().join("users.csv");
    import_file(&file, ROWS);
    let import = ["users", "import", file.to_str().unwrap(), "-o", "json"];
    let pool = place.connect().await;
    let users = UserService::new(&pool).unwrap();
    let mut existing = 0;
    for more in [3_000, 4_000] {
        let mut importing = Program::start(usersctl(&place.url, &import));
        while users.get_stats().await.unwrap().total < existing + more {
            assert!(importing.is_running(), "the import was over before it was killed");
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
        importing.kill();
        existing = u64::try_from(live_emails(&pool).await.len()).unwrap();
        assert_eq!(existing % 1_000, 0, "no batch is half done");
        assert_clean(&pool).await;
    }
    let (code, out, errors) = Program::run(usersctl(&place.url, &import));
    assert_eq!(code, 0, "{errors}");
    let summary: serde_json::Value = serde_json::from_str(&out).unwrap();
    // A server may finish the last commit of a host that is dead.
    assert!(summary["existing"].as_u64().unwrap() >= existing, "{summary}");
    let both = summary["existing"].as_u64().unwrap() + summary["created"].as_u64().unwrap();
    assert_eq!((both, summary["refused"].as_u64()), (20_000, Some(0)));
    assert_eq!(live_emails(&pool).await.len(), ROWS);
    assert_eq!(count_events(&pool).await["user_created"], ROWS + 1, "each was created once");
    assert_clean(&pool).await;
    pool.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn usersd_under_load_on_postgres() {
    bounded();
    create_by_many(Place::postgres().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn usersd_under_load_on_sqlite() {
    bounded();
    create_by_many(Place::sqlite().await).await;
}

const CLIENTS: usize = 4;
const EACH: usize = 100;

/// Several clients create users, each one after the other, while the daemon is killed twice.
async fn create_by_many(place: Place) {
    let pool = place.connect().await;
    let key = admin_key(&pool).await;
    let daemon = Mutex::new(Daemon::start(&place, &place.url, &[]));
    let acknowledged = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (daemon, acknowledged, key) = (&daemon, &acknowledged, &key);
            scope.spawn(move || {
                for number in client * EACH..(client + 1) * EACH {
                    create(daemon, key, number, acknowledged);
                }
            });
        }
        for mark in [60, 220] {
            until("so many are created", || acknowledged.lock().unwrap().len() >= mark);
            // Nobody learns the new address before it is up.
            let address = daemon.lock().unwrap().address().to_owned();
            let mut held = daemon.lock().unwrap();
            held.kill();
            assert!(send(&address, "GET", "/readyz", &key, "").is_err(), "it is dead");
            *held = Daemon::start(&place, &place.url, &[]);
        }
    });
    let there = live_emails(&pool).await;
    for email in acknowledged.into_inner().unwrap() {
        assert!(there.contains(&email), "{email} was acknowledged");
    }
    assert_eq!(there.len(), CLIENTS * EACH);
    assert_eq!(count_events(&pool).await["user_created"], CLIENTS * EACH + 1);
    assert_clean(&pool).await;
    drop(daemon);
    pool.close().await.unwrap();
}

/// Creates one user, however often that takes.
fn create(daemon: &Mutex<Daemon>, key: &str, number: usize, acknowledged: &Mutex<Vec<String>>) {
    let email = format!("user{number}@example.com");
    let body = format!(r#"{{"name":"user{number}","email":"{email}"}}"#);
    let mut is_unknown = false;
    until("the user is created", || {
        let address = daemon.lock().unwrap().address().to_owned();
        match send(&address, "POST", "/api/v1/users", key, &body) {
            Ok(201) => true,
            // What was sent before a host died may have been done.
            Ok(409) if is_unknown => true,
            Ok(status) => panic!("{email}: {status}"),
            Err(_) => {
                is_unknown = true;
                false
            }
        }
    });
    acknowledged.lock().unwrap().push(email);
}
