//! Decisions in memory: a ban check beside a bare prefix table, and a cached session.
//!
//! `DECIDE_NETWORKS=1000000` and `DECIDE_SESSIONS=1000000` choose how many there are; these are the defaults.
//! Ours and the bare table are asked in turns, and medians of the rounds are compared.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "a benchmark without its enforcer has nothing to measure"
)]

mod lap;
mod networks;
mod world;

use std::net::{IpAddr, Ipv4Addr};
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use systemprompt_users::{Requirement, UserRole};
use systemprompt_users_bench::{is_asked_for, number, row, time};

use self::lap::{Lap, median};
use self::networks::{Bare, addresses};
use self::world::World;

const TABLE: &str = "Decisions in memory";

/// How often each side is measured.
const ROUNDS: usize = 15;

/// How many questions a thread asks in a round.
const QUESTIONS: usize = 500_000;

/// What a ban check may take, and a decision on a session.
const BAN_CHECK: Duration = Duration::from_nanos(150);
const DECISION: Duration = Duration::from_micros(1);

/// How many times the throughput of one thread two are to reach.
const SCALE: f64 = 1.6;

/// From where sessions are asked for; no ban covers it.
const PEER: IpAddr = IpAddr::V4(Ipv4Addr::new(0, 0, 0, 1));

fn main() {
    if !is_asked_for("decide") {
        return;
    }
    let (networks, sessions) =
        (number("DECIDE_NETWORKS", 1_000_000), number("DECIDE_SESSIONS", 1_000_000));
    let mut world = World::new(networks, sessions);
    measure_bans(&world, networks);
    world.sign_in(sessions);
    measure_sessions(&world);
}

fn measure_bans(world: &World, networks: u32) {
    let bare = Bare::new(networks);
    let asked = addresses(networks);
    let ours = |n: usize| {
        let address = asked[n % asked.len()];
        at_once(world.enforcer.decide(address, None, Requirement::Address)).is_allowed()
    };
    let theirs = |n: usize| bare.find(asked[n % asked.len()]).is_none();
    agree(&asked, ours, theirs);
    let (mut one, mut two, mut bare) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        one.push(Lap::of(1, QUESTIONS, ours));
        bare.push(Lap::of(1, QUESTIONS, theirs));
        two.push(Lap::of(2, QUESTIONS, ours));
    }
    let (one, two, bare) = (median(&mut one), median(&mut two), median(&mut bare));
    let stats = world.enforcer.stats();
    let work = format!("ban check, {} networks, one thread", stats.bans);
    time(TABLE, &work, one.each(), bare.each(), 2.0);
    within(&work, one, BAN_CHECK);
    scales("ban check, two threads", one, two);
    stated("memory of a ban", world.bytes_of_a_ban);
}

/// Both tables say the same of every address that is asked about.
fn agree(asked: &[IpAddr], ours: impl Fn(usize) -> bool, theirs: impl Fn(usize) -> bool) {
    for (n, address) in asked.iter().enumerate() {
        assert_eq!(ours(n), theirs(n), "{address}");
    }
}

fn measure_sessions(world: &World) {
    let role = Requirement::Role(UserRole::User);
    let ours = |n: usize| {
        let token = &world.tokens[n % world.tokens.len()];
        let decision = at_once(world.enforcer.decide(PEER, Some(token), role));
        decision.session().is_some()
    };
    let (mut one, mut two) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        one.push(Lap::of(1, QUESTIONS, ours));
        two.push(Lap::of(2, QUESTIONS, ours));
    }
    let (one, two) = (median(&mut one), median(&mut two));
    let sessions = world.enforcer.stats().cached_sessions;
    let work = format!("decide, ban and cached session with roles, {sessions} sessions");
    within(&format!("{work}, one thread"), one, DECISION);
    scales("decide, ban and cached session with roles, two threads", one, two);
    stated("memory of a session", world.bytes_of_a_session);
}

fn within(work: &str, lap: Lap, bound: Duration) {
    let measured = format!("{:.0?}", lap.each());
    row(TABLE, work, &measured, "", &format!("under {bound:?}"), lap.each() < bound);
}

fn scales(work: &str, one: Lap, two: Lap) {
    let scale = two.rate() / one.rate();
    let (measured, beside) = (format!("{:.1e}/s", two.rate()), format!("{:.1e}/s", one.rate()));
    let beside = format!("{beside} on one, times {scale:.2}");
    row(TABLE, work, &measured, &beside, &format!("at least {SCALE} of one"), scale >= SCALE);
}

fn stated(work: &str, bytes: usize) {
    row(TABLE, work, &format!("{bytes} bytes"), "", "stated", true);
}

/// The answer of a question that does not wait.
fn at_once<T>(question: impl Future<Output = T>) -> T {
    match pin!(question).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => unreachable!("it is in memory"),
    }
}
