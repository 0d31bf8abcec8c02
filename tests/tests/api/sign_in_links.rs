//! One-time links: into a session once, and only for active users.

use chrono::Duration;
use systemprompt_users::{
    EndReason, EventKind, NewSession, Policy, SignInLinkService, StartedSession, Token, UserId,
    UserStatus,
};
use systemprompt_users_tests::{Host, at_once, code, field, on_every_backend};

on_every_backend! {
    a_link_starts_a_session_once,
    a_session_by_a_link_is_one_like_all_others,
    a_link_that_has_expired_is_none,
    of_many_at_once_one_gets_in,
    only_active_users_get_links_and_get_in,
    what_is_out_of_bounds_is_refused,
}

fn links(host: &Host) -> SignInLinkService {
    host.context.clone().into()
}

async fn link(host: &Host, user: UserId) -> Token {
    links(host).create(user, Duration::minutes(10)).await.unwrap().0
}

async fn redeem(host: &Host, token: &Token) -> Option<StartedSession> {
    links(host).redeem(&token.reveal(), &NewSession::default()).await.unwrap()
}

async fn a_link_starts_a_session_once(host: &Host) {
    let ada = host.user("ada").await.id;
    let before = host.position().await;
    let (token, link) = links(host).create(ada, Duration::minutes(10)).await.unwrap();
    assert_eq!((link.user_id, link.expires_at), (ada, host.now() + Duration::minutes(10)));
    let started = redeem(host, &token).await.unwrap();
    assert!(host.is_open(&started.token).await);
    assert!(redeem(host, &token).await.is_none(), "it was used");
    assert!(!host.is_open(&token).await, "the link is no session");
    for other in [started.token, Token::generate(&systemprompt_users::SystemEntropy)] {
        assert!(redeem(host, &other).await.is_none());
    }
    assert!(links(host).redeem("no token", &NewSession::default()).await.unwrap().is_none());
    let session_id = started.session.id;
    let events = [
        EventKind::SignInLinkCreated { user_id: ada },
        EventKind::SessionStarted { user_id: ada, session_id },
    ];
    assert_eq!(host.events_since(before).await, events);
}

async fn a_session_by_a_link_is_one_like_all_others(host: &Host) {
    let host = host.with_policy(Policy { max_sessions_per_user: 1, ..Policy::default() });
    let ada = host.user("ada").await.id;
    let old = host.session(ada).await;
    let token = link(&host, ada).await;
    let before = host.position().await;
    host.clock.advance(Duration::minutes(1));
    let client = NewSession {
        ip: Some("::ffff:192.0.2.1".parse().unwrap()),
        user_agent: Some("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Firefox/140.0".into()),
        ..NewSession::default()
    };
    let started = links(&host).redeem(&token.reveal(), &client).await.unwrap().unwrap();
    assert_eq!(started.session.ip, Some("192.0.2.1".parse().unwrap()));
    assert_eq!(started.session.os.as_deref(), Some("Linux"));
    assert_eq!(started.ended.len(), 1, "the limit holds");
    assert!(!host.is_open(&old.token).await);
    assert_eq!(host.get(ada).await.last_active_at, host.now());
    let (session_id, reason) = (started.session.id, EndReason::Limit);
    let events = [
        EventKind::SessionStarted { user_id: ada, session_id },
        EventKind::SessionsEnded { user_id: ada, session_ids: vec![old.session.id], reason },
    ];
    assert_eq!(host.events_since(before).await, events);
}

async fn a_link_that_has_expired_is_none(host: &Host) {
    let ada = host.user("ada").await.id;
    let [early, late] = [link(host, ada).await, link(host, ada).await];
    host.clock.advance(Duration::minutes(10) - Duration::microseconds(1));
    assert!(redeem(host, &early).await.is_some());
    host.clock.advance(Duration::microseconds(1));
    assert!(redeem(host, &late).await.is_none());
}

async fn of_many_at_once_one_gets_in(host: &Host) {
    let ada = host.user("ada").await.id;
    let token = link(host, ada).await;
    let attempts = (0..6).map(|_| {
        let (host, token) = (host.clone(), token.clone());
        async move { redeem(&host, &token).await.is_some() }
    });
    let successes = at_once(attempts).await.into_iter().filter(|got_in| *got_in);
    assert_eq!(successes.count(), 1);
    assert_eq!(host.live_sessions(ada).await.len(), 1);
}

async fn only_active_users_get_links_and_get_in(host: &Host) {
    let [suspended, deleted] = [host.user("bob").await.id, host.user("eve").await.id];
    let tokens = [link(host, suspended).await, link(host, deleted).await];
    host.users.update_status(suspended, UserStatus::Suspended).await.unwrap();
    host.users.delete(deleted).await.unwrap();
    let before = host.position().await;
    for token in &tokens {
        assert!(redeem(host, token).await.is_none());
    }
    let lifetime = Duration::minutes(10);
    assert_eq!(code(links(host).create(suspended, lifetime).await), "not_allowed");
    assert_eq!(code(links(host).create(deleted, lifetime).await), "not_found");
    assert!(host.events_since(before).await.is_empty());
    host.users.purge(deleted).await.unwrap();
    assert!(redeem(host, &tokens[1]).await.is_none(), "it went with the user");
}

async fn what_is_out_of_bounds_is_refused(host: &Host) {
    let ada = host.user("ada").await.id;
    for lifetime in [Duration::zero(), Duration::milliseconds(999), Duration::hours(25)] {
        assert_eq!(field(links(host).create(ada, lifetime).await), "lifetime");
    }
    let token = link(host, ada).await;
    let client = NewSession { os: Some("a\u{0}".into()), ..NewSession::default() };
    assert_eq!(field(links(host).redeem(&token.reveal(), &client).await), "os");
    assert!(redeem(host, &token).await.is_some(), "it was not used up");
}
