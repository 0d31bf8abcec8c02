//! What the model test does, and by what chance.

use chrono::Duration;
use proptest::prelude::*;
use proptest::sample::select;
use systemprompt_users::{UserRole, UserStatus};

/// A user, a session, by its number; one that was never made is nobody.
pub(crate) type Number = usize;

/// One call of a service.
#[derive(Debug, Clone)]
pub(crate) enum Command {
    Wait(Duration),
    Create { name: &'static str, email: &'static str, is_admin: bool },
    Visit { fingerprint: &'static str, anew: bool },
    Register { user: Number, name: &'static str, email: &'static str },
    Update { user: Number, change: Change },
    SetStatus { user: Number, status: UserStatus },
    AddRole { user: Number, role: UserRole },
    DropRole { user: Number, role: UserRole },
    Delete { user: Number },
    Restore { user: Number },
    Hold { user: Number, held: bool },
    Purge { user: Number },
    Merge { source: Number, target: Number, keep: bool, gain: bool },
    BulkStatus { users: Vec<Number>, status: UserStatus },
    BulkDelete { users: Vec<Number> },
    BulkRole { users: Vec<Number>, role: UserRole },
    SignIn { user: Number },
    Touch { session: Number },
    End { session: Number },
    EndAll { user: Number },
    EndOthers { session: Number },
    Ban { target: &'static str, hours: Option<i64>, user: Number },
    Lift { target: &'static str },
    Allow { target: &'static str },
    Disallow { target: &'static str },
    CleanVisitors,
    CleanSessions,
    CleanBans,
    PurgeDeleted,
}

/// Fields to change; the full name is left, cleared or set.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub(crate) name: Option<&'static str>,
    pub(crate) email: Option<&'static str>,
    pub(crate) full_name: Option<Option<&'static str>>,
    pub(crate) verified: Option<bool>,
}

/// Few names, some of them the same in another spelling, so that they are taken often.
const NAMES: [&str; 6] = ["ada", "ADA", "bob", "eve", "annabel", "zoe"];
const EMAILS: [&str; 5] = [
    "ada@example.com",
    "ADA@example.com",
    "bob@example.com",
    "eve@home.example",
    "zoe@example.com",
];
const FULL_NAMES: [&str; 3] = ["Ada Lovelace", "ada", "Bob%"];
const FINGERPRINTS: [&str; 2] = ["f1", "f2"];
/// What is banned. The network holds the first two addresses.
pub(crate) const TARGETS: [&str; 4] = ["10.0.0.1", "10.0.0.2", "10.0.0.0/8", "192.0.2.1"];

/// Any command.
pub(crate) fn any() -> BoxedStrategy<Command> {
    use Command::*;
    let user = || 0..9usize;
    let users = || prop::collection::vec(0..9usize, 0..5);
    let session = || 0..9usize;
    let name = || select(&NAMES[..]);
    let email = || select(&EMAILS[..]);
    let target = || select(&TARGETS[..]);
    let status = || select(&[UserStatus::Active, UserStatus::Suspended, UserStatus::Deleted][..]);
    let role = || select(&UserRole::ALL[..]);
    let yes = proptest::bool::ANY;
    let change = || {
        let full_name = proptest::option::of(proptest::option::of(select(&FULL_NAMES[..])));
        let (name, email) = (proptest::option::of(name()), proptest::option::of(email()));
        (name, email, full_name, proptest::option::of(yes)).prop_map(
            |(name, email, full_name, verified)| Change { name, email, full_name, verified },
        )
    };
    let wait = select(&[1, 30, 60, 24 * 60, 8 * 24 * 60, 31 * 24 * 60, 100 * 24 * 60][..]);
    prop_oneof![
        3 => wait.prop_map(|minutes| Wait(Duration::minutes(minutes))),
        6 => (name(), email(), yes)
            .prop_map(|(name, email, is_admin)| Create { name, email, is_admin }),
        2 => (select(&FINGERPRINTS[..]), yes)
            .prop_map(|(fingerprint, anew)| Visit { fingerprint, anew }),
        2 => (user(), name(), email())
            .prop_map(|(user, name, email)| Register { user, name, email }),
        3 => (user(), change()).prop_map(|(user, change)| Update { user, change }),
        3 => (user(), status()).prop_map(|(user, status)| SetStatus { user, status }),
        2 => (user(), role()).prop_map(|(user, role)| AddRole { user, role }),
        2 => (user(), role()).prop_map(|(user, role)| DropRole { user, role }),
        2 => user().prop_map(|user| Delete { user }),
        2 => user().prop_map(|user| Restore { user }),
        1 => (user(), yes).prop_map(|(user, held)| Hold { user, held }),
        1 => user().prop_map(|user| Purge { user }),
        3 => (user(), user(), yes, yes)
            .prop_map(|(source, target, keep, gain)| Merge { source, target, keep, gain }),
        1 => (users(), status()).prop_map(|(users, status)| BulkStatus { users, status }),
        1 => users().prop_map(|users| BulkDelete { users }),
        1 => (users(), role()).prop_map(|(users, role)| BulkRole { users, role }),
        5 => user().prop_map(|user| SignIn { user }),
        2 => session().prop_map(|session| Touch { session }),
        1 => session().prop_map(|session| End { session }),
        1 => user().prop_map(|user| EndAll { user }),
        1 => session().prop_map(|session| EndOthers { session }),
        4 => (target(), proptest::option::of(select(&[1, 5, 240][..])), user())
            .prop_map(|(target, hours, user)| Ban { target, hours, user }),
        2 => target().prop_map(|target| Lift { target }),
        1 => target().prop_map(|target| Allow { target }),
        1 => target().prop_map(|target| Disallow { target }),
        1 => Just(CleanVisitors),
        1 => Just(CleanSessions),
        1 => Just(CleanBans),
        1 => Just(PurgeDeleted),
    ]
    .boxed()
}
