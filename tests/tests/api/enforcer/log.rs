//! A log that was cut behind the enforcer's back.

use chrono::Duration;
use systemprompt_users::{BanDuration, Policy, UserStatus};
use systemprompt_users_tests::{Host, on_every_backend};

use super::{Pair, of_address, until};

on_every_backend! {
    a_log_that_was_cut_is_made_up_for,
    an_empty_log_is_followed,
}

/// Removes events and says nothing of it.
async fn cut(host: &Host) {
    let mut unit = host.storage.write().await.unwrap();
    let before = host.now() + Duration::days(1);
    while unit.events().delete_before(before, 1000).await.unwrap() > 0 {}
    unit.commit().await.unwrap();
}

async fn a_log_that_was_cut_is_made_up_for(host: &Host) {
    let strict = host.with_policy(Policy::default());
    let pair = Pair::on(&strict).await;
    let (user, token) = pair.signed_in("ada").await;
    pair.caught_up().await;
    // In one unit, so that nobody reads what comes in between.
    let mut unit = strict.storage.write().await.unwrap();
    unit.events().delete_before(strict.now() + Duration::days(1), 1000).await.unwrap();
    unit.commit().await.unwrap();
    until("it has noticed", async || pair.b.stats().reloads == 1).await;
    pair.a.users.update_status(user, UserStatus::Suspended).await.unwrap();
    pair.a.ban("192.0.2.1", BanDuration::Permanent).await;
    pair.caught_up().await;
    assert!(pair.session(&token).await.is_some());
    assert!(of_address(&pair.b, "192.0.2.1").await.is_some());
    assert_eq!(
        pair.b.stats().reloads,
        2,
        "the first event of a log that began anew is not the next"
    );
    pair.b.shutdown().await;
}

async fn an_empty_log_is_followed(host: &Host) {
    cut(host).await;
    let pair = Pair::on(host).await;
    pair.a.ban("192.0.2.1", BanDuration::Permanent).await;
    pair.caught_up().await;
    assert!(of_address(&pair.b, "192.0.2.1").await.is_some());
    assert_eq!(pair.b.stats().reloads, 0);
    pair.b.shutdown().await;
}
