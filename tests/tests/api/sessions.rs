//! Sessions: one predicate says what is live, and a limit holds whoever signs in at once.

use chrono::{DateTime, Duration, Utc};
use systemprompt_users::{
    EndReason, NewSession, PageRequest, Policy, SessionId, UserId, UserSession,
};
use systemprompt_users_tests::{Host, code, field, on_every_backend};

on_every_backend! {
    a_session_keeps_what_is_known_of_the_client,
    a_token_is_given_once_and_opens_until_it_ends,
    text_that_is_no_token_opens_nothing,
    a_session_expires_at_its_moment,
    an_idle_session_is_over_at_its_moment,
    a_touch_prolongs_but_brings_nothing_back,
    touches_come_in_batches_and_never_go_back,
    sessions_are_listed_by_user_and_by_all,
    lists_of_sessions_come_in_pages,
    what_a_client_sends_is_cut_or_refused,
}

fn ids(sessions: &[UserSession]) -> Vec<SessionId> {
    sessions.iter().map(|session| session.id).collect()
}

async fn a_session_keeps_what_is_known_of_the_client(host: &Host) {
    let ada = host.user("ada").await;
    let client = NewSession {
        ip: Some("::ffff:192.0.2.7".parse().unwrap()),
        user_agent: Some(
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:130.0) Gecko/20100101 Firefox/130.0"
                .into(),
        ),
        os: Some("My OS".into()),
        fingerprint: Some(" browser ".into()),
        ..NewSession::default()
    };
    host.clock.advance(Duration::minutes(5));
    let start = host.position().await;
    let started = host.sessions.create(ada.id, &client).await.unwrap();
    let session = started.session;
    assert_eq!(host.sessions.find_by_id(session.id).await.unwrap().as_ref(), Some(&session));
    assert_eq!(session.ip, Some("192.0.2.7".parse().unwrap()), "in canonical form");
    assert_eq!(session.device_type.as_deref(), Some("desktop"));
    assert_eq!(session.browser.as_deref(), Some("Firefox"));
    assert_eq!(session.os.as_deref(), Some("My OS"), "the host knows better");
    assert_eq!(session.fingerprint.as_ref().unwrap().as_str(), "browser");
    assert_eq!([session.started_at, session.last_activity_at], [host.now(); 2]);
    assert_eq!(session.expires_at, host.now() + Duration::days(30));
    assert_eq!(session.idle_timeout, Some(Duration::days(7)));
    assert_eq!((session.ended_at, session.end_reason), (None, None));
    assert_eq!(host.kinds_since(start).await, ["session_started"]);
    let seen = host.get(ada.id).await;
    assert_eq!((seen.last_active_at, seen.version), (host.now(), 1));
    let json = serde_json::to_string(&session).unwrap();
    assert!(!json.contains("token"), "neither the token nor its hash: {json}");
    let unknown = UserId::from_uuid(uuid::Uuid::nil());
    assert_eq!(code(host.sessions.create(unknown, &client).await), "not_found");
}

async fn a_token_is_given_once_and_opens_until_it_ends(host: &Host) {
    let ada = host.user("ada").await;
    let started = host.session(ada.id).await;
    let other = host.session(ada.id).await;
    let token = &started.token;
    assert_ne!(token.reveal(), other.token.reveal());
    assert!(!format!("{started:?}").contains(&token.reveal()));
    let valid = host.sessions.validate(&token.reveal()).await.unwrap().unwrap();
    assert_eq!(valid.session, started.session);
    assert_eq!(valid.user.id, ada.id);
    host.sessions.end(started.session.id, EndReason::Logout).await.unwrap();
    assert!(!host.is_open(token).await);
    assert!(host.is_open(&other.token).await);
}

async fn text_that_is_no_token_opens_nothing(host: &Host) {
    let ada = host.user("ada").await;
    let token = host.session(ada.id).await.token.reveal();
    let padded = format!("{token}=");
    let session = host.all_sessions(ada.id).await[0].id.to_string();
    let hash: String = "0".repeat(64);
    for wrong in
        ["", " ", "x", &token[1..], &padded, &session, &hash, "' OR 1=1 --", &"A".repeat(10_000)]
    {
        assert_eq!(host.sessions.validate(wrong).await.unwrap(), None, "{wrong:?}");
    }
    assert!(host.sessions.validate(&token).await.unwrap().is_some());
}

async fn a_session_expires_at_its_moment(host: &Host) {
    let policy = Policy {
        session_lifetime: Duration::hours(12),
        session_idle_timeout: None,
        ..Policy::default()
    };
    let host = host.with_policy(policy);
    let ada = host.user("ada").await;
    let started = host.session(ada.id).await;
    let (session, token) = (started.session, started.token);
    assert_eq!(session.expires_at - session.started_at, Duration::hours(12));
    host.clock.set(session.expires_at - Duration::microseconds(1));
    assert!(host.is_open(&token).await);
    assert_eq!(ids(&host.live_sessions(ada.id).await), [session.id]);
    host.clock.set(session.expires_at);
    assert!(!host.is_open(&token).await);
    assert!(host.live_sessions(ada.id).await.is_empty());
    assert_eq!(host.all_sessions(ada.id).await.len(), 1, "it is over, and still on record");
}

async fn an_idle_session_is_over_at_its_moment(host: &Host) {
    let ada = host.user("ada").await;
    let started = host.session(ada.id).await;
    let (session, token) = (started.session, started.token);
    let over = session.last_activity_at + Duration::days(7);
    host.clock.set(over - Duration::microseconds(1));
    assert!(host.is_open(&token).await);
    host.clock.set(over);
    assert!(!host.is_open(&token).await);
}

async fn a_touch_prolongs_but_brings_nothing_back(host: &Host) {
    let ada = host.user("ada").await;
    let started = host.session(ada.id).await;
    let (session, token) = (started.session, started.token);
    for _ in 0..4 {
        host.clock.advance(Duration::days(6));
        host.sessions.touch(session.id).await.unwrap();
        assert!(host.is_open(&token).await);
    }
    let touched = host.sessions.find_by_id(session.id).await.unwrap().unwrap();
    assert_eq!(touched.last_activity_at, host.now());
    assert_eq!(touched.expires_at, session.expires_at, "the end stays where it was");
    assert_eq!(host.get(ada.id).await.last_active_at, host.now());
    host.clock.set(session.expires_at);
    assert!(!host.is_open(&token).await);

    // A session that was idle for too long, or ended, does not come alive.
    let idle = host.session(ada.id).await;
    let ended = host.session(ada.id).await;
    host.sessions.end(ended.session.id, EndReason::Logout).await.unwrap();
    host.clock.advance(Duration::days(8));
    let last_seen = host.get(ada.id).await.last_active_at;
    for over in [&idle, &ended] {
        host.sessions.touch(over.session.id).await.unwrap();
        assert!(!host.is_open(&over.token).await);
    }
    assert_eq!(host.get(ada.id).await.last_active_at, last_seen, "nobody was there");
}

async fn touches_come_in_batches_and_never_go_back(host: &Host) {
    let (ada, of_ada) = host.user_with_sessions("ada", 3).await;
    let (bob, of_bob) = host.user_with_sessions("bob", 1).await;
    let start = host.position().await;
    let now = host.clock.advance(Duration::hours(3));
    let before = |minutes| now - Duration::minutes(minutes);
    let unknown = SessionId::from_uuid(uuid::Uuid::nil());
    let seen: Vec<(SessionId, DateTime<Utc>)> = vec![
        (of_ada[0], before(30)),
        (of_ada[1], before(10)),
        (of_ada[0], before(20)),
        (of_ada[2], before(600)),
        (of_bob[0], now),
        (unknown, now),
    ];
    let untouched = host.sessions.find_by_id(of_ada[2]).await.unwrap().unwrap();
    host.sessions.touch_many(&seen).await.unwrap();
    let at =
        |id| async move { host.sessions.find_by_id(id).await.unwrap().unwrap().last_activity_at };
    assert_eq!(at(of_ada[0]).await, before(20));
    assert_eq!(at(of_ada[1]).await, before(10));
    assert_eq!(at(of_ada[2]).await, untouched.last_activity_at, "never back");
    assert_eq!(host.get(ada.id).await.last_active_at, before(10));
    assert_eq!(host.get(bob.id).await.last_active_at, now);
    assert!(host.kinds_since(start).await.is_empty(), "being seen is no change");
    let too_many = vec![(unknown, now); 10_001];
    assert_eq!(field(host.sessions.touch_many(&too_many).await), "seen");
}

async fn sessions_are_listed_by_user_and_by_all(host: &Host) {
    let (ada, of_ada) = host.user_with_sessions("ada", 3).await;
    let (_, of_bob) = host.user_with_sessions("bob", 1).await;
    host.sessions.end(of_ada[1], EndReason::Logout).await.unwrap();
    host.clock.advance(Duration::minutes(1));
    host.sessions.touch(of_ada[0]).await.unwrap();
    let page = PageRequest::default();
    let newest_first = [of_ada[2], of_ada[1], of_ada[0]];
    assert_eq!(ids(&host.sessions.list(ada.id, &page).await.unwrap().items), newest_first);
    let active = host.sessions.list_active(ada.id, &page).await.unwrap().items;
    assert_eq!(ids(&active), [of_ada[0], of_ada[2]], "used last first");
    let recent = host.sessions.list_recent(&page).await.unwrap().items;
    assert_eq!(ids(&recent), [of_bob[0], of_ada[2], of_ada[1], of_ada[0]]);
    let active = host.sessions.list_all_active(&page).await.unwrap().items;
    assert_eq!(ids(&active), [of_ada[0], of_bob[0], of_ada[2]]);
}

async fn lists_of_sessions_come_in_pages(host: &Host) {
    let (ada, mut sessions) = host.user_with_sessions("ada", 7).await;
    sessions.reverse();
    let mut seen = Vec::new();
    let mut page = PageRequest::new(3).unwrap();
    loop {
        let found = host.sessions.list_active(ada.id, &page).await.unwrap();
        seen.extend(ids(&found.items));
        let Some(next) = found.next else { break };
        page = page.after(Some(next));
    }
    assert_eq!(seen, sessions);
    let foreign =
        PageRequest::default().after(Some(systemprompt_users::Cursor::at_id(uuid::Uuid::nil())));
    assert_eq!(field(host.sessions.list(ada.id, &foreign).await), "after");
    assert_eq!(field(host.sessions.list_recent(&foreign).await), "after");
}

async fn what_a_client_sends_is_cut_or_refused(host: &Host) {
    let ada = host.user("ada").await.id;
    let long = "é".repeat(10_000);
    let client =
        NewSession { user_agent: Some(format!("a\u{0}b\r\n{long}")), ..NewSession::default() };
    let session = host.sessions.create(ada, &client).await.unwrap().session;
    let kept = session.user_agent.clone().unwrap();
    assert_eq!(kept.chars().count(), 255);
    assert!(kept.starts_with("abé"));
    assert_eq!(host.sessions.find_by_id(session.id).await.unwrap(), Some(session));
    let blank = NewSession {
        user_agent: Some(" \u{0} ".into()),
        fingerprint: Some("  ".into()),
        ..NewSession::default()
    };
    let session = host.sessions.create(ada, &blank).await.unwrap().session;
    assert_eq!((session.user_agent, session.fingerprint), (None, None));
    for bad in ["a\u{0}b", "a\nb", &long] {
        let some = || Some(bad.to_owned());
        for (client, expected) in [
            (NewSession { fingerprint: some(), ..NewSession::default() }, "fingerprint"),
            (NewSession { device_type: some(), ..NewSession::default() }, "device_type"),
            (NewSession { os: some(), ..NewSession::default() }, "os"),
            (NewSession { browser: some(), ..NewSession::default() }, "browser"),
        ] {
            assert_eq!(field(host.sessions.create(ada, &client).await), expected);
        }
    }
    assert_eq!(host.all_sessions(ada).await.len(), 2);
}
